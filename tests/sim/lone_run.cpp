#include "tests/sim/lone_run.hpp"

#include "base/page_size.hpp"
#include "kernels/cpu/aligned_buffer.hpp"
#include "model/sampler.hpp"
#include "tests/sim/world_failure.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace troupe::sim {

std::string word_of(token_id token) {
  return "<" + std::to_string(token) + ">";
}

uint64_t hash_of(std::span<const float> logits) {
  uint64_t hash = 14695981039346656037u;
  for (const auto logit : logits)
    hash = (hash ^ std::bit_cast<uint32_t>(logit)) * 1099511628211u;
  return hash;
}

lone_answer run_alone(const language_model& model, const sequence_spec& spec) {
  const auto prompt = static_cast<int32_t>(spec.prompt.size());
  std::vector<page_id> table(static_cast<size_t>(pages_of(prompt + spec.max_tokens)));
  std::iota(table.begin(), table.end(), 0);
  aligned_buffer pages(table.size() * model.page_bytes());
  forward_scratch scratch(model.shape(), prompt);
  thread_pool threads(1);
  sampler choose(spec.sampling, model.shape().vocabulary, spec.prompt, {});
  std::vector<float> logits(static_cast<size_t>(model.shape().vocabulary));

  lone_answer out;
  auto tokens = spec.prompt;
  int32_t position = 0;
  while (out.finish == finish_reason::none) {
    const sequence_slice slice{tokens, position, table, 1};
    const auto done = model.forward({&slice, 1}, {pages.data(), pages.size()}, scratch, threads, logits);
    require(done.has_value(), "the lone run failed");
    position += static_cast<int32_t>(tokens.size());
    out.logits.push_back(hash_of(logits));
    const auto token = choose.sample(logits);
    require(token.has_value(), "the lone run's logits are not finite");
    tokens.assign(1, *token);
    out.tokens.push_back(*token);
    const bool stops =
        std::find(spec.end_tokens.begin(), spec.end_tokens.end(), *token) != spec.end_tokens.end();
    if (!stops)
      out.text += word_of(*token);
    out.ends.push_back(out.text.size());
    if (stops)
      out.finish = finish_reason::stop;
    else if (static_cast<int32_t>(out.tokens.size()) == spec.max_tokens)
      out.finish = finish_reason::length;
  }
  return out;
}

} // namespace troupe::sim
