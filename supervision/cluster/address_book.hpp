#pragma once

#include "base/clock.hpp"

#include <map>
#include <string>
#include <vector>

namespace troupe {

struct address_book_options {
  size_t addresses_max = 64;          // learned ones beyond it are ignored; configured ones count
  milliseconds redial_after{500};     // a dial that failed
  milliseconds dial_max{2500};        // one that nobody answers counts as failed
  milliseconds forget_after{120'000}; // a learned address at which nobody was met for so long
};

/// Where nodes may be found: configured addresses, which stay, and those that peers told of, which are
/// forgotten in time. All are dialed side by side, so that one that swallows packets holds up nobody.
class address_book {
public:
  address_book(std::string own, const std::vector<std::string>& configured, address_book_options options);

  /// A peer named it. Ignored: its own, a malformed one, one too many.
  void learn(const std::string& address, steady_time now);

  /// Whom to dial now; each counts as being dialed.
  std::vector<std::string> due(steady_time now);

  /// A connection leads there, whoever made it: until lost() it is not dialed.
  void met(const std::string& address, steady_time now);

  /// No connection leads there any more. at_once: the next due() names it.
  void lost(const std::string& address, steady_time now, bool at_once);

  /// It is one of ours under another name, or leads nowhere that we want.
  void forget(const std::string& address);

  /// Nobody was ever met at some configured address.
  bool someone_unmet() const;

  size_t size() const { return places_.size(); }

private:
  struct place {
    bool configured = false;
    bool ever_met = false;
    bool connected = false;
    steady_time next_dial{};
    steady_time last_met{};
  };

  std::string own_;
  address_book_options options_;
  std::map<std::string, place> places_;
};

} // namespace troupe
