#include "cli/bench/machine.hpp"

#include "base/version.hpp"
#include "cli/version_text.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <thread>

namespace troupe {

namespace {

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name"))
      if (size_t colon = line.find(": "); colon != std::string::npos)
        return line.substr(colon + 2);
  return "unknown";
}

int usable_cores() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
    return CPU_COUNT(&allowed);
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

} // namespace

machine describe_machine() {
  return {.cpu_model = cpu_model(),
          .cores = usable_cores(),
          .version = troupe::version,
          .commit = troupe::commit,
          .compiler = compiler_name()};
}

nlohmann::ordered_json to_json(const machine& value) {
  return {{"cpu", value.cpu_model},
          {"cores", value.cores},
          {"version", value.version},
          {"commit", value.commit},
          {"compiler", value.compiler}};
}

} // namespace troupe
