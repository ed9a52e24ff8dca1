#include "supervision/stop_matcher.hpp"
#include "tests/supervision/answer_world.hpp"
#include "tests/supervision/ledger_world.hpp"

#include <iostream>
#include <random>

using namespace troupe;
using namespace troupe::test;

namespace {

/// What an answer should be, found the slow way, with the whole text at hand.
struct naive_answer {
  std::vector<std::string> deltas;
  std::string stopped_by;
  size_t tokens = 0; // sampled until the end
};

/// The longest end of the text that is the beginning of a stop string.
size_t held_by(const std::string& text, const std::vector<std::string>& stops) {
  size_t held = 0;
  for (const auto& stop : stops)
    for (size_t length = 1; length < stop.size(); ++length)
      if (text.ends_with(stop.substr(0, length)))
        held = std::max(held, length);
  return held;
}

naive_answer naive(const answer_script& script) {
  naive_answer out;
  const auto& spec = script.spec;
  std::string bytes, text;
  size_t told = 0;
  const auto tell = [&](size_t end) {
    if (end > told)
      out.deltas.push_back(text.substr(told, end - told));
    told = std::max(told, end);
  };
  for (size_t i = 0; i < script.tokens.size(); ++i) {
    ++out.tokens;
    const bool last = i + 1 == script.tokens.size();
    const auto before = text.size();
    if (!last || script.finish != finish_reason::stop || spec.include_stop)
      bytes += script.vocabulary[static_cast<size_t>(script.tokens[i])];
    text.clear();
    append_repaired(bytes, last, text);
    if (static_cast<int32_t>(out.tokens) > spec.sampling.min_tokens) {
      for (auto end = before + 1; end <= text.size(); ++end) {
        const std::string* found = nullptr;
        for (const auto& stop : spec.stop)
          if (std::string_view(text).substr(0, end).ends_with(stop) &&
              (!found || stop.size() > found->size()))
            found = &stop;
        if (!found)
          continue;
        tell(end - (spec.include_stop ? 0 : found->size()));
        out.stopped_by = *found;
        return out;
      }
    }
    tell(text.size() - (last || spec.include_stop ? 0 : held_by(text, spec.stop)));
  }
  return out;
}

/// Few characters, some of several bytes, so that beginnings of stop strings are everywhere.
std::string random_text(std::mt19937& random, size_t characters) {
  static const std::vector<std::string> alphabet{"a", "b", "\u00E9", "\u20AC", "\u20AB", "\U0001F600"};
  std::string out;
  for (size_t i = 0; i < characters; ++i)
    out += alphabet[random() % (random() % 3 == 0 ? alphabet.size() : 2)];
  return out;
}

answer_script random_script(std::mt19937& random) {
  answer_script script{.vocabulary = {}, .tokens = {}, .spec = {}};
  script.finish = random() % 2 ? finish_reason::length : finish_reason::stop;
  for (size_t i = random() % 5; i > 0; --i)
    script.spec.stop.push_back(random_text(random, 1 + random() % 6));
  script.spec.include_stop = random() % 4 == 0;
  script.spec.sampling.min_tokens = random() % 3 == 0 ? static_cast<int32_t>(random() % 6) : 0;
  if (random() % 2)
    script.spec.sampling.logprobs = static_cast<int32_t>(random() % 3);
  // A text cut anywhere, inside characters too, and now and then a byte that belongs to none.
  auto text = random_text(random, 1 + random() % 40);
  if (random() % 4 == 0)
    text.insert(random() % text.size(), 1, static_cast<char>(0x80 + random() % 0x80));
  const auto longest = 1 + random() % 6;
  for (size_t at = 0; at < text.size();) {
    const auto length = std::min(text.size() - at, random() % (longest + 1));
    script.tokens.push_back(static_cast<token_id>(script.vocabulary.size()));
    script.vocabulary.push_back(text.substr(at, length));
    at += length;
  }
  return script;
}

} // namespace

TEST_CASE("stop strings agree with a search of the whole text") {
  int stopped = 0, held = 0;
  for (uint32_t seed = 0; seed < 20'000; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto script = random_script(random);
    const auto expected = naive(script);
    const auto events = events_of(script);
    REQUIRE(deltas_of(events) == expected.deltas);
    REQUIRE(events.back().output_tokens == static_cast<int32_t>(expected.tokens));
    const auto* stop = std::get_if<std::string>(&events.back().stopped_by);
    REQUIRE((stop ? *stop : std::string{}) == expected.stopped_by);
    stopped += stop != nullptr;
    held += expected.deltas.size() + 1 < expected.tokens;
  }
  CHECK(stopped > 5'000);
  CHECK(stopped < 19'000);
  CHECK(held > 5'000);
}

TEST_CASE(
    "an engine that dies before any token changes no event, and the sequence ends with the stop string") {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto script = random_script(random);
    const auto expected = shown(events_of(script));
    const auto sampled = naive(script).tokens;
    for (size_t death = 0; death < sampled; ++death) {
      manual_clock clock;
      ledger book(
          {}, [&] { return decoder_of(script.vocabulary); }, clock, bytes_of(script.vocabulary));
      std::vector<response_event> events;
      std::vector<cancel_sequence> cancels;
      const auto note = [&](ledger_effects effects) {
        for (auto& each : effects.events)
          events.push_back(std::move(each.event));
        cancels.insert(cancels.end(), effects.cancels.begin(), effects.cancels.end());
      };
      epoch_number epoch = 1;
      note(book.engine_started({epoch, {}}));
      ledger_effects opened;
      REQUIRE(std::holds_alternative<accepted_response>(book.open(script.request(), 1, opened)));
      note(std::move(opened));
      for (size_t i = 0; i < script.tokens.size(); ++i) { // those behind the end, too: they come too late
        if (i == death)
          note(book.engine_started({++epoch, {}}));
        step_result result;
        result.epoch = epoch;
        result.step = i + 1;
        result.tokens = {script.sampled(i)};
        note(book.step(result));
      }
      for (auto& event : events)
        event.ended_at = 0;
      REQUIRE(shown(events) == expected);
      const bool unknown_to_engine =
          sampled < script.tokens.size() ||
          (sampled > 0 && script.sampled(sampled - 1).finish == finish_reason::none);
      REQUIRE(cancels.size() == (unknown_to_engine ? 1 : 0));
      if (unknown_to_engine)
        REQUIRE(cancels[0].epoch == epoch);
      REQUIRE(book.entries() == 0);
    }
  }
}

TEST_CASE("the worst stop strings cost a few steps a byte") {
  // Each byte could begin a long comparison anew; what is known of the text spares it.
  std::vector<std::string> stops;
  for (size_t i = 0; i < stop_strings_max; ++i)
    stops.push_back(std::string(stop_string_bytes_max - 1 - i, 'a') + "b");
  const auto seconds = [&](size_t bytes) {
    stop_matcher matcher(stops);
    std::string piece = std::string(stop_string_bytes_max - 100, 'a') + "c";
    const auto start = std::chrono::steady_clock::now();
    size_t held = 0;
    for (size_t read = 0; read < bytes; read += piece.size()) {
      REQUIRE_FALSE(matcher.read(piece));
      held += matcher.held();
    }
    CHECK(held == 0);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const auto taken = seconds(1 << 20);
  std::cout << "16 stop strings of 1,024 bytes: " << taken * 1e9 / (1 << 20) << " ns a byte\n";
  CHECK(taken < 5.0); // comparing anew at each byte takes 16 * 500 steps a byte: minutes
}
