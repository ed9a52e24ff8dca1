#pragma once

#include <cstdint>
#include <string_view>

namespace troupe {

/// Why the cluster cannot do something now.
enum class cluster_error : uint8_t {
  no_node_of_class = 1, // nobody that is there computes the same bits
  nodes_full,           // those that do take no more
  oversized,            // a message beyond the bounds of the wire
};

std::string_view to_string(cluster_error);
inline std::string_view module_name(cluster_error) {
  return "cluster";
}

} // namespace troupe
