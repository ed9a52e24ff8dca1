#pragma once

#include "net/field_reader.hpp"
#include "net/response_record.hpp"

namespace troupe {

/// One item of a request's `input`: a message, or the id of an item that is stored.
struct input_item {
  input_message message;
  std::string reference; // an item's id; empty: it is the message
  size_t index = 0;      // in the client's list, for error messages
};

/// The request's `input`: a string, or a list of items. Reasoning items that a client sends back say nothing
/// to the model and are left out. Absent or empty is allowed where another response is continued.
std::vector<input_item> read_input(field_reader&, bool continues);

} // namespace troupe
