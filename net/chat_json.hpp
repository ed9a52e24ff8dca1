#pragma once

#include "actors/messages.hpp"

#include <string>

namespace troupe {

/// The JSON of one chat completion: chunks of a stream, or the whole.
class chat_json {
public:
  /// include_usage: chunks carry "usage": null, and usage_chunk() ends the stream.
  explicit chat_json(bool include_usage) : include_usage_(include_usage) {}

  void accept(const accepted_response&);

  std::string role_chunk() const;
  std::string delta_chunk(const std::string& text) const;
  std::string finish_chunk(const response_event& terminal) const;
  std::string usage_chunk(const response_event& terminal) const;
  std::string completion(const response_event& terminal) const;

private:
  enum class delta { role, content, none };

  std::string chunk(delta, const std::string& text, const char* finish_reason) const;

  bool include_usage_;
  std::string id_; // "chatcmpl-" and the digits of the response's id
  std::string model_;
  int64_t created_ = 0;
};

} // namespace troupe
