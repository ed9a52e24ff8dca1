#pragma once

#include "net/client_socket.hpp"
#include "net/http_answer.hpp"
#include "net/http_request.hpp"
#include "net/router.hpp"
#include "net/server_context.hpp"

#include <optional>

namespace troupe {

/// Whether a request may use the routes under /admin/models: with a key of admin_key_file, or without any
/// where the server asks for no keys at all.
std::optional<http_answer> refuse_administrator(const server_context&, const http_request&);

/// POST /admin/models with {"path", "name"}, DELETE /admin/models/{name}: the answer comes once it is done. A
/// client that goes away changes nothing about that.
awaitable<http_answer> administer_models(server_context&, client_socket&, const route&, const http_request&);

} // namespace troupe
