#include "net/request_parser_completions.hpp"

#include "net/request_fields.hpp"
#include "net/sampling_fields.hpp"

#include <fmt/format.h>
#include <limits>

namespace troupe {

using simdjson::SUCCESS;

namespace {

constexpr int64_t int32_max = std::numeric_limits<int32_t>::max();
constexpr int64_t max_tokens_default = 16; // OpenAI's
constexpr size_t submissions_max = 64;     // prompts times best_of

constexpr const char* prompt_forms =
    "a string, a list of strings, a list of token ids or a list of such lists";

std::optional<std::vector<token_id>> read_tokens(const simdjson::dom::array& list) {
  std::vector<token_id> tokens;
  for (const auto element : list) {
    int64_t id = 0;
    if (element.get(id) != SUCCESS || id < 0 || id > int32_max)
      return {};
    tokens.push_back(static_cast<token_id>(id));
  }
  return tokens;
}

std::optional<completion_prompt> read_one(const simdjson::dom::element& value) {
  std::string_view text;
  simdjson::dom::array list;
  if (value.get(text) == SUCCESS)
    return completion_prompt(std::string(text));
  if (value.get(list) != SUCCESS)
    return {};
  auto tokens = read_tokens(list);
  return tokens ? std::optional(completion_prompt(std::move(*tokens))) : std::nullopt;
}

size_t bytes_of(const std::vector<completion_prompt>& prompts) {
  size_t bytes = 0;
  for (const auto& prompt : prompts)
    if (const auto* text = std::get_if<std::string>(&prompt))
      bytes += text->size();
    else
      bytes += std::get<std::vector<token_id>>(prompt).size() * sizeof(token_id);
  return bytes;
}

bool is_empty(const completion_prompt& prompt) {
  return std::visit([](const auto& one) { return one.empty(); }, prompt);
}

void read_prompts(field_reader& fields, completion_request& request) {
  const auto value = fields.any("prompt");
  if (!value)
    return fields.fail("prompt", fmt::format("is missing: {}", prompt_forms));
  if (auto one = read_one(*value)) { // a list of numbers is one prompt
    request.prompts.push_back(std::move(*one));
  } else {
    simdjson::dom::array list;
    if (value->get(list) != SUCCESS)
      return fields.fail("prompt", fmt::format("must be {}", prompt_forms));
    if (list.size() > submissions_max)
      return fields.fail("prompt",
                         fmt::format("has {} prompts: at most {} are allowed", list.size(), submissions_max));
    for (const auto element : list) {
      auto prompt = read_one(element);
      if (!prompt)
        return fields.fail("prompt", fmt::format("must be {}", prompt_forms));
      request.prompts.push_back(std::move(*prompt));
    }
  }
  for (const auto& prompt : request.prompts)
    if (is_empty(prompt))
      return fields.fail("prompt", "must not be empty");
}

void read_best_of(field_reader& fields, completion_request& request) {
  auto& terms = request.terms;
  if (const auto value = fields.integer("best_of", 1, choices_max)) {
    if (*value < terms.n)
      fields.fail("best_of", fmt::format("must be at least n, {}, not {}", terms.n, *value));
    if (*value > terms.n && terms.stream)
      fields.fail("best_of", "above n cannot be had with stream: true: the best are known at the end");
    terms.best_of = static_cast<int32_t>(*value);
  }
  if (terms.continuous_usage && request.prompts.size() > 1)
    fields.fail("stream_options.continuous_usage_stats", "cannot be had for several prompts");
  check_copies(fields, terms.best_of > terms.n ? "best_of" : "n", bytes_of(request.prompts), terms.best_of);
  const auto submissions = request.prompts.size() * static_cast<size_t>(terms.best_of);
  if (submissions > submissions_max)
    fields.fail("prompt", fmt::format("times the choices of each is {} answers: at most {} are allowed",
                                      submissions, submissions_max));
}

void read_max_tokens(field_reader& fields, completion_request& request) {
  const auto limit = fields.integer("max_tokens", 0, int32_max).value_or(max_tokens_default);
  if (limit == 0 && !request.echo)
    fields.fail("max_tokens", "must be at least 1; 0 needs echo: true");
  request.prompt_only = limit == 0;
  request.generation.max_tokens = static_cast<int32_t>(limit == 0 ? 1 : limit);
  check_min_tokens(fields, request.generation, "max_tokens");
}

void read_logprobs(field_reader& fields, completion_request& request) {
  if (const auto value = fields.integer("logprobs", 0, logprobs_max))
    request.generation.sampling.logprobs = static_cast<int32_t>(*value);
  read_prompt_logprobs(fields, request.generation, request.terms.stream);
}

} // namespace

parsed<completion_request> parse_completion_request(simdjson::dom::object body) {
  field_reader fields(body);
  completion_request request;
  read_sampling(fields, request.generation);
  read_scheduling(fields, request.generation);
  request.terms = read_answer_terms(fields);
  request.echo = fields.boolean("echo").value_or(false);
  read_max_tokens(fields, request);
  read_logprobs(fields, request);
  fields.unsupported({"suffix"});
  fields.string("user", 1024);
  read_metadata(fields);
  read_prompts(fields, request);
  read_best_of(fields, request);
  fields.refuse_unknown();
  if (fields.failed())
    return tl::unexpected(fields.problem());
  return request;
}

} // namespace troupe
