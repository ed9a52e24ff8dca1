#include "supervision/cluster/entry_record.hpp"

#include <algorithm>

namespace troupe {

int64_t head_bytes(const open_entry& request) {
  const auto& spec = request.spec;
  auto bytes = static_cast<int64_t>(sizeof(entry_record) + request.response_id.size() +
                                    request.request_id.size() + request.model.size());
  bytes += static_cast<int64_t>(request.resume.owner.size() + request.resume.stream_token.size() +
                                request.resume.door_state.size());
  bytes += static_cast<int64_t>((spec.end_tokens.size() + spec.stop_tokens.size()) * sizeof(token_id));
  bytes += static_cast<int64_t>(spec.sampling.logit_bias.size() * sizeof(token_bias));
  for (const auto& stop : spec.stop)
    bytes += static_cast<int64_t>(sizeof(std::string) + stop.size());
  return bytes + static_cast<int64_t>(spec.tenant.size() + spec.cache_salt.size());
}

int64_t promised_bytes(const entry_head& head) {
  const auto tokens = static_cast<int64_t>(std::max(0, head.request.spec.max_tokens));
  return head_bytes(head.request) + static_cast<int64_t>(sizeof(token_id)) * head.prompt_tokens +
         static_cast<int64_t>(sizeof(sampled_token)) * tokens;
}

int64_t token_bytes(const sampled_token& token) {
  constexpr int64_t logprob_bytes = 64; // a token with its text
  auto bytes = static_cast<int64_t>(sizeof(sampled_token));
  for (const auto& list : {token.logprobs, token.prompt_logprobs})
    if (list)
      for (const auto& each : *list)
        bytes += logprob_bytes * static_cast<int64_t>(1 + each.top.size());
  return bytes;
}

int64_t entry_record::bytes() const {
  auto bytes = head_bytes(request) + static_cast<int64_t>(request.spec.prompt.size() * sizeof(token_id));
  for (const auto& token : emitted)
    bytes += token_bytes(token);
  return bytes;
}

entry_assembly::entry_assembly(const entry_head& head, steady_time now)
    : record_{.id = head.id,
              .epoch = head.epoch,
              .request = head.request,
              .acceptance = head.acceptance,
              .emitted = {},
              .deadline = now + milliseconds(head.remaining_ms),
              .notes = head.notes},
      prompt_tokens_(head.prompt_tokens), tokens_(head.tokens) {
  record_.request.spec.prompt.clear();
}

entry_assembly::entry_assembly(entry_record record)
    : record_(std::move(record)), prompt_tokens_(static_cast<uint32_t>(record_.request.spec.prompt.size())),
      tokens_(static_cast<uint32_t>(record_.emitted.size())) {}

void entry_assembly::promise(const entry_head& head) {
  tokens_ = std::max(tokens_, head.tokens);
  if (head.notes.revision > record_.notes.revision)
    record_.notes = head.notes;
}

void entry_assembly::take(const entry_prompt& part) {
  auto& prompt = record_.request.spec.prompt;
  if (part.offset != prompt.size() || part.tokens.size() > prompt_tokens_ - prompt.size())
    return; // known, or behind a gap: the answer says what is missing
  prompt.insert(prompt.end(), part.tokens.begin(), part.tokens.end());
}

bool entry_assembly::take(const entry_tokens& part) {
  auto& emitted = record_.emitted;
  for (size_t i = 0; i < part.tokens.size(); ++i) {
    const auto position = part.position + i;
    if (position < emitted.size() && emitted[position].token != part.tokens[i].token)
      return false;
    const auto bound = static_cast<size_t>(std::max(0, record_.request.spec.max_tokens));
    if (position == emitted.size() && emitted.size() < bound)
      emitted.push_back(part.tokens[i]);
  }
  if (part.notes.revision > record_.notes.revision)
    record_.notes = part.notes;
  return true;
}

entry_ack entry_assembly::ack(transfer_purpose purpose) const {
  return {.purpose = purpose,
          .id = record_.id,
          .epoch = record_.epoch,
          .answer = complete() ? transfer_answer::held : transfer_answer::partial,
          .prompt = static_cast<uint32_t>(record_.request.spec.prompt.size()),
          .tokens = static_cast<uint32_t>(record_.emitted.size()),
          .revision = record_.notes.revision,
          .newest = {}};
}

} // namespace troupe
