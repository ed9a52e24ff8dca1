#include "model/gguf_file.hpp"

#include "model/errors.hpp"

#include <cstring>
#include <fmt/format.h>

namespace troupe {

result<gguf_file> gguf_file::open(const std::filesystem::path& path) {
  auto mapping = gguf_mapping::open(path);
  if (!mapping)
    return forward_error(mapping);
  return read(path, std::move(*mapping));
}

result<gguf_file> gguf_file::over(std::span<const std::byte> bytes, std::string_view name) {
  return read(name, gguf_mapping::over(bytes));
}

result<gguf_file> gguf_file::read(const std::filesystem::path& path, gguf_mapping mapping) {
  auto header = parse_gguf(mapping.bytes());
  if (!header) {
    auto cause = header.error();
    cause.message = path.string() + ": " + cause.message;
    return tl::unexpected<error>(std::move(cause));
  }
  return gguf_file(path, std::move(mapping), std::move(*header));
}

gguf_file::gguf_file(gguf_file&&) = default;
gguf_file& gguf_file::operator=(gguf_file&&) = default;
gguf_file::~gguf_file() = default;

const tensor_view* gguf_file::find_tensor(std::string_view name) const {
  const auto found = header_.tensor_index.find(name);
  return found == header_.tensor_index.end() ? nullptr : &header_.tensors[found->second];
}

template <class Value>
result<const Value*> gguf_file::get(std::string_view key, std::string_view type_name) const {
  const auto found = header_.values.find(key);
  if (found == header_.values.end())
    return failure(model_error::missing_key,
                   fmt::format("{}: the metadata key {} is missing", path_.string(), printable(key)));
  const auto* value = std::get_if<Value>(&found->second);
  if (!value)
    return failure(model_error::wrong_type, fmt::format("{}: the metadata key {} is not {}", path_.string(),
                                                        printable(key), type_name));
  return value;
}

result<int64_t> gguf_file::get_integer(std::string_view key) const {
  const auto value = get<int64_t>(key, "an integer below 2^63");
  return value ? result<int64_t>(**value) : forward_error(value);
}

result<double> gguf_file::get_float(std::string_view key) const {
  const auto value = get<double>(key, "a floating-point number");
  return value ? result<double>(**value) : forward_error(value);
}

result<bool> gguf_file::get_bool(std::string_view key) const {
  const auto value = get<bool>(key, "true or false");
  return value ? result<bool>(**value) : forward_error(value);
}

result<std::string_view> gguf_file::get_string(std::string_view key) const {
  const auto value = get<std::string_view>(key, "a string");
  return value ? result<std::string_view>(**value) : forward_error(value);
}

namespace {

tl::unexpected<error> wrong_elements(const std::filesystem::path& path, std::string_view key,
                                     std::string_view expected) {
  return failure(model_error::wrong_type, fmt::format("{}: the metadata key {} is not an array of {}",
                                                      path.string(), printable(key), expected));
}

template <class Number, class Out>
void convert(const gguf_array& array, std::vector<Out>& out) {
  for (uint64_t i = 0; i < array.count; ++i) {
    Number number;
    std::memcpy(&number, array.numbers.data() + i * sizeof(Number), sizeof(Number));
    out.push_back(static_cast<Out>(number));
  }
}

} // namespace

result<std::span<const std::string_view>> gguf_file::get_strings(std::string_view key) const {
  const auto array = get<gguf_array>(key, "an array of strings");
  if (!array)
    return forward_error(array);
  if ((*array)->element != gguf_type::string)
    return wrong_elements(path_, key, "strings");
  return std::span<const std::string_view>((*array)->strings);
}

result<std::vector<int64_t>> gguf_file::get_integers(std::string_view key) const {
  const auto array = get<gguf_array>(key, "an array of integers");
  if (!array)
    return forward_error(array);
  std::vector<int64_t> out;
  out.reserve((*array)->count);
  switch ((*array)->element) {
  case gguf_type::uint8:
    convert<uint8_t>(**array, out);
    break;
  case gguf_type::int8:
    convert<int8_t>(**array, out);
    break;
  case gguf_type::uint16:
    convert<uint16_t>(**array, out);
    break;
  case gguf_type::int16:
    convert<int16_t>(**array, out);
    break;
  case gguf_type::uint32:
    convert<uint32_t>(**array, out);
    break;
  case gguf_type::int32:
    convert<int32_t>(**array, out);
    break;
  case gguf_type::int64:
    convert<int64_t>(**array, out);
    break;
  case gguf_type::uint64: {
    convert<uint64_t>(**array, out);
    for (const auto number : out)
      if (number < 0) // it was 2^63 or more
        return wrong_elements(path_, key, "integers below 2^63");
    break;
  }
  default:
    return wrong_elements(path_, key, "integers");
  }
  return out;
}

result<std::vector<bool>> gguf_file::get_bools(std::string_view key) const {
  const auto array = get<gguf_array>(key, "an array of booleans");
  if (!array)
    return forward_error(array);
  if ((*array)->element != gguf_type::boolean)
    return wrong_elements(path_, key, "booleans");
  std::vector<bool> out;
  for (const auto byte : (*array)->numbers)
    out.push_back(byte != std::byte{0});
  return out;
}

result<std::vector<double>> gguf_file::get_floats(std::string_view key) const {
  const auto array = get<gguf_array>(key, "an array of floating-point numbers");
  if (!array)
    return forward_error(array);
  std::vector<double> out;
  switch ((*array)->element) {
  case gguf_type::float32:
    out.reserve((*array)->count);
    convert<float>(**array, out);
    break;
  case gguf_type::float64:
    out.reserve((*array)->count);
    convert<double>(**array, out);
    break;
  default:
    return wrong_elements(path_, key, "floating-point numbers");
  }
  return out;
}

} // namespace troupe
