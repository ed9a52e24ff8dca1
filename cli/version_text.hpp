#pragma once

#include <string>

namespace troupe {

/// Version, commit, compiler and the instruction sets that this machine offers: a line each, the last one
/// without a line end.
std::string version_text();

/// "GNU 12.2.0"
std::string compiler_name();

} // namespace troupe
