#include "supervision/engine_wire.hpp"

#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"

#include <algorithm>
#include <type_traits>

namespace troupe {

namespace {

constexpr size_t token_logprob_bytes = 12; // token, rank, logprob
constexpr size_t token_logprobs_bytes = token_logprob_bytes + 4;
constexpr size_t sampled_token_bytes = 8 + 4 + 4 + 1 + 1 + 1 + 4;

template <class Number>
void put(byte_writer& out, const std::optional<Number>& value) {
  out.put(value.has_value());
  out.put(value.value_or(Number{}));
}

template <class Number>
std::optional<Number> get_optional(byte_reader& in) {
  const bool there = in.get<bool>();
  const auto value = in.get<Number>();
  return there ? std::optional(value) : std::nullopt;
}

// -- parts

void put(byte_writer& out, const sampling_params& value) {
  out.put(value.temperature);
  out.put(value.top_k);
  out.put(value.top_p);
  out.put(value.min_p);
  out.put(value.repetition_penalty);
  out.put(value.presence_penalty);
  out.put(value.frequency_penalty);
  out.put(value.seed);
  out.put(value.choice);
  out.put(value.min_tokens);
  put(out, value.logprobs);
  out.put_list(value.logit_bias, [&](const token_bias& each) {
    out.put(each.token);
    out.put(each.bias);
  });
}

sampling_params get_sampling(byte_reader& in) {
  sampling_params out;
  out.temperature = in.get<float>();
  out.top_k = in.get<int32_t>();
  out.top_p = in.get<float>();
  out.min_p = in.get<float>();
  out.repetition_penalty = in.get<float>();
  out.presence_penalty = in.get<float>();
  out.frequency_penalty = in.get<float>();
  out.seed = in.get<uint64_t>();
  out.choice = in.get<uint32_t>();
  out.min_tokens = in.get<int32_t>();
  out.logprobs = get_optional<int32_t>(in);
  out.logit_bias = in.get_list<token_bias>(sizeof(token_bias), [&] {
    const auto token = in.get<token_id>();
    return token_bias{token, in.get<float>()};
  });
  return out;
}

void put(byte_writer& out, const sequence_spec& value) {
  out.put_numbers(value.prompt);
  put(out, value.sampling);
  out.put(value.max_tokens);
  out.put_numbers(value.end_tokens);
  out.put_numbers(value.stop_tokens);
  put(out, value.prompt_logprobs);
  out.put(std::string_view(value.tenant));
  out.put(std::string_view(value.cache_salt));
  out.put(value.priority);
}

sequence_spec get_spec(byte_reader& in) {
  sequence_spec out;
  out.prompt = in.get_numbers<token_id>();
  out.sampling = get_sampling(in);
  out.max_tokens = in.get<int32_t>();
  out.end_tokens = in.get_numbers<token_id>();
  out.stop_tokens = in.get_numbers<token_id>();
  out.prompt_logprobs = get_optional<int32_t>(in);
  out.tenant = in.get_text();
  out.cache_salt = in.get_text();
  out.priority = in.get<int32_t>();
  return out;
}

void put(byte_writer& out, const token_logprob& value) {
  out.put(value.token);
  out.put(value.rank);
  out.put(value.logprob);
}

token_logprob get_logprob(byte_reader& in) {
  token_logprob out;
  out.token = in.get<token_id>();
  out.rank = in.get<int32_t>();
  out.logprob = in.get<float>();
  return out;
}

void put(byte_writer& out, const logprob_list& value) {
  out.put(value != nullptr);
  if (!value)
    return;
  out.put_list(*value, [&](const token_logprobs& each) {
    put(out, each.chosen);
    out.put_list(each.top, [&](const token_logprob& one) { put(out, one); });
  });
}

logprob_list get_logprobs(byte_reader& in) {
  if (!in.get<bool>())
    return nullptr;
  auto out = in.get_list<token_logprobs>(token_logprobs_bytes, [&] {
    token_logprobs each;
    each.chosen = get_logprob(in);
    each.top = in.get_list<token_logprob>(token_logprob_bytes, [&] { return get_logprob(in); });
    return each;
  });
  return std::make_shared<const std::vector<token_logprobs>>(std::move(out));
}

// -- messages; those without members have none of these

template <class Message>
void put(byte_writer&, const Message&) {
  static_assert(std::is_empty_v<Message>, "this message has members: write them");
}

void put(byte_writer& out, const engine_setup& value) {
  out.put(value.wire_version);
  out.put(value.last_epoch);
}

void put(byte_writer& out, const dispatch_sequence& value) {
  out.put(value.epoch);
  out.put(value.id);
  put(out, value.spec);
  out.put_numbers(value.emitted);
  out.put(value.group);
  out.put(value.apart_tokens);
}

void put(byte_writer& out, const cancel_sequence& value) {
  out.put(value.epoch);
  out.put(value.id);
}

void put(byte_writer& out, const step_ack& value) {
  out.put(value.epoch);
  out.put(value.step);
}

void put(byte_writer& out, const inject_fault& value) {
  out.put(value.part);
  out.put(value.kind);
  out.put(value.seed);
}

void put(byte_writer& out, const engine_loading& value) {
  out.put(value.done_bytes);
  out.put(value.total_bytes);
}

void put(byte_writer& out, const engine_loaded& value) {
  out.put(value.context_tokens);
  out.put(value.pages);
  out.put(value.numeric_class);
  out.put(value.weight_bytes);
  out.put(value.window_positions);
  out.put(value.window_sinks);
}

void put(byte_writer& out, const engine_refused& value) {
  out.put(std::string_view(value.reason));
}

void put(byte_writer& out, const engine_up& value) {
  out.put(value.epoch);
  out.put_numbers(value.fatal_step);
}

void put(byte_writer& out, const step_result& value) {
  out.put(value.epoch);
  out.put(value.step);
  out.put_list(value.tokens, [&](const sampled_token& each) {
    out.put(each.id);
    out.put(each.position);
    out.put(each.token);
    out.put(each.finish);
    put(out, each.logprobs);
    put(out, each.prompt_logprobs);
    out.put(each.cached_tokens);
  });
  out.put(value.computed_tokens);
  out.put(value.step_us);
  out.put(value.idle_us);
}

void put(byte_writer& out, const health_report& value) {
  out.put(value.step);
  out.put(value.step_us);
}

void put(byte_writer& out, const engine_counts& value) {
  out.put_numbers(value.values);
}

template <class Message>
Message get(byte_reader&, std::type_identity<Message>) {
  static_assert(std::is_empty_v<Message>, "this message has members: read them");
  return {};
}

engine_setup get(byte_reader& in, std::type_identity<engine_setup>) {
  const auto version = in.get<uint32_t>();
  return {version, in.get<epoch_number>()};
}

dispatch_sequence get(byte_reader& in, std::type_identity<dispatch_sequence>) {
  dispatch_sequence out;
  out.epoch = in.get<epoch_number>();
  out.id = in.get<sequence_id>();
  out.spec = get_spec(in);
  out.emitted = in.get_numbers<token_id>();
  out.group = in.get<int32_t>();
  out.apart_tokens = in.get<int32_t>();
  return out;
}

cancel_sequence get(byte_reader& in, std::type_identity<cancel_sequence>) {
  const auto epoch = in.get<epoch_number>();
  return {epoch, in.get<sequence_id>()};
}

step_ack get(byte_reader& in, std::type_identity<step_ack>) {
  const auto epoch = in.get<epoch_number>();
  return {epoch, in.get<uint64_t>()};
}

inject_fault get(byte_reader& in, std::type_identity<inject_fault>) {
  inject_fault out;
  out.part = in.get_enum(engine_part::engine);
  out.kind = in.get_enum(fault_kind::device);
  out.seed = in.get<uint64_t>();
  return out;
}

engine_loading get(byte_reader& in, std::type_identity<engine_loading>) {
  const auto done = in.get<uint64_t>();
  return {done, in.get<uint64_t>()};
}

engine_loaded get(byte_reader& in, std::type_identity<engine_loaded>) {
  engine_loaded out;
  out.context_tokens = in.get<int32_t>();
  out.pages = in.get<int32_t>();
  out.numeric_class = in.get<uint64_t>();
  out.weight_bytes = in.get<uint64_t>();
  out.window_positions = in.get<int32_t>();
  out.window_sinks = in.get<int32_t>();
  return out;
}

engine_refused get(byte_reader& in, std::type_identity<engine_refused>) {
  return {in.get_text()};
}

engine_up get(byte_reader& in, std::type_identity<engine_up>) {
  const auto epoch = in.get<epoch_number>();
  return {epoch, in.get_numbers<sequence_id>()};
}

step_result get(byte_reader& in, std::type_identity<step_result>) {
  step_result out;
  out.epoch = in.get<epoch_number>();
  out.step = in.get<uint64_t>();
  out.tokens = in.get_list<sampled_token>(sampled_token_bytes, [&] {
    sampled_token each;
    each.id = in.get<sequence_id>();
    each.position = in.get<int32_t>();
    each.token = in.get<token_id>();
    each.finish = in.get_enum(finish_reason::error);
    each.logprobs = get_logprobs(in);
    each.prompt_logprobs = get_logprobs(in);
    each.cached_tokens = in.get<int32_t>();
    return each;
  });
  out.computed_tokens = in.get<int32_t>();
  out.step_us = in.get<int64_t>();
  out.idle_us = in.get<int64_t>();
  return out;
}

health_report get(byte_reader& in, std::type_identity<health_report>) {
  const auto step = in.get<uint64_t>();
  return {step, in.get<int64_t>()};
}

engine_counts get(byte_reader& in, std::type_identity<engine_counts>) {
  return {in.get_numbers<double>()};
}

template <class Variant>
std::string encode_any(const Variant& message) {
  byte_writer out;
  out.put(static_cast<uint8_t>(message.index()));
  std::visit([&](const auto& each) { put(out, each); }, message);
  return out.take();
}

template <class Variant, size_t Index = 0>
std::optional<Variant> decode_as(size_t index, byte_reader& in) {
  if constexpr (Index < std::variant_size_v<Variant>) {
    if (index != Index)
      return decode_as<Variant, Index + 1>(index, in);
    Variant out = get(in, std::type_identity<std::variant_alternative_t<Index, Variant>>{});
    return in.finished() ? std::optional(std::move(out)) : std::nullopt;
  } else {
    return std::nullopt;
  }
}

template <class Variant>
std::optional<Variant> decode_any(std::string_view bytes) {
  byte_reader in(bytes);
  const auto index = in.get<uint8_t>();
  return in.ok() ? decode_as<Variant>(index, in) : std::nullopt;
}

} // namespace

std::string encode(const to_engine& message) {
  return encode_any(message);
}

std::string encode(const from_engine& message) {
  return encode_any(message);
}

std::optional<to_engine> decode_to_engine(std::string_view bytes) {
  return decode_any<to_engine>(bytes);
}

std::optional<from_engine> decode_from_engine(std::string_view bytes) {
  return decode_any<from_engine>(bytes);
}

} // namespace troupe
