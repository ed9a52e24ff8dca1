#pragma once

#include "base/result.hpp"
#include "model/text_segment.hpp"

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// What one rendering sees. The JSON is borrowed for the length of the call; null pointers count as null.
struct chat_inputs {
  const nlohmann::ordered_json* messages = nullptr; // array of objects
  const nlohmann::ordered_json* tools = nullptr;    // array, or null
  const nlohmann::ordered_json* variables =
      nullptr; // object: further names (documents, enable_thinking, ...)
  bool add_generation_prompt = false;
  std::string bos_token;
  std::string eos_token;
  int64_t now = 0; // unix seconds, for strftime_now; rendered as UTC
};

/// Bounds of one rendering: a template file is untrusted code, and its inputs come from the network.
struct template_limits {
  uint64_t steps_max = 2'000'000;        // nodes evaluated, items copied
  uint64_t text_bytes_max = 64u << 20;   // bytes of all strings made on the way
  uint64_t output_bytes_max = 16u << 20; // bytes of the result, and of any one string
  uint32_t depth_max = 400;              // nested evaluations, macro calls included
};

/// A model's chat template: a subset of Jinja that renders as transformers' environment does
/// (immutable sandbox, trim_blocks, lstrip_blocks, loop controls, its tojson, raise_exception, strftime_now,
/// {% generation %}). Immutable after parse(): one may render from many threads.
class chat_template {
public:
  /// source: at most 1 MiB of UTF-8. Errors: template_syntax, with line and column.
  static result<chat_template> parse(std::string_view source);

  /// Neighbouring segments differ in `plain`: text that came from messages, tools or variables is plain,
  /// whatever it went through; the template's own literals, bos_token and eos_token are not.
  /// Errors: template_failed, template_limit, template_raised, with line and column.
  result<std::vector<text_segment>> render(const chat_inputs& inputs,
                                           const template_limits& limits = {}) const;

private:
  struct program;
  explicit chat_template(std::shared_ptr<const program> code);

  std::shared_ptr<const program> code_;
};

} // namespace troupe
