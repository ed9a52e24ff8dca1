#pragma once

#include "actors/messages.hpp"

#include <functional>
#include <string>
#include <vector>

namespace troupe {

/// One message of a response's input as the client gave it, before the chat template's names for roles.
struct input_message {
  std::string role; // "system", "developer", "user", "assistant"
  std::string text;
};

/// What is known of one response after its request has gone: for GET, and for who continues it.
struct response_record {
  enum class phase { in_progress, completed, incomplete, failed, cancelled };

  std::string id;
  std::string owner; // as in resume_terms
  phase state = phase::in_progress;
  bool background = false;
  bool erased = false;                        // by DELETE: nothing is put here any more
  std::string object;                         // the response object as JSON, of this state
  std::vector<input_message> input;           // of this request alone
  std::string output;                         // the answer's text, once it has ended
  std::vector<chat_message> conversation;     // what went before, the input, and once it has ended the output
  std::vector<std::function<void()>> waiting; // called once, at the end

  bool ended() const { return state != phase::in_progress; }

  /// Its end can be built upon.
  bool can_be_continued() const { return state == phase::completed || state == phase::incomplete; }

  /// "msg_" and the digits of the response's id.
  std::string output_item_id() const { return "msg_" + digits(); }
  std::string input_item_id(size_t index) const { return "msg_" + digits() + "_" + std::to_string(index); }

  /// What it takes in memory, about.
  size_t bytes() const;

private:
  std::string digits() const { return id.starts_with("resp_") ? id.substr(5) : id; }
};

} // namespace troupe
