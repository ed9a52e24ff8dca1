#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace troupe {

/// Reads what byte_writer wrote, from bytes that may be anything: past the end, or after any other mistake,
/// everything reads as zero and ok() is false. No list is larger than the bytes that are left.
class byte_reader {
public:
  explicit byte_reader(std::string_view bytes) : left_(bytes) {}

  template <class Number>
  Number get() {
    if constexpr (std::same_as<Number, bool>) {
      return get_enum<uint8_t>(1) != 0;
    } else if constexpr (std::same_as<Number, float>) {
      return std::bit_cast<float>(get<uint32_t>());
    } else if constexpr (std::same_as<Number, double>) {
      return std::bit_cast<double>(get<uint64_t>());
    } else {
      using unsigned_number = std::make_unsigned_t<Number>;
      unsigned_number out = 0;
      const auto bytes = take(sizeof(Number));
      for (size_t i = 0; i < bytes.size(); ++i)
        out = static_cast<unsigned_number>(
            out | static_cast<unsigned_number>(static_cast<unsigned_number>(static_cast<uint8_t>(bytes[i]))
                                               << (8 * i)));
      return static_cast<Number>(out);
    }
  }

  /// An enumerator, or another small number, up to `last`.
  template <class Enum>
  Enum get_enum(Enum last) {
    using number =
        std::conditional_t<std::is_enum_v<Enum>, std::underlying_type<Enum>, std::type_identity<Enum>>;
    const auto value = get<typename number::type>();
    if (value > static_cast<typename number::type>(last))
      fail();
    return ok_ ? static_cast<Enum>(value) : Enum{};
  }

  std::string get_text() { return std::string(take(get<uint32_t>())); }

  /// `read` gets one element; element_bytes: what each takes at least.
  template <class Element, class Read>
  std::vector<Element> get_list(size_t element_bytes, Read read) {
    const size_t count = get<uint32_t>();
    std::vector<Element> out;
    if (count > left_.size() / element_bytes) {
      fail();
      return out;
    }
    out.reserve(count);
    for (size_t i = 0; i < count && ok_; ++i)
      out.push_back(read());
    return out;
  }

  template <class Number>
  std::vector<Number> get_numbers() {
    return get_list<Number>(sizeof(Number), [this] { return get<Number>(); });
  }

  void fail() {
    ok_ = false;
    left_ = {};
  }

  bool ok() const { return ok_; }

  /// Everything was read, and was right.
  bool finished() const { return ok_ && left_.empty(); }

private:
  std::string_view take(size_t count) {
    if (count > left_.size()) {
      fail();
      return {};
    }
    const auto out = left_.substr(0, count);
    left_.remove_prefix(count);
    return out;
  }

  std::string_view left_;
  bool ok_ = true;
};

} // namespace troupe
