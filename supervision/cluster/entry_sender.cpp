#include "supervision/cluster/entry_sender.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr milliseconds retry_after{300};
constexpr uint32_t prompt_part_tokens = 60'000;                   // 240 kB of the 256 KiB of a message
constexpr uint32_t prompt_window_tokens = 4 * prompt_part_tokens; // not acknowledged yet
constexpr int64_t token_batch_bytes = 128 * 1024;
constexpr uint32_t batches_max = 4; // in one go

} // namespace

void entry_sender::assume_held(const entry_record& record) {
  head_sent_ = head_acked_ = held_ = true;
  prompt_.acked = prompt_.sent = static_cast<uint32_t>(record.request.spec.prompt.size());
  tokens_.acked = tokens_.sent = static_cast<uint32_t>(record.emitted.size());
  revision_acked_ = revision_sent_ = record.notes.revision;
}

void entry_sender::pump(const entry_record& record, steady_time now, cluster_effects& out) {
  if (terms_.purpose == transfer_purpose::attempt && held_)
    return; // what comes now comes from there
  const bool waiting = !head_acked_ || prompt_.acked < prompt_.sent || tokens_.acked < tokens_.sent ||
                       revision_acked_ < revision_sent_;
  // Counted from the last answer, not from the last message: there is always a next token.
  if (!waiting || std::exchange(answered_, false))
    waiting_since_ = now;
  if (head_sent_ && waiting && now >= waiting_since_ + retry_after) {
    waiting_since_ = now;
    head_sent_ = head_acked_;
    prompt_.sent = prompt_.acked;
    tokens_.sent = tokens_.acked;
    revision_sent_ = revision_acked_;
  }
  if (!head_sent_)
    send_head(record, now, out);
  send_prompt(record, out);
  send_tokens(record, out);
}

void entry_sender::send_head(const entry_record& record, steady_time now, cluster_effects& out) {
  head_sent_ = true;
  promised_ = static_cast<uint32_t>(record.emitted.size());
  entry_head head{.purpose = terms_.purpose,
                  .id = record.id,
                  .epoch = terms_.epoch,
                  .request = {},
                  .acceptance = record.acceptance,
                  .remaining_ms = std::max<int64_t>(
                      0, std::chrono::duration_cast<milliseconds>(record.deadline - now).count()),
                  .prompt_tokens = static_cast<uint32_t>(record.request.spec.prompt.size()),
                  .tokens = promised_,
                  .notes = record.notes,
                  .leaving = terms_.leaving,
                  .apart = terms_.apart};
  head.request.response_id = record.request.response_id;
  head.request.request_id = record.request.request_id;
  head.request.model = record.request.model;
  head.request.timeout_ms = record.request.timeout_ms;
  head.request.resume = record.request.resume;
  const auto& spec = record.request.spec;
  head.request.spec = {.prompt = {},
                       .sampling = spec.sampling,
                       .max_tokens = spec.max_tokens,
                       .end_tokens = spec.end_tokens,
                       .stop_tokens = spec.stop_tokens,
                       .stop = spec.stop,
                       .include_stop = spec.include_stop,
                       .prompt_logprobs = spec.prompt_logprobs,
                       .tenant = spec.tenant,
                       .cache_salt = spec.cache_salt,
                       .priority = spec.priority};
  out.sends.push_back({terms_.target, std::move(head)});
}

void entry_sender::send_prompt(const entry_record& record, cluster_effects& out) {
  const auto& prompt = record.request.spec.prompt;
  const auto size = static_cast<uint32_t>(prompt.size());
  while (prompt_.sent < size && prompt_.sent - prompt_.acked < prompt_window_tokens) {
    const auto count = std::min(prompt_part_tokens, size - prompt_.sent);
    const auto begin = prompt.begin() + prompt_.sent;
    out.sends.push_back(
        {terms_.target,
         entry_prompt{terms_.purpose, record.id, terms_.epoch, prompt_.sent, {begin, begin + count}}});
    prompt_.sent += count;
  }
}

void entry_sender::send_tokens(const entry_record& record, cluster_effects& out) {
  const bool attempt = terms_.purpose == transfer_purpose::attempt;
  const auto size = attempt ? promised_ : static_cast<uint32_t>(record.emitted.size());
  if (attempt && tokens_.sent >= size)
    return;
  if (prompt_.acked < record.request.spec.prompt.size() && head_acked_ && tokens_.sent >= size)
    return; // notes follow the prompt, unless there are tokens anyway
  for (uint32_t batch = 0; batch < batches_max; ++batch) {
    if (tokens_.sent >= size && revision_sent_ >= record.notes.revision)
      return;
    entry_tokens part{terms_.purpose, record.id, terms_.epoch, tokens_.sent, {}, record.notes};
    for (int64_t bytes = 0; tokens_.sent < size && bytes < token_batch_bytes; ++tokens_.sent) {
      part.tokens.push_back(record.emitted[tokens_.sent]);
      bytes += token_bytes(part.tokens.back());
    }
    revision_sent_ = record.notes.revision;
    out.sends.push_back({terms_.target, std::move(part)});
  }
}

bool entry_sender::acknowledged(const entry_ack& ack) {
  if (ack.epoch != terms_.epoch || ack.purpose != terms_.purpose)
    return false;
  const auto settle = [this](progress& of, uint32_t there) {
    answered_ = answered_ || there > of.acked;
    of.acked = std::max(of.acked, there);
    of.sent = std::max(of.sent, of.acked);
  };
  if (asked_again_ && !head_acked_ && ack.answer == transfer_answer::partial) {
    prompt_ = {};
    tokens_ = {};
    revision_acked_ = revision_sent_ = 0;
  }
  asked_again_ = false;
  answered_ = answered_ || !head_acked_;
  head_acked_ = true;
  settle(prompt_, ack.prompt);
  settle(tokens_, ack.tokens);
  revision_acked_ = std::max(revision_acked_, ack.revision);
  held_ = held_ || ack.answer == transfer_answer::held;
  return true;
}

} // namespace troupe
