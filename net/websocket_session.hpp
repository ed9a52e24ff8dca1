#pragma once

#include "net/asio.hpp"
#include "net/http_request.hpp"
#include "net/server_context.hpp"

#include <string>

namespace troupe {

/// Takes over a connection whose request asks for the WebSocket of the Responses API.
void start_websocket(server_context&, tcp_socket, http_request upgrade, std::string request_id);

} // namespace troupe
