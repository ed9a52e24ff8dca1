#pragma once

namespace troupe {

/// A flag that one thread raises and another awaits with poll().
class event_flag {
public:
  event_flag();
  ~event_flag();
  event_flag(const event_flag&) = delete;
  event_flag& operator=(const event_flag&) = delete;

  int fd() const { return fd_; } // readable while raised
  void raise();                  // from any thread
  void lower();

private:
  int fd_;
};

} // namespace troupe
