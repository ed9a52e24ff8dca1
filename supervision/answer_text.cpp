#include "supervision/answer_text.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace troupe {

answer_text::answer_text(const sequence_spec& spec, text_decoder decoder, token_bytes_of bytes)
    : decoder_(std::move(decoder)), bytes_(std::move(bytes)), matcher_(spec.stop),
      stop_tokens_(spec.stop_tokens), min_tokens_(spec.sampling.min_tokens),
      include_stop_(spec.include_stop) {}

answer_piece answer_text::push(const sampled_token& token) {
  answer_piece piece;
  piece.ended = token.finish != finish_reason::none;
  piece.cut = token.finish == finish_reason::length;
  const bool end_token = token.finish == finish_reason::stop;
  const bool silent = end_token && !include_stop_;
  if (end_token && std::find(stop_tokens_.begin(), stop_tokens_.end(), token.token) != stop_tokens_.end())
    piece.stopped_by = token.token;
  note_logprobs(token, silent);
  ++tokens_;
  const auto fresh = decode(token, silent);
  const auto known = told_ + held_.size(); // before this token
  held_ += fresh;
  // As in vLLM, a stop string must end behind the first min_tokens tokens.
  if (const auto match = matcher_.read(fresh, tokens_ > min_tokens_)) {
    const auto& stop = matcher_.stop(match->stop);
    const auto end = known + match->end - (include_stop_ ? 0 : stop.size());
    std::erase_if(waiting_, [&](const waiting_token& each) { return each.begin >= end; });
    release(piece, end);
    piece.ended = true;
    piece.cut = false;
    piece.stopped_by = stop;
    held_.clear();
    return piece;
  }
  // A stop string that belongs to the answer may be told as it comes.
  const auto back = piece.ended || include_stop_ ? 0 : matcher_.held();
  release(piece, told_ + held_.size() - back);
  if (piece.ended) // those without text behind the end of the text, too
    for (auto& each : std::exchange(waiting_, {}))
      piece.logprobs.push_back(std::move(each.logprobs));
  return piece;
}

std::string answer_text::decode(const sampled_token& token, bool silent) {
  // The token that says "stop" is no text, whatever its bytes are.
  auto text = silent ? std::string{} : decoder_(token.token);
  if (token.finish != finish_reason::none)
    text += decoder_(std::nullopt);
  return text;
}

void answer_text::note_logprobs(const sampled_token& token, bool silent) {
  if (!token.logprobs)
    return;
  TROUPE_CHECK(token.logprobs->size() == 1, "one token has one log probability");
  const auto& bare = token.logprobs->front();
  cumulative_logprob_ += static_cast<double>(bare.chosen.logprob);
  if (!silent)
    waiting_.push_back({told_ + held_.size(), with_bytes(bare)});
}

token_logprobs answer_text::with_bytes(token_logprobs bare) const {
  if (!bytes_)
    return bare;
  bare.chosen.bytes = bytes_(bare.chosen.token);
  for (auto& each : bare.top)
    each.bytes = bytes_(each.token);
  return bare;
}

void answer_text::release(answer_piece& piece, size_t end) {
  TROUPE_CHECK(end >= told_, "a part of a stop string was told");
  piece.text = held_.substr(0, end - told_);
  held_.erase(0, end - told_);
  told_ = end;
  auto first_left = std::find_if(waiting_.begin(), waiting_.end(),
                                 [&](const waiting_token& each) { return each.begin >= end; });
  for (auto each = waiting_.begin(); each != first_left; ++each)
    piece.logprobs.push_back(std::move(each->logprobs));
  waiting_.erase(waiting_.begin(), first_left);
}

} // namespace troupe
