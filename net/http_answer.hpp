#pragma once

#include "net/api_error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// An HTTP/1.1 answer, but for what the connection adds: Date, Server, X-Request-Id, Connection, framing.
struct http_answer {
  int code = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  bool close = false; // the connection ends after it

  static http_answer json(std::string body);
  static http_answer text(int code, std::string body);
  static http_answer failure(const api_error&);
};

/// How the end of the body is told.
enum class body_framing { length, chunked, until_close };

struct answer_frame {
  std::string_view request_id;
  int64_t unix_seconds = 0;
  body_framing framing = body_framing::length;
  bool keep_alive = true;
};

/// Status line and header fields, with the blank line.
std::string answer_head(const http_answer&, const answer_frame&);

/// One chunk of the chunked coding around each of these texts together.
std::string chunk_of(const std::vector<std::string>& frames, body_framing);

inline constexpr std::string_view last_chunk = "0\r\n\r\n";

const char* reason_phrase(int code);

} // namespace troupe
