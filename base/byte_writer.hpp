#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace troupe {

/// Puts numbers, text and lists one behind the other, little-endian: what byte_reader reads. Floating-point
/// numbers keep their bits, infinities and not-a-numbers included.
class byte_writer {
public:
  template <class Number>
  requires std::is_arithmetic_v<Number> || std::is_enum_v<Number>
  void put(Number value) {
    if constexpr (std::is_enum_v<Number>) {
      put(static_cast<std::underlying_type_t<Number>>(value));
    } else if constexpr (std::same_as<Number, bool>) {
      put(static_cast<uint8_t>(value));
    } else if constexpr (std::same_as<Number, float>) {
      put(std::bit_cast<uint32_t>(value));
    } else if constexpr (std::same_as<Number, double>) {
      put(std::bit_cast<uint64_t>(value));
    } else {
      const auto bits = static_cast<std::make_unsigned_t<Number>>(value);
      for (size_t i = 0; i < sizeof(Number); ++i)
        bytes_.push_back(static_cast<char>(static_cast<uint8_t>(bits >> (8 * i))));
    }
  }

  void put(std::string_view text) {
    put(static_cast<uint32_t>(text.size()));
    bytes_ += text;
  }

  /// `write` puts one element.
  template <class List, class Write>
  void put_list(const List& list, Write write) {
    put(static_cast<uint32_t>(list.size()));
    for (const auto& each : list)
      write(each);
  }

  template <class List>
  void put_numbers(const List& list) {
    put_list(list, [this](auto each) { put(each); });
  }

  std::string take() { return std::move(bytes_); }

private:
  std::string bytes_;
};

} // namespace troupe
