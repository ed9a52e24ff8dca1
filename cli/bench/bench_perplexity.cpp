#include "base/page_size.hpp"
#include "cli/bench/json_file.hpp"
#include "cli/bench/machine.hpp"
#include "cli/bench/perplexity.hpp"
#include "cli/command.hpp"
#include "cli/command_settings.hpp"
#include "cli/errors.hpp"
#include "cli/exit_code.hpp"
#include "cli/progress_bar.hpp"
#include "model/attention_windows.hpp"
#include "model/gguf_file.hpp"
#include "model/tokenizer.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

namespace troupe {

namespace {

constexpr const char* examples =
    R"(Scores a text: each token is predicted from all before it, in one sequence. The number depends on the
model, the text and the window, not on the machine. Stretches are of equal length, first to last: where the
text is longer than a window, the later ones show what the window costs.

Examples:
  troupe bench perplexity --text bench/data/jargon.txt
  troupe bench perplexity --text bench/data/jargon.txt --attention-window 2048 --attention-sinks 4)";

constexpr std::string_view keys[] = {
    "model.path", "engine.threads", "engine.cpu_isa", "engine.attention_window", "engine.attention_sinks",
    "log.level"};

constexpr size_t text_bytes_max = 64 << 20;
constexpr int32_t step_tokens = 128; // logits of a step are 4 bytes a token of the vocabulary
constexpr size_t stretches = 8;

struct perplexity_arguments {
  flag_values flags;
  std::string text_path;
  int32_t tokens = 8192;
  std::string json_path;
};

result<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(text_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.empty())
    return failure(cli_error::bad_usage, fmt::format("{} cannot be read, or is empty.", path));
  if (text.size() > text_bytes_max)
    return failure(cli_error::bad_usage,
                   fmt::format("{} has more than {} MiB: cut it.", path, text_bytes_max >> 20));
  return text;
}

struct scored_text {
  std::string model;
  attention_window window;
  text_score all;
  std::vector<double> perplexities; // of the stretches
};

result<scored_text> measure(const perplexity_arguments& arguments, const settings& values, console& io) {
  auto text = read_text(arguments.text_path);
  if (!text)
    return forward_error(text);
  auto isa = parse_instruction_set(values.cpu_isa);
  if (!isa)
    return forward_error(isa);
  auto file = gguf_file::open(values.model_path);
  if (!file)
    return forward_error(file);
  auto words = tokenizer::from_gguf(*file);
  if (!words)
    return forward_error(words);
  auto model = load_language_model(*file, {.isa = *isa, .window = window_of(values)});
  if (!model)
    return forward_error(model);
  auto tokens = (*words)->encode(*text);
  const auto wanted = static_cast<size_t>(std::min(arguments.tokens, (*model)->shape().context_length));
  if (tokens.size() > wanted)
    tokens.resize(wanted);
  const int64_t threads = values.threads == 0 ? describe_machine().cores : values.threads;
  thread_pool pool(static_cast<int>(std::min<int64_t>(threads, thread_pool::threads_max)));
  perplexity scorer(**model, pool, static_cast<int32_t>(tokens.size()), step_tokens);
  progress_bar bar(io.err, io.err_is_terminal, true, file_name(arguments.text_path));
  auto all = scorer.score(tokens, [&](int32_t done) { bar.show(static_cast<size_t>(done), tokens.size()); });
  if (!all)
    return forward_error(all);
  scored_text out{file_name(values.model_path), (*model)->shape().window, *all, {}};
  const auto losses = scorer.losses();
  for (size_t i = 0; i < stretches; ++i) {
    const auto begin = losses.size() * i / stretches, end = losses.size() * (i + 1) / stretches;
    text_score part;
    for (auto at = begin; at < end; ++at, ++part.predicted)
      part.loss += losses[at];
    out.perplexities.push_back(part.perplexity());
  }
  return out;
}

int bench_perplexity(const perplexity_arguments& arguments, console& io) {
  auto values = local_settings_of(arguments.flags, io);
  if (!values)
    return values.error();
  auto scored = measure(arguments, *values, io);
  if (!scored)
    return fail(io, scored.error().message);
  io.out << fmt::format("{}, window {}, sinks {}: perplexity {:.4f} over {} tokens; by eighths {:.2f}\n",
                        scored->model, scored->window.positions, scored->window.sinks,
                        scored->all.perplexity(), scored->all.predicted,
                        fmt::join(scored->perplexities, " "));
  if (!arguments.json_path.empty()) {
    const nlohmann::ordered_json out{{"bench", "perplexity"},
                                     {"machine", to_json(describe_machine())},
                                     {"model", scored->model},
                                     {"text", file_name(arguments.text_path)},
                                     {"attention_window", scored->window.positions},
                                     {"attention_sinks", scored->window.sinks},
                                     {"predicted_tokens", scored->all.predicted},
                                     {"perplexity", scored->all.perplexity()},
                                     {"perplexity_by_stretch", scored->perplexities}};
    if (auto ok = write_json(arguments.json_path, out); !ok)
      return fail(io, ok.error().message);
  }
  return io.out ? exit_success : exit_failed;
}

} // namespace

void add_bench_perplexity(CLI::App& parent, command& chosen) {
  auto arguments = std::make_shared<perplexity_arguments>();
  CLI::App* app = parent.add_subcommand("perplexity", "How well the model predicts a text.");
  app->footer(examples);
  app->add_option("--text", arguments->text_path, "The text, UTF-8.")->required()->type_name("FILE");
  app->add_option("--tokens", arguments->tokens,
                  "Tokens of its beginning, at most the model's context. Default 8192.")
      ->check(CLI::Range(2, 1 << 20));
  app->add_option("--json", arguments->json_path, "Write the results to this file too.")->type_name("FILE");
  add_flags(*app, arguments->flags, keys);
  app->callback([arguments, &chosen] {
    chosen = [arguments](console& io) { return bench_perplexity(*arguments, io); };
  });
}

} // namespace troupe
