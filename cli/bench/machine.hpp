#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace troupe {

/// What a number was measured on.
struct machine {
  std::string cpu_model; // "model name" of /proc/cpuinfo
  int cores = 1;         // that this process may use
  std::string version;   // of this program
  std::string commit;
  std::string compiler;
};

machine describe_machine();

nlohmann::ordered_json to_json(const machine&);

} // namespace troupe
