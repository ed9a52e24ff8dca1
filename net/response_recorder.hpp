#pragma once

#include "net/front_door.hpp"
#include "net/response_json.hpp"
#include "net/response_record.hpp"

#include <memory>

namespace troupe {

struct server_context;

/// Stands between the front door and a connection's answer_stream and keeps the record of the response up to
/// date, with or without a reader behind it. Lives on the I/O thread; it may outlive the server there,
/// uncalled.
class response_recorder final : public stream_listener {
public:
  /// Where the record is put once the response is accepted.
  enum class keeping {
    nowhere, // whoever made the recorder has the record
    stored,  // in the server's store
  };

  /// json: of the request; of one that comes to a running response, empty: the door's state tells.
  response_recorder(server_context& context, std::shared_ptr<response_record> record, response_json json,
                    keeping where, std::shared_ptr<stream_listener> reader);

  void on_accepted(const accepted_response&) override;
  void on_rejected(const rejection&) override;
  void on_events(std::span<const response_event>) override;
  void on_taken_over() override;

  bool accepted() const { return accepted_; }
  const response_record& record() const { return *record_; }

  /// Nobody reads any more, and the response goes on: events are acknowledged here.
  void release_reader();

  /// The response was cancelled before it was accepted: no record of it.
  void abandon();

private:
  void end(const response_event& terminal);

  server_context& context_;
  std::shared_ptr<response_record> record_;
  response_json json_;
  keeping where_;
  std::shared_ptr<stream_listener> reader_;
  int64_t last_sequence_ = -1;
  bool accepted_ = false;
  bool abandoned_ = false;
};

} // namespace troupe
