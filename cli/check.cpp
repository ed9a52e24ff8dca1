#include "cli/command.hpp"
#include "cli/command_settings.hpp"
#include "cli/exit_code.hpp"
#include "model/gguf_file.hpp"
#include "model/model_report.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>

namespace troupe {

namespace {

constexpr const char* about = "Say whether this release can load a model file, and what is in it.";

std::string weights_of(const model_report& report) {
  std::string out;
  for (const auto& [type, count] : report.weights)
    out += fmt::format("{}{} {:.1f}%", out.empty() ? "" : ", ", to_string(type),
                       100.0 * static_cast<double>(count) / static_cast<double>(report.parameters));
  return out;
}

std::string text_of(const std::string& path, const model_report& report) {
  const auto mb = [](size_t bytes) { return static_cast<double>(bytes) / 1e6; };
  const auto& shape = report.shape;
  return fmt::format(
      "{}: loads\n"
      "  architecture   {}, {:.0f} M parameters, {} layers, hidden {}, {} heads ({} of keys) of {}\n"
      "  context        {} positions\n"
      "  weights        {}\n"
      "  memory         {:.0f} MB for {:.0f} MB of the file\n"
      "  tokenizer      {}, {} tokens\n"
      "  chat template  {}\n",
      path, report.architecture, static_cast<double>(report.parameters) / 1e6, shape.layers, shape.hidden,
      shape.heads, shape.kv_heads, shape.head_dim, shape.context_length, weights_of(report),
      mb(report.memory_bytes), mb(report.file_bytes), report.tokenizer, report.tokens,
      report.has_template ? "yes" : "none: chat needs one");
}

int check(const std::string& path, console& io) {
  const auto file = gguf_file::open(path);
  const auto report = file ? report_model(*file) : result<model_report>(forward_error(file));
  if (!report) {
    const auto& message = report.error().message;
    return fail(io, message.starts_with(path) ? message : path + ": " + message);
  }
  io.out << text_of(path, *report) << std::flush;
  return io.out ? exit_success : exit_failed;
}

} // namespace

void add_check(CLI::App& parent, command& chosen) {
  const auto path = std::make_shared<std::string>();
  auto* added = parent.add_subcommand("check", about);
  added->add_option("MODEL", *path, "A GGUF file.")->required();
  added->callback([path, &chosen] { chosen = [path](console& io) { return check(*path, io); }; });
}

} // namespace troupe
