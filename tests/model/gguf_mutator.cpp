#include "tests/model/gguf_mutator.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace troupe::test {

namespace {

constexpr std::array<uint8_t, 13> value_bytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
constexpr uint64_t string_type = 8, array_type = 9;
constexpr int depth_max = 6;

class layout_reader {
public:
  explicit layout_reader(std::string_view header) : header_(header) {}

  gguf_layout run() {
    number(gguf_part::magic, 4);
    number(gguf_part::version, 4);
    const auto tensors = number(gguf_part::count, 8);
    const auto keys = number(gguf_part::count, 8);
    for (uint64_t i = 0; i < keys && !ended_; ++i) {
      const size_t begin = at_;
      text();
      value(number(gguf_part::type, 4), 0);
      if (!ended_)
        out_.keys.push_back({begin, at_});
    }
    for (uint64_t i = 0; i < tensors && !ended_; ++i) {
      const size_t begin = at_;
      text();
      const auto dimensions = number(gguf_part::dimension, 4);
      for (uint64_t d = 0; d < dimensions && !ended_; ++d)
        number(gguf_part::dimension, 8);
      number(gguf_part::type, 4);
      number(gguf_part::offset, 8);
      if (!ended_)
        out_.tensors.push_back({begin, at_});
    }
    return std::move(out_);
  }

private:
  uint64_t number(gguf_part part, size_t bytes) {
    if (ended_ || header_.size() - at_ < bytes) {
      ended_ = true;
      return 0;
    }
    uint64_t value = 0;
    std::memcpy(&value, header_.data() + at_, bytes);
    out_.fields.push_back({part, at_, bytes});
    at_ += bytes;
    return value;
  }

  void text() {
    const auto length = number(gguf_part::length, 8);
    if (ended_ || header_.size() - at_ < length) {
      ended_ = true;
      return;
    }
    out_.fields.push_back({gguf_part::text, at_, static_cast<size_t>(length)});
    at_ += static_cast<size_t>(length);
  }

  void value(uint64_t type, int depth) {
    if (ended_ || type >= value_bytes.size() || depth > depth_max) {
      ended_ = true;
    } else if (type == string_type) {
      text();
    } else if (type == array_type) {
      const auto element = number(gguf_part::type, 4);
      const auto count = number(gguf_part::elements, 8);
      for (uint64_t i = 0; i < count && !ended_; ++i)
        value(element, depth + 1);
    } else {
      number(gguf_part::number, value_bytes[type]);
    }
  }

  std::string_view header_;
  size_t at_ = 0;
  bool ended_ = false;
  gguf_layout out_;
};

size_t below(std::mt19937& random, size_t end) {
  return random() % end;
}

template <class Item>
const Item& any(std::mt19937& random, const std::vector<Item>& items) {
  return items[below(random, items.size())];
}

uint64_t any_number(std::mt19937& random) {
  switch (random() % 4) {
  case 0:
    return random() % 300;
  case 1:
    return uint64_t{1} << random() % 64;
  case 2:
    return static_cast<uint64_t>(random()) << 32 | random();
  default:
    return any(random, breaking_numbers());
  }
}

std::string any_text(std::mt19937& random) {
  static const std::vector<std::string> texts{"",
                                              " ",
                                              "a",
                                              "a b",
                                              "\xff\xfe",
                                              std::string(1, '\0'),
                                              "\u0120",
                                              "llama",
                                              "gpt2",
                                              "none",
                                              "qwen2",
                                              "smollm",
                                              "llama-bpe",
                                              "{{",
                                              "{% for x in range(999999999) %}{% endfor %}",
                                              "general.alignment",
                                              "token_embd.weight",
                                              "output.weight",
                                              "tokenizer.ggml.tokens",
                                              "<|im_end|>",
                                              "\n",
                                              std::string(300, 'x'),
                                              std::string(70'000, ' ')};
  if (random() % 3 == 0) {
    std::string bytes(below(random, 20), ' ');
    for (auto& byte : bytes)
      byte = static_cast<char>(random());
    return bytes;
  }
  return any(random, texts);
}

/// A text of the header replaced by another, or by another of its own, with the length that belongs to it.
std::string with_other_text(const std::string& header, const gguf_layout& layout, std::mt19937& random) {
  const auto begin = layout.fields.begin();
  const auto start = begin + static_cast<std::ptrdiff_t>(below(random, layout.fields.size()));
  auto at = std::find_if(start, layout.fields.end(), [](const auto& f) { return f.part == gguf_part::text; });
  if (at == layout.fields.end() || at == begin)
    return header.substr(0, header.size() / 2);
  std::string text = any_text(random);
  const auto& other = any(random, layout.fields);
  if (other.part == gguf_part::text && random() % 2)
    text = header.substr(other.begin, other.bytes);
  const auto length = *std::prev(at);
  std::string out = header;
  out.replace(at->begin, at->bytes, text);
  return with_number(std::move(out), length, text.size());
}

/// One entry doubled, dropped, or put in another's place, and the count that belongs to it.
std::string with_other_entries(const std::string& header, bool keys, const gguf_layout& layout,
                               std::mt19937& random) {
  const auto& entries = keys ? layout.keys : layout.tensors;
  if (entries.empty() || layout.fields.size() < 4)
    return header;
  const auto one = any(random, entries), other = any(random, entries);
  const auto bytes = [&](const gguf_entry& entry) {
    return header.substr(entry.begin, entry.end - entry.begin);
  };
  std::string out = header;
  int64_t change = 0;
  switch (random() % 3) {
  case 0:
    out.insert(one.begin, bytes(other));
    change = 1;
    break;
  case 1:
    out.erase(one.begin, one.end - one.begin);
    change = -1;
    break;
  default:
    out.replace(one.begin, one.end - one.begin, bytes(other));
  }
  const auto& count = layout.fields[keys ? 3 : 2];
  if (random() % 8)
    out = with_number(std::move(out), count, entries.size() + static_cast<uint64_t>(change));
  return out;
}

std::string with_other_bytes(std::string header, std::mt19937& random) {
  for (auto left = 1 + random() % 4; left > 0 && !header.empty(); --left)
    header[below(random, header.size())] = static_cast<char>(random());
  return header;
}

} // namespace

gguf_layout gguf_layout_of(std::string_view header) {
  return layout_reader(header).run();
}

const std::vector<uint64_t>& breaking_numbers() {
  static const std::vector<uint64_t> numbers{0,
                                             1,
                                             2,
                                             13,
                                             31,
                                             64,
                                             0xff,
                                             0xffff,
                                             0x7fffffff,
                                             0x80000000,
                                             0xffffffff,
                                             0x100000000,
                                             uint64_t{1} << 40,
                                             uint64_t{1} << 60,
                                             uint64_t{1} << 63,
                                             UINT64_MAX,
                                             UINT64_MAX - 31,
                                             0x7f800000,  // infinity as float32
                                             0xff800000,  // its negative
                                             0x7fc00000,  // NaN
                                             0xbf800000}; // -1
  return numbers;
}

std::string with_number(std::string header, const gguf_field& field, uint64_t number) {
  std::memcpy(header.data() + field.begin, &number, std::min(field.bytes, sizeof number));
  return header;
}

std::string mutated(const std::string& header, std::mt19937& random) {
  const auto layout = gguf_layout_of(header);
  if (layout.fields.empty())
    return with_other_bytes(header, random);
  switch (random() % 8) {
  case 0:
  case 1:
  case 2: {
    const auto& field = any(random, layout.fields);
    if (field.part != gguf_part::text)
      return with_number(header, field, any_number(random));
    return with_other_text(header, layout, random);
  }
  case 3:
    return with_other_text(header, layout, random);
  case 4:
    return with_other_entries(header, true, layout, random);
  case 5:
    return with_other_entries(header, false, layout, random);
  case 6: { // a number of one field in another
    const auto &from = any(random, layout.fields), &to = any(random, layout.fields);
    uint64_t number = 0;
    std::memcpy(&number, header.data() + from.begin, std::min(from.bytes, sizeof number));
    return to.part == gguf_part::text ? header.substr(0, to.begin) : with_number(header, to, number);
  }
  default:
    return with_other_bytes(header, random);
  }
}

} // namespace troupe::test
