#include "model/compute_device.hpp"

#include "model/errors.hpp"

#include <charconv>
#include <fmt/format.h>

namespace troupe {

result<compute_device> parse_compute_device(std::string_view text) {
  constexpr std::string_view prefix = "cuda:";
  constexpr size_t digits_max = 3;
  if (text == "cpu")
    return compute_device{compute_device::kind::cpu, 0};
  if (text == "auto")
    return compute_device{compute_device::kind::automatic, 0};
  if (text.starts_with(prefix)) {
    const auto number = text.substr(prefix.size());
    int32_t index = -1;
    const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), index);
    if (problem == std::errc() && end == number.data() + number.size() && index >= 0 &&
        number.size() <= digits_max)
      return compute_device{compute_device::kind::cuda, index};
  }
  return failure(model_error::unsupported,
                 fmt::format("device = {}: expected auto, cpu, or cuda:0 for the first card", text));
}

} // namespace troupe
