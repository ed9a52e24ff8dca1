#include "supervision/cluster/errors.hpp"

namespace troupe {

std::string_view to_string(cluster_error value) {
  switch (value) {
  case cluster_error::no_node_of_class:
    return "no_node_of_class";
  case cluster_error::nodes_full:
    return "nodes_full";
  case cluster_error::oversized:
    return "oversized";
  }
  return "unknown";
}

} // namespace troupe
