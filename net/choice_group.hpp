#pragma once

#include "net/front_door.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

struct server_context;

/// Several choices of one HTTP request, a submission each, made into one answer: accepted once all of them
/// are; refused, or failed, as soon as one of them is, and the others are cancelled. Stands between the front
/// door and the connection's answer_stream. Lives on the I/O thread; it may outlive the server there,
/// uncalled.
class choice_group final : public stream_listener {
public:
  /// response_ids: of the choices, in order; the first one's acceptance stands for all.
  choice_group(server_context& context, std::vector<std::string> response_ids,
               std::shared_ptr<stream_listener> reader);

  void on_accepted(const accepted_response&) override;
  void on_rejected(const rejection&) override;
  void on_events(std::span<const response_event>) override;

  /// Nobody reads any more: what has not ended is cancelled.
  void leave();

private:
  struct choice {
    std::string response_id;
    std::optional<accepted_response> acceptance;
    bool ended = false;
  };

  choice* find(std::string_view response_id);
  void pass_on(std::span<const response_event>);

  server_context& context_;
  std::vector<choice> choices_;
  std::shared_ptr<stream_listener> reader_; // null: it was told the end, or has left
  std::vector<response_event> early_;       // of those that are accepted, while others are not
  size_t accepted_ = 0;
};

} // namespace troupe
