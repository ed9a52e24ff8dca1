#include "model/chat_template.hpp"

#include "model/template/interpreter.hpp"
#include "model/template/name_check.hpp"
#include "model/template/name_scopes.hpp"
#include "model/template/parser.hpp"
#include "model/template/unicode.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

constexpr std::size_t source_bytes_max = 1 << 20;

constexpr std::size_t message_bytes_max = 300;

/// One line, whatever the template's text was that the message quotes.
std::string located(template_position at, std::string message) {
  if (message.size() > message_bytes_max) {
    message.resize(message_bytes_max);
    while (!is_utf8(message))
      message.pop_back();
    message += "...";
  }
  for (char& c : message)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      c = ' ';
  return fmt::format("line {}, column {}: {}", at.line, at.column, message);
}

void define_inputs(template_interpreter& interpreter, const chat_inputs& inputs) {
  const auto converted = [&](const nlohmann::ordered_json* json) {
    return json != nullptr ? value_from_json(interpreter.meter(), *json) : template_value();
  };
  if (inputs.variables != nullptr && !inputs.variables->is_null()) {
    if (!inputs.variables->is_object())
      template_fail("the template's variables must be a JSON object");
    for (const auto& [name, value] : inputs.variables->items())
      interpreter.define(name, converted(&value));
  }
  // Last, so that no variable of a request takes the place of these.
  interpreter.define("messages", converted(inputs.messages));
  interpreter.define("tools", converted(inputs.tools));
  interpreter.define("add_generation_prompt", inputs.add_generation_prompt);
  interpreter.define("bos_token", marked_text(inputs.bos_token, false));
  interpreter.define("eos_token", marked_text(inputs.eos_token, false));
}

} // namespace

struct chat_template::program {
  statement_list statements;
  std::vector<std::string> hidden;
};

chat_template::chat_template(std::shared_ptr<const program> code) : code_(std::move(code)) {}

result<chat_template> chat_template::parse(std::string_view source) {
  if (source.size() > source_bytes_max)
    return failure(
        model_error::template_syntax,
        fmt::format("a chat template has at most {} bytes, this one {}", source_bytes_max, source.size()));
  if (!is_utf8(source))
    return failure(model_error::template_syntax, "the chat template is not valid UTF-8");
  try {
    auto code = std::make_shared<program>();
    code->statements = template_parser(template_lexer(source).run()).run();
    check_names(code->statements);
    code->hidden = find_hidden_names(code->statements);
    return chat_template(std::move(code));
  } catch (const template_syntax_failure& failed) {
    return failure(model_error::template_syntax, located(failed.at, failed.message));
  }
}

result<std::vector<text_segment>> chat_template::render(const chat_inputs& inputs,
                                                        const template_limits& limits) const {
  template_interpreter interpreter(limits, inputs.now);
  try {
    define_inputs(interpreter, inputs);
    return interpreter.run(code_->statements, code_->hidden).segments();
  } catch (const template_failure& failed) {
    return failure(failed.code, located(interpreter.position(), failed.message));
  }
}

} // namespace troupe
