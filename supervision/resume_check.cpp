#include "supervision/resume_check.hpp"

namespace troupe {

namespace {

/// Equal, in a time that does not tell where they differ.
bool same_secret(const std::string& a, const std::string& b) {
  if (a.size() != b.size())
    return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return difference == 0;
}

} // namespace

bool may_attach(const resume_terms& terms, const attach_reader& reader) {
  if (terms.stream_token.empty() || terms.owner != reader.owner)
    return false;
  if (reader.stream_token.empty())
    return terms.token_optional;
  return same_secret(terms.stream_token, reader.stream_token);
}

} // namespace troupe
