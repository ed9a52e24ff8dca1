#include "cli/bench/goodput.hpp"

#include "cli/errors.hpp"

#include <charconv>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr double bound_ms_max = 86'400'000; // a day

} // namespace

result<goodput_bounds> parse_goodput(std::string_view text) {
  goodput_bounds out;
  for (auto rest = text; !rest.empty();) {
    const auto part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const size_t colon = std::min(part.find(':'), part.size());
    const auto name = part.substr(0, colon);
    const auto number = part.substr(std::min(part.size(), colon + 1));
    double* bound = name == "ttft"   ? &out.first_token_ms
                    : name == "tpot" ? &out.per_token_ms
                    : name == "e2e"  ? &out.end_to_end_ms
                                     : nullptr;
    double value = 0;
    const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), value);
    const bool read = failed == std::errc() && end == number.data() + number.size();
    if (!bound || *bound > 0 || !read || !(value > 0) || value > bound_ms_max)
      return failure(
          cli_error::bad_usage,
          fmt::format("{} is no bound: give ttft:MS, tpot:MS and e2e:MS, those you want, with commas "
                      "between them",
                      part.substr(0, 64)));
    *bound = value;
  }
  if (!out.any())
    return failure(cli_error::bad_usage, "an empty list bounds nothing: give one like ttft:500,tpot:50");
  return out;
}

} // namespace troupe
