#pragma once

#include "base/clock.hpp"
#include "net/response_record.hpp"

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace troupe {

/// Responses that can be asked for again, in memory, bounded by bytes and by age; the least recently used
/// goes first. To anybody but its owner a response does not exist. Not thread-safe: lives on the I/O thread.
class response_store {
public:
  using record_pointer = std::shared_ptr<response_record>;

  response_store(size_t bytes_max, milliseconds lifetime, const time_source& clock)
      : bytes_max_(bytes_max), lifetime_(lifetime), clock_(clock) {}

  /// Takes it in, or counts its bytes anew after a change. No effect on one that was erased or pushed out:
  /// that does not come back.
  void add(record_pointer);
  void changed(const response_record&);

  /// Null: unknown, too old, erased, or another owner's.
  record_pointer find(std::string_view id, std::string_view owner);

  /// The one whose output or input item has this id; the same rule.
  record_pointer find_by_item(std::string_view item_id, std::string_view owner);

  /// False: find() would not have it. A mark stays behind.
  bool erase(std::string_view id, std::string_view owner);

  /// By DELETE, and not so long ago that it was forgotten.
  bool was_erased(std::string_view id) const;

  /// Marks of erased ones included.
  size_t size() const { return places_.size(); }
  size_t bytes() const { return bytes_; }

private:
  struct place {
    record_pointer record;
    size_t counted = 0;
    steady_time added{};
  };
  using order = std::list<place>; // the most recently used first

  void recount(place&);
  void make_room();
  void drop(order::iterator);
  bool too_old(const place& one) const { return clock_.now() - one.added >= lifetime_; }

  size_t bytes_max_;
  milliseconds lifetime_;
  const time_source& clock_;
  order order_;
  std::unordered_map<std::string, order::iterator> places_; // by id
  size_t bytes_ = 0;
};

} // namespace troupe
