#pragma once

#include "net/choice_tally.hpp"

#include <string>
#include <string_view>

namespace troupe {

/// What every chunk of a chat completion or completion begins with, and the whole too.
class completion_head {
public:
  /// The id is the prefix and the digits of the first choice's response id.
  completion_head(std::string_view prefix, std::string_view response_id);

  void accept(const accepted_response&);

  /// Into an object that has begun.
  void write(json_writer&, const char* object) const;

  /// The last chunk of a stream with include_usage: no choice, and the counts.
  std::string usage_chunk(const char* object, const token_usage&) const;

private:
  std::string id_;
  std::string model_;
  int64_t created_ = 0;
};

} // namespace troupe
