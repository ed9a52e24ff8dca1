#include "model/gguf_header.hpp"

#include "model/errors.hpp"
#include "model/gguf_reader.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

namespace troupe {

namespace {

constexpr uint32_t gguf_magic = 0x46554747; // "GGUF"
constexpr uint32_t gguf_version = 3;
constexpr uint32_t default_alignment = 32; // bytes, where general.alignment is missing

tl::unexpected<error> bad(std::string message) {
  return failure(model_error::bad_format, std::move(message));
}

/// What each number of ggml_type is called, for the message about one that is not read here.
std::string_view ggml_type_name(uint32_t number) {
  constexpr std::string_view names[] = {
      "f32",   "f16",    "q4_0", "q4_1", "q4_2", "q4_3",    "q5_0",   "q5_1",    "q8_0",  "q8_1",   "q2_k",
      "q3_k",  "q4_k",   "q5_k", "q6_k", "q8_k", "iq2_xxs", "iq2_xs", "iq3_xxs", "iq1_s", "iq4_nl", "iq3_s",
      "iq2_s", "iq4_xs", "i8",   "i16",  "i32",  "i64",     "f64",    "iq1_m",   "bf16"};
  return number < std::size(names) ? names[number] : "unknown";
}

/// "f32, f16, ... and bf16"
std::string known_types() {
  std::string out;
  for (const auto type : tensor_types) {
    if (!out.empty())
      out += type == std::end(tensor_types)[-1] ? " and " : ", ";
    out += to_string(type);
  }
  return out;
}

template <class Number>
result<gguf_value> read_number(gguf_reader& reader, std::string_view what) {
  const auto number = reader.read<Number>(what);
  if (!number)
    return forward_error(number);
  if constexpr (std::is_floating_point_v<Number>)
    return gguf_value(static_cast<double>(*number));
  else if (std::in_range<int64_t>(*number))
    return gguf_value(static_cast<int64_t>(*number));
  else
    return gguf_value(static_cast<uint64_t>(*number));
}

result<gguf_value> read_bool(gguf_reader& reader, std::string_view what) {
  const auto byte = reader.read<uint8_t>(what);
  if (!byte)
    return forward_error(byte);
  if (*byte > 1)
    return bad(fmt::format("{} should be 0 or 1, got {}", what, *byte));
  return gguf_value(*byte == 1);
}

result<gguf_array> read_array(gguf_reader& reader, const std::string& what, int depth) {
  if (depth > gguf_limits::array_depth_max)
    return bad(fmt::format("{} nests arrays deeper than {}", what, gguf_limits::array_depth_max));
  const auto type = reader.read<uint32_t>(what);
  const auto count = type ? reader.read<uint64_t>(what) : result<uint64_t>(forward_error(type));
  if (!count)
    return forward_error(count);
  if (*count > gguf_limits::array_elements_max)
    return bad(fmt::format("{} claims {} elements, at most {} are read", what, *count,
                           gguf_limits::array_elements_max));
  gguf_array array{static_cast<gguf_type>(*type), *count, {}, {}};
  if (const auto size = bytes_of(array.element)) {
    const auto numbers = reader.read_bytes(*count * size, what);
    if (!numbers)
      return forward_error(numbers);
    array.numbers = *numbers;
  } else if (array.element == gguf_type::string) {
    // 8 bytes are the least that a string takes: a false count must not reserve memory.
    array.strings.reserve(std::min(*count, reader.left() / 8));
    for (uint64_t i = 0; i < *count; ++i) {
      const auto string = reader.read_string(gguf_limits::string_bytes_max, what);
      if (!string)
        return forward_error(string);
      array.strings.push_back(*string);
    }
  } else if (array.element == gguf_type::array) {
    // No model needs the contents; they are checked and passed over.
    for (uint64_t i = 0; i < *count; ++i)
      if (const auto inner = read_array(reader, what, depth + 1); !inner)
        return forward_error(inner);
  } else {
    return bad(fmt::format("{} has elements of type {}, GGUF 3 has types 0 to 12", what, *type));
  }
  return array;
}

result<gguf_value> read_value(gguf_reader& reader, const std::string& what) {
  const auto type = reader.read<uint32_t>(what);
  if (!type)
    return forward_error(type);
  switch (static_cast<gguf_type>(*type)) {
  case gguf_type::uint8:
    return read_number<uint8_t>(reader, what);
  case gguf_type::int8:
    return read_number<int8_t>(reader, what);
  case gguf_type::uint16:
    return read_number<uint16_t>(reader, what);
  case gguf_type::int16:
    return read_number<int16_t>(reader, what);
  case gguf_type::uint32:
    return read_number<uint32_t>(reader, what);
  case gguf_type::int32:
    return read_number<int32_t>(reader, what);
  case gguf_type::uint64:
    return read_number<uint64_t>(reader, what);
  case gguf_type::int64:
    return read_number<int64_t>(reader, what);
  case gguf_type::float32:
    return read_number<float>(reader, what);
  case gguf_type::float64:
    return read_number<double>(reader, what);
  case gguf_type::boolean:
    return read_bool(reader, what);
  case gguf_type::string: {
    const auto string = reader.read_string(gguf_limits::string_bytes_max, what);
    return string ? result<gguf_value>(*string) : forward_error(string);
  }
  case gguf_type::array: {
    auto array = read_array(reader, what, 1);
    return array ? result<gguf_value>(std::move(*array)) : forward_error(array);
  }
  }
  return bad(fmt::format("{} has type {}, GGUF 3 has types 0 to 12", what, *type));
}

struct counts {
  uint64_t tensors;
  uint64_t keys;
};

result<counts> read_preamble(gguf_reader& reader) {
  const auto magic = reader.read<uint32_t>("the magic number");
  if (!magic)
    return bad("not a GGUF file: shorter than its magic number");
  if (*magic != gguf_magic)
    return bad("not a GGUF file: it does not begin with \"GGUF\"");
  const auto version = reader.read<uint32_t>("the version");
  if (!version)
    return forward_error(version);
  if (__builtin_bswap32(*version) <= gguf_version && *version != 0)
    return failure(model_error::unsupported, "a big-endian GGUF file; convert the model to little-endian");
  if (*version != gguf_version)
    return failure(
        model_error::unsupported,
        fmt::format("GGUF version {}; this release reads version {}: convert the model again with a current "
                    "converter",
                    *version, gguf_version));
  const auto tensors = reader.read<uint64_t>("the tensor count");
  const auto keys = tensors ? reader.read<uint64_t>("the key count") : tensors;
  if (!keys)
    return forward_error(keys);
  if (*tensors > gguf_limits::tensors_max)
    return bad(fmt::format("claims {} tensors, at most {} are read", *tensors, gguf_limits::tensors_max));
  if (*keys > gguf_limits::keys_max)
    return bad(fmt::format("claims {} metadata keys, at most {} are read", *keys, gguf_limits::keys_max));
  return counts{*tensors, *keys};
}

status read_values(gguf_reader& reader, uint64_t count, gguf_header& header) {
  for (uint64_t i = 0; i < count; ++i) {
    const auto key =
        reader.read_string(gguf_limits::name_bytes_max, fmt::format("the metadata key number {}", i));
    if (!key)
      return forward_error(key);
    if (key->empty())
      return bad(fmt::format("the metadata key number {} is empty", i));
    auto value = read_value(reader, "the metadata value " + printable(*key));
    if (!value)
      return forward_error(value);
    if (!header.values.emplace(*key, std::move(*value)).second)
      return bad(fmt::format("the metadata key {} appears twice", printable(*key)));
  }
  return {};
}

result<uint32_t> read_alignment(const gguf_header& header) {
  const auto found = header.values.find("general.alignment");
  if (found == header.values.end())
    return default_alignment;
  const auto* alignment = std::get_if<int64_t>(&found->second);
  if (!alignment || *alignment < 8 || *alignment > gguf_limits::alignment_max ||
      (*alignment & (*alignment - 1)) != 0)
    return bad(
        fmt::format("general.alignment should be a power of two from 8 to {}", gguf_limits::alignment_max));
  return static_cast<uint32_t>(*alignment);
}

struct tensor_record {
  std::string_view name; // in the file
  tensor_view view;      // data not yet set
  uint64_t offset = 0;   // bytes from the start of the weights
  uint64_t bytes = 0;
};

/// Elements of the tensor, all dimensions at least 1. Errors: bad_format.
result<uint64_t> read_shape(gguf_reader& reader, const std::string& what, std::vector<uint64_t>& shape) {
  const auto dimensions = reader.read<uint32_t>(what);
  if (!dimensions)
    return forward_error(dimensions);
  if (*dimensions < 1 || *dimensions > gguf_limits::dimensions_max)
    return bad(fmt::format("{} has {} dimensions, 1 to {} are read", what, *dimensions,
                           gguf_limits::dimensions_max));
  uint64_t elements = 1;
  for (uint32_t i = 0; i < *dimensions; ++i) {
    const auto extent = reader.read<uint64_t>(what);
    if (!extent)
      return forward_error(extent);
    if (*extent == 0 || __builtin_mul_overflow(elements, *extent, &elements) ||
        elements > gguf_limits::elements_max)
      return bad(fmt::format("{} has a dimension of {}: none may be 0, and the product at most {}", what,
                             *extent, gguf_limits::elements_max));
    shape.push_back(*extent);
  }
  return elements;
}

result<tensor_record> read_tensor(gguf_reader& reader, uint64_t number, uint32_t alignment) {
  tensor_record tensor;
  const auto name =
      reader.read_string(gguf_limits::name_bytes_max, fmt::format("the name of tensor number {}", number));
  if (!name)
    return forward_error(name);
  if (name->empty())
    return bad(fmt::format("the name of tensor number {} is empty", number));
  tensor.name = *name;
  tensor.view.name = std::string(*name);
  const std::string what = "the tensor " + printable(*name);
  const auto elements = read_shape(reader, what, tensor.view.shape);
  if (!elements)
    return forward_error(elements);
  const auto type_number = reader.read<uint32_t>(what);
  const auto offset =
      type_number ? reader.read<uint64_t>(what) : result<uint64_t>(forward_error(type_number));
  if (!offset)
    return forward_error(offset);
  const auto type = tensor_type_of(*type_number);
  if (!type)
    return failure(model_error::unsupported,
                   fmt::format("{} has type {} (number {}); this release reads {}", what,
                               ggml_type_name(*type_number), *type_number, known_types()));
  tensor.view.type = *type;
  const auto layout = layout_of(*type);
  if (tensor.view.shape[0] % layout.elements != 0)
    return bad(fmt::format("{} has rows of {} elements, not a multiple of the {} of a {} block", what,
                           tensor.view.shape[0], layout.elements, to_string(*type)));
  if (*offset % alignment != 0)
    return bad(
        fmt::format("{} begins at byte {}, not a multiple of the alignment {}", what, *offset, alignment));
  tensor.offset = *offset;
  tensor.bytes = *elements / layout.elements * layout.bytes; // below 2^43 by elements_max
  return tensor;
}

status check_overlaps(const std::vector<tensor_record>& tensors) {
  std::vector<const tensor_record*> order;
  for (const auto& tensor : tensors)
    order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->offset < b->offset; });
  for (size_t i = 1; i < order.size(); ++i)
    if (order[i - 1]->offset + order[i - 1]->bytes > order[i]->offset)
      return bad(fmt::format("the tensors {} and {} overlap", printable(order[i - 1]->name),
                             printable(order[i]->name)));
  return {};
}

/// Points each view at its bytes, which must lie in the file and apart from each other.
status place_tensors(std::vector<tensor_record>& tensors, std::span<const std::byte> weights,
                     gguf_header& header) {
  for (auto& tensor : tensors) {
    if (tensor.offset > weights.size() || tensor.bytes > weights.size() - tensor.offset)
      return bad(fmt::format(
          "the tensor {} needs {} bytes at {} of the weights, the file has {}; fetch the model again",
          printable(tensor.name), tensor.bytes, tensor.offset, weights.size()));
    tensor.view.data = weights.subspan(tensor.offset, tensor.bytes);
  }
  if (const auto apart = check_overlaps(tensors); !apart)
    return apart;
  for (auto& tensor : tensors) {
    if (!header.tensor_index.emplace(tensor.name, header.tensors.size()).second)
      return bad(fmt::format("the tensor {} appears twice", printable(tensor.name)));
    header.tensors.push_back(std::move(tensor.view));
  }
  return {};
}

} // namespace

result<gguf_header> parse_gguf(std::span<const std::byte> file) {
  gguf_reader reader(file);
  const auto count = read_preamble(reader);
  if (!count)
    return forward_error(count);
  gguf_header header;
  if (const auto read = read_values(reader, count->keys, header); !read)
    return forward_error(read);
  const auto alignment = read_alignment(header);
  if (!alignment)
    return forward_error(alignment);
  std::vector<tensor_record> tensors;
  for (uint64_t i = 0; i < count->tensors; ++i) {
    auto tensor = read_tensor(reader, i, *alignment);
    if (!tensor)
      return forward_error(tensor);
    tensors.push_back(std::move(*tensor));
  }
  const uint64_t begin = (reader.position() + *alignment - 1) / *alignment * *alignment;
  const auto weights = begin < file.size() ? file.subspan(begin) : std::span<const std::byte>();
  if (const auto placed = place_tensors(tensors, weights, header); !placed)
    return forward_error(placed);
  return header;
}

uint32_t bytes_of(gguf_type type) {
  switch (type) {
  case gguf_type::uint8:
  case gguf_type::int8:
  case gguf_type::boolean:
    return 1;
  case gguf_type::uint16:
  case gguf_type::int16:
    return 2;
  case gguf_type::uint32:
  case gguf_type::int32:
  case gguf_type::float32:
    return 4;
  case gguf_type::uint64:
  case gguf_type::int64:
  case gguf_type::float64:
    return 8;
  case gguf_type::string:
  case gguf_type::array:
    return 0;
  }
  return 0;
}

std::string printable(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, 64))
    out += c >= 0x20 && c < 0x7f ? c : '?';
  return name.size() > 64 ? out + "..." : out;
}

} // namespace troupe
