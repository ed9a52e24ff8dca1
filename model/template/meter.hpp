#pragma once

#include "model/chat_template.hpp"
#include "model/template/failure.hpp"

namespace troupe {

/// Counts what one rendering uses up and ends it at template_limits.
class template_meter {
public:
  explicit template_meter(const template_limits& limits) : limits_(limits) {}

  const template_limits& limits() const { return limits_; }

  /// Work that grows with the inputs: nodes evaluated, items copied.
  void steps(uint64_t count) {
    steps_ += count;
    if (steps_ > limits_.steps_max)
      template_over_limit("the template takes more than " + std::to_string(limits_.steps_max) + " steps");
  }

  /// A string of so many bytes is made; ask before making it. Scanning it counts as work too.
  void text(uint64_t bytes) {
    if (bytes > limits_.output_bytes_max)
      template_over_limit("a string would be longer than " + std::to_string(limits_.output_bytes_max) +
                          " bytes");
    text_bytes_ += bytes;
    if (text_bytes_ > limits_.text_bytes_max)
      template_over_limit("the template makes more than " + std::to_string(limits_.text_bytes_max) +
                          " bytes of text");
  }

  /// Held while one evaluation is nested in another: the C++ stack is bounded by it.
  class nesting {
  public:
    explicit nesting(template_meter& meter) : meter_(meter) {
      if (++meter_.depth_ > meter_.limits_.depth_max) {
        --meter_.depth_;
        template_over_limit("evaluation nests deeper than " + std::to_string(meter_.limits_.depth_max));
      }
    }
    ~nesting() { --meter_.depth_; }
    nesting(const nesting&) = delete;
    nesting& operator=(const nesting&) = delete;

  private:
    template_meter& meter_;
  };

private:
  template_limits limits_;
  uint64_t steps_ = 0;
  uint64_t text_bytes_ = 0;
  uint32_t depth_ = 0;
};

} // namespace troupe
