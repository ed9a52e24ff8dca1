#include "cli/version_text.hpp"

#include "base/version.hpp"
#include "kernels/cpu/instruction_set.hpp"

#include <fmt/format.h>

namespace troupe {

std::string version_text() {
  std::string names;
  for (instruction_set isa : available_instruction_sets())
    names += fmt::format("{}{}", names.empty() ? "" : ", ", to_string(isa));
  return fmt::format("troupe {}\ncommit            {}\ncompiler          {}\ninstruction sets  {}", version,
                     commit, compiler_name(), names);
}

std::string compiler_name() {
  return TROUPE_COMPILER;
}

} // namespace troupe
