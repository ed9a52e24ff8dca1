#pragma once

#include "memory/page_identity.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// The file of one page, little-endian:
///
///       0  8 bytes  magic "TROUPEKV"
///       8  uint32   version of this format: 1
///      12  uint32   zero
///      16  uint64   numeric class
///      24  uint64   bytes of the page
///      32  uint64   high and low of root, parent and key
///      80  int32    the 16 tokens
///     144           the page
///     end  uint32   CRC-32C of all before it
inline constexpr size_t page_header_bytes = 144;
inline constexpr size_t page_checksum_bytes = 4;
using page_header = std::array<std::byte, page_header_bytes>;

constexpr uint64_t page_file_bytes(size_t page_bytes) {
  return page_header_bytes + page_bytes + page_checksum_bytes;
}

page_header make_page_header(uint64_t numeric_class, const page_identity& identity, uint64_t page_bytes);

std::array<std::byte, page_checksum_bytes> page_checksum(const page_header& header,
                                                         std::span<const std::byte> page);

enum class page_verdict : uint8_t {
  good,
  format,   // no page file, or one of another version
  checksum, // damaged
  identity, // a sound file of another page
};

/// Judges the three parts of a file, whose length was right.
page_verdict judge_page(const page_header& header, std::span<const std::byte> page,
                        const std::array<std::byte, page_checksum_bytes>& checksum, uint64_t numeric_class,
                        const page_identity& expected);

/// "<32 hexadecimal digits>.kv1": the version is in the name, so that two versions can share a folder.
std::string page_file_name(const page_key& key);
std::optional<page_key> parse_page_file_name(std::string_view name);

} // namespace troupe
