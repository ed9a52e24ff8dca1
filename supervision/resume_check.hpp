#pragma once

#include "actors/messages.hpp"

namespace troupe {

/// Whether this reader may have a response that was stored under these terms. To anybody else it does not
/// exist.
bool may_attach(const resume_terms& terms, const attach_reader& reader);

} // namespace troupe
