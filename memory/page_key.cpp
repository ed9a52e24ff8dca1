#include "memory/page_key.hpp"

#include "base/check.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <openssl/evp.h>

namespace troupe {

namespace {

/// SHA-256 of one piece of bytes after another. The context is made once a thread: making it costs more than
/// the hash of a page.
class hasher {
public:
  hasher() {
    thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                                       &EVP_MD_CTX_free);
    static const auto sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    context_ = context.get();
    TROUPE_CHECK(context_ && EVP_DigestInit_ex2(context_, sha256, nullptr) == 1, "no SHA-256");
  }

  void add(const void* bytes, size_t size) {
    TROUPE_CHECK(EVP_DigestUpdate(context_, bytes, size) == 1, "SHA-256 failed");
  }

  void add(std::string_view text) {
    const uint64_t size = text.size(); // its length first: "ab" + "c" is not "a" + "bc"
    add(&size, sizeof(size));
    add(text.data(), text.size());
  }

  page_key key() {
    std::array<unsigned char, 32> digest{};
    TROUPE_CHECK(EVP_DigestFinal_ex(context_, digest.data(), nullptr) == 1, "SHA-256 failed");
    page_key out;
    std::memcpy(&out.high, digest.data(), sizeof(out.high));
    std::memcpy(&out.low, digest.data() + sizeof(out.high), sizeof(out.low));
    return out;
  }

private:
  EVP_MD_CTX* context_;
};

} // namespace

page_key root_key(uint64_t numeric_class, std::string_view tenant, std::string_view cache_salt) {
  hasher hash;
  hash.add("troupe pages 1");
  hash.add(&numeric_class, sizeof(numeric_class));
  hash.add(tenant);
  hash.add(cache_salt);
  return hash.key();
}

page_key next_key(const page_key& parent, std::span<const token_id, page_tokens> tokens) {
  hasher hash;
  hash.add(&parent.high, sizeof(parent.high));
  hash.add(&parent.low, sizeof(parent.low));
  hash.add(tokens.data(), tokens.size_bytes());
  return hash.key();
}

} // namespace troupe
