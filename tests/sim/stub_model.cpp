#include "tests/sim/stub_model.hpp"

#include "supervision/cluster/stable_hash.hpp"
#include "supervision/ledger_entry.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe::sim {

stub_sequence::stub_sequence(const sequence_spec& spec, const std::vector<token_id>& emitted)
    : end_tokens_(spec.end_tokens), max_tokens_(spec.max_tokens), hash_(mix_hash(spec.sampling.seed)) {
  for (auto token : spec.prompt)
    see(token);
  for (auto token : emitted) {
    see(token);
    ++position_;
  }
}

void stub_sequence::see(token_id token) {
  hash_ = mix_hash(hash_ ^ static_cast<uint64_t>(token));
}

sampled_token stub_sequence::next() {
  sampled_token out;
  out.position = position_++;
  out.token = static_cast<token_id>(hash_ % 97);
  if (std::ranges::find(end_tokens_, out.token) != end_tokens_.end())
    out.finish = finish_reason::stop;
  else if (position_ >= max_tokens_)
    out.finish = finish_reason::length;
  see(out.token);
  return out;
}

make_text_decoder stub_decoder() {
  return [] {
    return [](std::optional<token_id> token) { return token ? fmt::format("<{}>", *token) : std::string(); };
  };
}

log_record told(const response_event& event) {
  log_record out{.kind = log_kind::event,
                 .id = event.response_id,
                 .number = event.sequence_number,
                 .part = static_cast<int64_t>(event.kind),
                 .count = event.output_tokens,
                 .text = event.text};
  if (event.kind == event_kind::failed)
    out.text = to_string(event.error);
  return out;
}

std::vector<log_record> undisturbed(const open_entry& request) {
  ledger_entry entry(1, request, 1, stub_decoder()(), {});
  entry.begin();
  stub_sequence sequence(request.spec, {});
  while (!entry.ended())
    entry.append(sequence.next());
  std::vector<log_record> out;
  while (const auto* event = entry.next_unsent(int64_t{1} << 40)) {
    out.push_back(told(*event));
    out.back().kind = log_kind::expect;
  }
  return out;
}

} // namespace troupe::sim
