#include "model/gguf_reader.hpp"

#include "model/errors.hpp"

#include <fmt/format.h>

namespace troupe {

tl::unexpected<error> gguf_reader::ends_inside(std::string_view what) const {
  return failure(model_error::bad_format,
                 fmt::format("the file ends inside {} at byte {} of {}; fetch the model again", what,
                             position_, file_.size()));
}

result<std::span<const std::byte>> gguf_reader::read_bytes(uint64_t count, std::string_view what) {
  if (left() < count)
    return ends_inside(what);
  const auto bytes = file_.subspan(position_, count);
  position_ += count;
  return bytes;
}

result<std::string_view> gguf_reader::read_string(uint64_t bytes_max, std::string_view what) {
  const auto length = read<uint64_t>(what);
  if (!length)
    return forward_error(length);
  if (*length > bytes_max)
    return failure(model_error::bad_format, fmt::format("{} at byte {} claims {} bytes, at most {} are read",
                                                        what, position_, *length, bytes_max));
  const auto bytes = read_bytes(*length, what);
  if (!bytes)
    return forward_error(bytes);
  return std::string_view(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

} // namespace troupe
