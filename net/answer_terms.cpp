#include "net/answer_terms.hpp"

#include <fmt/format.h>

namespace troupe {

namespace {

constexpr size_t copied_bytes_max = 32 * 1024 * 1024; // of all choices of a request

void read_stream_options(field_reader& fields, answer_terms& terms) {
  const auto value = fields.any("stream_options");
  simdjson::dom::object object;
  if (!value)
    return;
  if (!terms.stream)
    return fields.fail("stream_options", "is only allowed with stream: true");
  if (value->get(object) != simdjson::SUCCESS)
    return fields.fail("stream_options", "must be an object");
  field_reader options(object, "stream_options.");
  terms.include_usage = options.boolean("include_usage").value_or(false);
  terms.continuous_usage = options.boolean("continuous_usage_stats").value_or(false);
  if (terms.continuous_usage && !terms.include_usage)
    options.fail("continuous_usage_stats", "needs include_usage: true");
  options.ignore({"include_obfuscation"});
  options.refuse_unknown();
  if (options.failed())
    fields.fail(options.problem());
}

} // namespace

answer_terms read_answer_terms(field_reader& fields) {
  answer_terms terms;
  terms.n = static_cast<int32_t>(fields.integer("n", 1, choices_max).value_or(1));
  terms.best_of = terms.n;
  terms.stream = fields.boolean("stream").value_or(false);
  read_stream_options(fields, terms);
  return terms;
}

void check_copies(field_reader& fields, const char* field, size_t prompt_bytes, int32_t choices) {
  if (choices > 1 && prompt_bytes > copied_bytes_max / static_cast<size_t>(choices))
    fields.fail(field, fmt::format("of {} is too many for a prompt of {} bytes: send one request each",
                                   choices, prompt_bytes));
}

} // namespace troupe
