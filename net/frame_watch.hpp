#pragma once

#include <cstdint>
#include <span>

namespace troupe {

/// Follows the frames of a WebSocket on their bytes (RFC 6455, section 5.2), only to know whether one has
/// begun and not ended: what breaks the protocol is for the stream behind it to tell.
class frame_watch {
public:
  /// True: something ended within these bytes, so that what is open after them is not what was open before.
  bool see(std::span<const unsigned char>);

  /// Inside a frame, or between the fragments of a message.
  bool open() const { return header_bytes_ > 0 || payload_left_ > 0 || in_message_; }

  /// Of all frames so far, in bytes.
  uint64_t payload() const { return payload_; }

private:
  void take_header_byte(unsigned char);
  void begin_payload();

  unsigned char header_[14] = {};
  size_t header_bytes_ = 0; // of a header that is not complete
  size_t header_size_ = 2;
  uint64_t payload_left_ = 0;
  uint64_t payload_ = 0;
  bool in_message_ = false;
};

} // namespace troupe
