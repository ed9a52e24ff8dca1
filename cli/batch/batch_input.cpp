#include "cli/batch/batch_input.hpp"

#include "cli/errors.hpp"

#include <fmt/format.h>

namespace troupe {

result<batch_input> batch_input::open(const std::string& path) {
  auto file = line_file::open(path, line_bytes_max);
  if (!file)
    return forward_error(file);
  batch_input out(std::move(*file));
  const auto fail = [&](std::string_view what) {
    return failure(cli_error::input, fmt::format("{} {}.", path, what));
  };
  while (true) {
    auto read = out.next();
    if (!read)
      return forward_error(read);
    if (!*read)
      break;
    const auto& [number, request] = **read;
    if (++out.size_ > lines_max)
      return fail(fmt::format("has more than {} requests: split it", lines_max));
    const std::string& id = request ? request->custom_id : request.error().custom_id;
    if (id.empty())
      continue;
    if (const auto [found, fresh] = out.ids_.emplace(id, number); !fresh)
      return fail(
          fmt::format("has the custom_id {} twice, in lines {} and {}: results could not be told apart",
                      id.substr(0, 64), found->second, number));
  }
  if (out.size_ == 0)
    return fail("has no request in it");
  out.file_.rewind();
  return out;
}

result<std::optional<batch_input::entry>> batch_input::next() {
  while (true) {
    auto read = file_.next();
    if (!read)
      return forward_error(read);
    if (!*read)
      return std::optional<entry>();
    const auto& line = **read;
    if (line.too_long)
      return std::optional(entry{
          line.number,
          tl::unexpected(batch_problem{
              "invalid_line", fmt::format("the line is longer than {} MiB", line_bytes_max >> 20), {}})});
    if (line.text.find_first_not_of(" \t\r") != std::string::npos)
      return std::optional(entry{line.number, parse_batch_line(parser_, line.text)});
  }
}

} // namespace troupe
