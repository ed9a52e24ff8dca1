#pragma once

#include "net/http_request.hpp"

#include <string>

namespace troupe {

/// Why a header that parses could still be read in two ways, so that a proxy in front of us may have read it
/// in the other: more than one of a field that may come once, a length or a coding beside the plain ones, a
/// target that is not a path, a host that is none. Empty: there is one way to read it. An absolute target
/// ("http://host/path") becomes its path where its host is the Host field's.
/// Source: RFC 9112, sections 3.2, 6.1 and 6.3.
std::string ambiguity_of(http_request&);

} // namespace troupe
