#pragma once

#include "net/front_door.hpp"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Which listener hears of which response, and how far each has come. Not thread-safe: lives in one actor.
class stream_registry {
public:
  using listener_pointer = std::shared_ptr<stream_listener>;

  /// False if the id is taken.
  bool add(const std::string& response_id, listener_pointer listener);

  /// The ledger has it: its events may come. Null if the stream was removed meanwhile.
  listener_pointer accept(const std::string& response_id);

  /// The events of a response go to another listener from now on, beginning with this number. Returns the
  /// one before; null: nobody listened.
  listener_pointer take_over(const std::string& response_id, listener_pointer listener, int64_t next_number);

  bool accepted(const std::string& response_id) const;
  listener_pointer find(const std::string& response_id) const;
  void remove(const std::string& response_id) { streams_.erase(response_id); }

  size_t size() const { return streams_.size(); }

  /// The events of a batch by listener, in order; a stream is forgotten with its terminal event. Events of
  /// unknown responses (cancelled, refused) are dropped; of those that begin only now the ids are added to
  /// orphans: nobody will read them.
  struct delivery {
    listener_pointer listener;
    std::vector<response_event> events;
  };
  std::vector<delivery> sort(event_batch batch, std::vector<std::string>& orphans);

  /// A `failed` event with the right number for every accepted stream, which is then forgotten: nobody else
  /// will end it. Streams that wait for their acceptance go on waiting.
  std::vector<delivery> fail_all(request_error code, const std::string& message);

private:
  struct stream {
    listener_pointer listener;
    int64_t next_number = 0;
    bool accepted = false;
  };

  std::unordered_map<std::string, stream> streams_;
};

} // namespace troupe
