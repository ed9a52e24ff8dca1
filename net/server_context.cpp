#include "net/server_context.hpp"

#include "observe/metrics.hpp"

namespace troupe {

void server_context::add(session* one) {
  sessions.insert(one);
  counts.http_connections.Set(static_cast<double>(sessions.size()));
}

void server_context::remove(session* one) {
  sessions.erase(one);
  counts.http_connections.Set(static_cast<double>(sessions.size()));
}

} // namespace troupe
