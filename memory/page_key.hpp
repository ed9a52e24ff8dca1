#pragma once

#include "base/ids.hpp"
#include "base/page_size.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace troupe {

/// Names the keys and values of one full page by all that they depend on: the numeric class, whose they are,
/// and every token from the first to the page's last. The first 128 bits of a SHA-256: nobody finds two
/// equal.
struct page_key {
  uint64_t high = 0;
  uint64_t low = 0;

  friend bool operator==(const page_key&, const page_key&) = default;
};

/// Where the chain of a sequence begins. Two tenants, or two salts of one, have no page in common.
page_key root_key(uint64_t numeric_class, std::string_view tenant, std::string_view cache_salt);

/// The key of the page with these tokens behind the page with the key `parent` (or behind a root).
page_key next_key(const page_key& parent, std::span<const token_id, page_tokens> tokens);

} // namespace troupe

template <>
struct std::hash<troupe::page_key> {
  size_t operator()(const troupe::page_key& key) const noexcept { return key.low; }
};
