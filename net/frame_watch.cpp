#include "net/frame_watch.hpp"

#include <algorithm>

namespace troupe {

bool frame_watch::see(std::span<const unsigned char> bytes) {
  bool ended = false;
  while (!bytes.empty()) {
    if (payload_left_ > 0) {
      const auto taken = static_cast<size_t>(std::min<uint64_t>(payload_left_, bytes.size()));
      payload_left_ -= taken;
      payload_ += taken;
      bytes = bytes.subspan(taken);
    } else {
      take_header_byte(bytes.front());
      bytes = bytes.subspan(1);
    }
    ended = ended || !open();
  }
  return ended;
}

void frame_watch::take_header_byte(unsigned char byte) {
  header_[header_bytes_++] = byte;
  if (header_bytes_ == 2) {
    const int length = byte & 0x7f;
    const size_t mask_bytes = byte & 0x80 ? 4 : 0;
    header_size_ = 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + mask_bytes;
  }
  if (header_bytes_ >= 2 && header_bytes_ == header_size_)
    begin_payload();
}

void frame_watch::begin_payload() {
  const int length = header_[1] & 0x7f;
  const size_t length_bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
  payload_left_ = static_cast<uint64_t>(length);
  if (length_bytes > 0) {
    payload_left_ = 0;
    for (size_t i = 0; i < length_bytes; ++i)
      payload_left_ = payload_left_ << 8 | header_[2 + i];
  }
  const bool control = header_[0] & 0x08;
  if (!control)
    in_message_ = !(header_[0] & 0x80);
  header_bytes_ = 0;
  header_size_ = 2;
}

} // namespace troupe
