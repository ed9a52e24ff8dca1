#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace troupe {

/// What each tenant with sequences in the engine was served, in tokens: among equals, whoever got least goes
/// first. A tenant that comes starts where the least served one stands, or where it stood itself if that is
/// more: idle time saves nothing up, and leaving for a moment clears no account. So a waiting tenant is
/// passed only by those who were served less, until they were served as much. Source: start-time fair
/// queueing (Goyal et al. 1996), with tokens for bytes.
class fair_share {
public:
  struct account {
    int64_t served = 0;    // tokens: prompts from the moment they get pages, answers as they come
    int32_t sequences = 0; // here now
    int64_t asked = 0;     // tokens asked for but not yet granted: the batch planner's, while it picks
  };

  /// One more sequence of this tenant. The account stays where it is until the last has left.
  account& enter(const std::string& tenant);

  void leave(const std::string& tenant);

  size_t accounts() const { return accounts_.size(); }

private:
  int64_t least_served() const;

  std::map<std::string, account> accounts_;
};

} // namespace troupe
