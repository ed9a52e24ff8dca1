#include "memory/page_file.hpp"

#include "memory/crc32c.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr std::string_view magic = "TROUPEKV";
constexpr uint32_t format_version = 1;
constexpr size_t format_bytes = 16; // magic, version and the zero
constexpr std::string_view suffix = ".kv1";

template <class Number>
void put_number(std::span<std::byte> at, Number value) {
  for (size_t i = 0; i < sizeof(Number); ++i)
    at[i] = static_cast<std::byte>(value >> (8 * i));
}

} // namespace

page_header make_page_header(uint64_t numeric_class, const page_identity& identity, uint64_t page_bytes) {
  page_header out{};
  const auto at = [&](size_t offset) { return std::span(out).subspan(offset); };
  std::ranges::copy(std::as_bytes(std::span(magic)), out.begin());
  put_number(at(8), format_version);
  put_number(at(16), numeric_class);
  put_number(at(24), page_bytes);
  size_t offset = 32;
  for (const auto& key : {identity.root, identity.parent, identity.key})
    for (auto half : {key.high, key.low}) {
      put_number(at(offset), half);
      offset += sizeof(half);
    }
  for (auto token : identity.tokens) {
    put_number(at(offset), static_cast<uint32_t>(token));
    offset += sizeof(token);
  }
  return out;
}

std::array<std::byte, page_checksum_bytes> page_checksum(const page_header& header,
                                                         std::span<const std::byte> page) {
  std::array<std::byte, page_checksum_bytes> out;
  put_number(std::span<std::byte>(out), crc32c(page, crc32c(header)));
  return out;
}

page_verdict judge_page(const page_header& header, std::span<const std::byte> page,
                        const std::array<std::byte, page_checksum_bytes>& checksum, uint64_t numeric_class,
                        const page_identity& expected) {
  const auto wanted = make_page_header(numeric_class, expected, page.size());
  if (!std::ranges::equal(std::span(header).first(format_bytes), std::span(wanted).first(format_bytes)))
    return page_verdict::format;
  if (checksum != page_checksum(header, page))
    return page_verdict::checksum;
  return header == wanted ? page_verdict::good : page_verdict::identity;
}

std::string page_file_name(const page_key& key) {
  return fmt::format("{:016x}{:016x}{}", key.high, key.low, suffix);
}

std::optional<page_key> parse_page_file_name(std::string_view name) {
  constexpr size_t digits = 16; // of each half
  if (name.size() != 2 * digits + suffix.size() || !name.ends_with(suffix))
    return {};
  page_key out;
  std::from_chars(name.data(), name.data() + digits, out.high, 16);
  std::from_chars(name.data() + digits, name.data() + 2 * digits, out.low, 16);
  if (page_file_name(out) != name) // capital letters, or no digits at all
    return {};
  return out;
}

} // namespace troupe
