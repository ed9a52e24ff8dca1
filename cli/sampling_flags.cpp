#include "cli/sampling_flags.hpp"

#include "base/utf8.hpp"
#include "cli/errors.hpp"
#include "cli/seed_option.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace troupe {

generation_request sampling_flags::request() const {
  generation_request out;
  out.sampling = params;
  out.max_tokens = max_tokens;
  out.seed = seed;
  return out;
}

void add_sampling_flags(CLI::App& app, sampling_flags& into) {
  sampling_params& params = into.params;
  auto option = [&app](const char* name, auto& target, std::string help) {
    app.add_option(name, target, std::move(help))->group("Answer");
  };
  option("--system", into.system, "System message in front of the conversation.");
  option("--max-tokens", into.max_tokens,
         "Tokens of an answer at most; without it, up to the context length.");
  option("--temperature", params.temperature,
         fmt::format("0: always the likeliest token; up to 2. Default {:g}.", params.temperature));
  option("--top-p", params.top_p,
         fmt::format("Keep the likeliest tokens that reach this mass; 0 to 1. Default {:g}.", params.top_p));
  option("--top-k", params.top_k, "Keep so many of the likeliest tokens; 0: all. Default 0.");
  option("--min-p", params.min_p,
         "Drop tokens below this share of the likeliest one's probability. Default 0.");
  option("--repetition-penalty", params.repetition_penalty, "Above 1: fewer repetitions. Default 1.");
  add_seed_option(
      app, [&into](uint64_t seed) { into.seed = seed; },
      "The same seed, prompt and flags give the same answer. Without it, a random one.")
      ->group("Answer");
}

status check(const sampling_flags& flags) {
  if (flags.max_tokens && *flags.max_tokens < 1)
    return failure(cli_error::bad_usage,
                   fmt::format("--max-tokens must be at least 1, got {}.", *flags.max_tokens));
  if (!is_utf8(flags.system))
    return failure(cli_error::bad_usage, "--system is not UTF-8 text.");
  return validate(flags.params);
}

} // namespace troupe
