#include "model/detokenizer.hpp"

#include "model/utf8_repair.hpp"

namespace troupe {

std::string detokenizer::push(token_id token) {
  std::string out;
  if (source_->is_special(token))
    return out;
  pending_ += source_->token_bytes(token);
  pending_.erase(0, append_repaired(pending_, false, out));
  return out;
}

std::string detokenizer::finish() {
  std::string out;
  append_repaired(pending_, true, out);
  pending_.clear();
  return out;
}

} // namespace troupe
