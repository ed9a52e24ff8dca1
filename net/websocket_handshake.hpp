#pragma once

#include "net/http_answer.hpp"
#include "net/http_request.hpp"

#include <optional>

namespace troupe {

/// Why a request that asks for a WebSocket cannot become one (RFC 6455, section 4.2.1); nothing if it can.
/// more_came: bytes after its header, which a client may only send once the server agreed.
std::optional<http_answer> handshake_problem(const http_request&, bool more_came);

} // namespace troupe
