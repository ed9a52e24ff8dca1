#include "net/api_keys.hpp"

#include "net/errors.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace troupe {

namespace {

constexpr size_t key_bytes_min = 8;
constexpr size_t key_bytes_max = 512;
constexpr size_t keys_max = 10'000;

std::array<uint8_t, 32> digest_of(std::string_view key) {
  std::array<uint8_t, 32> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
  return digest;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

bool printable(std::string_view key) {
  return std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 127; });
}

/// The key of `Bearer KEY`; empty: it is not of this form, or too long.
std::string_view bearer_key(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size() || authorization.size() > scheme.size() + key_bytes_max)
    return {};
  for (size_t i = 0; i < scheme.size(); ++i) {
    const char c = authorization[i];
    if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != scheme[i])
      return {};
  }
  return trim(authorization.substr(scheme.size()));
}

} // namespace

result<api_keys> api_keys::load(const std::string& path) {
  const auto unreadable = [&path] {
    const char* why = errno == 0 ? "reading failed" : std::strerror(errno);
    return failure(net_error::bad_key_file, fmt::format("cannot read api_key_file {}: {}", path, why));
  };
  errno = 0;
  std::ifstream file(path);
  if (!file)
    return unreadable();
  api_keys keys;
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    const auto key = trim(line);
    if (key.empty() || key.front() == '#')
      continue;
    if (key.size() < key_bytes_min || key.size() > key_bytes_max || !printable(key))
      return failure(net_error::bad_key_file,
                     fmt::format("{} line {}: a key is {} to {} printable ASCII characters without blanks",
                                 path, number, key_bytes_min, key_bytes_max));
    if (keys.digests_.size() == keys_max)
      return failure(net_error::bad_key_file, fmt::format("{} has more than {} keys", path, keys_max));
    keys.digests_.push_back(digest_of(key));
  }
  if (file.bad())
    return unreadable();
  if (keys.empty())
    return failure(net_error::bad_key_file, fmt::format("{} has no key: write one a line", path));
  return keys;
}

bool api_keys::allows(std::string_view authorization) const {
  if (empty())
    return true;
  const auto key = bearer_key(authorization);
  if (key.empty())
    return false;
  const auto given = digest_of(key);
  int matches = 0;
  for (const auto& known : digests_)
    matches += CRYPTO_memcmp(known.data(), given.data(), given.size()) == 0;
  return matches > 0;
}

std::string api_keys::owner_of(std::string_view authorization) const {
  if (empty())
    return {};
  // Digested together with a name, so that it tells nothing about digests_.
  const auto marked = digest_of("troupe owner\n" + std::string(bearer_key(authorization)));
  return fmt::format("{:02x}", fmt::join(marked.begin(), marked.begin() + 16, ""));
}

} // namespace troupe
