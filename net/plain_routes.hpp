#pragma once

#include "net/http_answer.hpp"
#include "net/http_request.hpp"
#include "net/router.hpp"
#include "net/server_context.hpp"

namespace troupe {

/// Answers that need neither the engine nor a stored response: probes, version, metrics, models, faults.
http_answer plain_answer(server_context&, const route&, const http_request&);

} // namespace troupe
