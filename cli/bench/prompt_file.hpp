#pragma once

#include "base/result.hpp"
#include "cli/bench/load_plan.hpp"

#include <string>
#include <vector>

namespace troupe {

/// Reads the prompts of a load. Either JSON lines, each an object with `prompt` (a text) and perhaps
/// `max_tokens`, or conversations as ShareGPT has them, as lines or as one array:
/// {"conversations": [{"from": "human", "value": …}, {"from": "gpt", "value": …}]}. Of those the first human
/// turn is the prompt, and a quarter of the answer's bytes are its tokens; others are left out.
/// Errors: input (no such file, larger than 1 GiB, not JSON, nothing to send), with the line.
result<std::vector<planned_request>> read_prompt_file(const std::string& path);

} // namespace troupe
