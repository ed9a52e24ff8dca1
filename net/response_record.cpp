#include "net/response_record.hpp"

namespace troupe {

size_t response_record::bytes() const {
  size_t sum = sizeof(response_record) + 256; // the store's own nodes
  sum += id.capacity() + owner.capacity() + object.capacity() + output.capacity();
  for (const auto& message : input)
    sum += sizeof(message) + message.role.capacity() + message.text.capacity();
  for (const auto& message : conversation)
    sum += sizeof(message) + message.role.capacity() + message.content.capacity();
  return sum;
}

} // namespace troupe
