#include "tests/supervision/answer_world.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using texts = std::vector<std::string>;

struct stop_case {
  const char* about;
  texts pieces; // one a token
  texts stop;
  texts deltas;
  const char* stopped_by = ""; // the stop string; empty: none
  finish_reason finish = finish_reason::length;
  bool include = false;
  int32_t min_tokens = 0;
};

const std::vector<stop_case>& cases() {
  static const std::vector<stop_case> all{
      {"no stop string", {"one ", "two"}, {}, {"one ", "two"}},
      {"one that never comes", {"one ", "two"}, {"three"}, {"one ", "two"}},
      {"inside one token", {"Hello END of it", "!"}, {"END"}, {"Hello "}, "END"},
      {"a token that is one", {"a", "END", "b"}, {"END"}, {"a"}, "END"},
      {"the very first bytes", {"END", "b"}, {"END"}, {}, "END"},
      {"over three tokens", {"Hel", "lo ST", "O", "P!", "?"}, {"STOP"}, {"Hel", "lo "}, "STOP"},
      {"byte by byte", {"x", "S", "T", "O", "P"}, {"STOP"}, {"x"}, "STOP"},
      {"a false alarm", {"a ST", "AB"}, {"STOP"}, {"a ", "STAB"}},
      {"a false alarm that begins anew", {"a ST", "STO", "P"}, {"STOP"}, {"a ", "ST"}, "STOP"},
      {"of its own prefixes", {"a", "a", "a", "b", "c"}, {"aab"}, {"a"}, "aab"},
      {"nested prefixes", {"abab", "abac"}, {"abac"}, {"ab", "ab"}, "abac"},
      {"the end releases what was held", {"a", "ST"}, {"STOP"}, {"a", "ST"}},
      {"and so does an end token", {"a", "ST", "<eos>"}, {"STOP"}, {"a", "ST"}, "", finish_reason::stop},
      {"an end token is no text", {"a", "STOP"}, {"STOP"}, {"a"}, "", finish_reason::stop},
      {"found by the last token", {"a ", "STOP"}, {"STOP"}, {"a "}, "STOP"},
      {"the first that is complete", {"a", "b", "c", "d"}, {"abcd", "bc"}, {"a"}, "bc"},
      {"the first, whatever its place in the list", {"xx two one"}, {"one", "two"}, {"xx "}, "two"},
      {"the longest of those that end together", {"wxyz!"}, {"yz", "xyz", "z"}, {"w"}, "xyz"},
      {"the same twice", {"wz"}, {"z", "z"}, {"w"}, "z"},
      {"a character in two tokens", {"1\xE2\x82", "\xAC 2"}, {"\u20AC"}, {"1"}, "\u20AC"},
      {"the beginning of another character", {"1\xE2\x82", "\xAB 2"}, {"\u20AC"}, {"1", "\u20AB 2"}},
      {"two characters in four tokens",
       {"\xF0\x9F", "\x98\x80", "\xE6\x97", "\xA5x"},
       {"\U0001F600\u65E5"},
       {},
       "\U0001F600\u65E5"},
      {"an unfinished character at the end", {"a", "\xE2\x82"}, {"\u20AC"}, {"a", "\uFFFD"}},
      {"which may be asked for", {"a", "\xE2\x82"}, {"\uFFFD"}, {"a"}, "\uFFFD"},
      {"line feeds", {"a\n", "\n", "b"}, {"\n\n"}, {"a"}, "\n\n"},
      {"included", {"Hel", "lo ST", "OP!"}, {"STOP"}, {"Hel", "lo ST", "OP"}, "STOP", {}, true},
      {"included, in one token", {"a STOP b"}, {"STOP"}, {"a STOP"}, "STOP", {}, true},
      {"included, an end token's text too", {"a", "b"}, {"z"}, {"a", "b"}, "", finish_reason::stop, true},
      {"before min_tokens it does not count",
       {"END", "a", "END"},
       {"END"},
       {"END", "a"},
       "END",
       {},
       false,
       1},
      {"nor in the last of them", {"a", "END", "b"}, {"END"}, {"a", "END", "b"}, "", {}, false, 2},
      {"but it may begin there", {"a", "EN", "D"}, {"END"}, {"a"}, "END", {}, false, 2},
      {"and begins anew in itself", {"a", "abab", "ab"}, {"abab"}, {"aab"}, "abab", {}, false, 2},
  };
  return all;
}

answer_script script_of(const stop_case& one) {
  answer_script script{.vocabulary = one.pieces, .tokens = {}, .spec = {}, .finish = one.finish};
  if (script.finish == finish_reason::none)
    script.finish = finish_reason::length;
  for (size_t i = 0; i < one.pieces.size(); ++i)
    script.tokens.push_back(static_cast<token_id>(i));
  script.spec.stop = one.stop;
  script.spec.include_stop = one.include;
  script.spec.sampling.min_tokens = one.min_tokens;
  return script;
}

std::string joined(const texts& parts) {
  std::string out;
  for (const auto& part : parts)
    out += part;
  return out;
}

} // namespace

TEST_CASE("stop strings, token by token") {
  for (const auto& one : cases()) {
    INFO(one.about);
    const auto events = events_of(script_of(one));
    CHECK(deltas_of(events) == one.deltas);
    REQUIRE(events.size() >= 4);
    for (auto event = events.end() - 4; event != events.end(); ++event)
      CHECK(event->text == joined(one.deltas));
    const bool by_stop = one.stopped_by[0] != '\0';
    CHECK(events.back().kind ==
          (by_stop || one.finish == finish_reason::stop ? event_kind::completed : event_kind::incomplete));
    CHECK(events.back().stopped_by == (by_stop ? stop_reason(std::string(one.stopped_by)) : stop_reason()));
    CHECK(events[events.size() - 2].cut == (events.back().kind == event_kind::incomplete));
    for (size_t i = 0; i < events.size(); ++i)
      CHECK(events[i].sequence_number == static_cast<int64_t>(i));
  }
}

TEST_CASE("a stop token of the request is named, the model's own is not") {
  answer_script script{
      .vocabulary = {"a", "b", "<eos>"}, .tokens = {0, 1}, .spec = {}, .finish = finish_reason::stop};
  script.spec.stop_tokens = {1};
  script.spec.end_tokens = {2};
  CHECK(events_of(script).back().stopped_by == stop_reason(token_id{1}));
  CHECK(deltas_of(events_of(script)) == texts{"a"});
  script.spec.include_stop = true;
  CHECK(deltas_of(events_of(script)) == texts{"a", "b"});
  script.tokens = {0, 2};
  CHECK(events_of(script).back().stopped_by == stop_reason());
}

TEST_CASE("every token has its log probability with the text that it begins") {
  answer_script script{.vocabulary = {"a", " ST", "AR", "OP", "\xE2\x82", "\xAC", ""},
                       .tokens = {0, 1, 2, 4, 5, 6, 1, 3, 0},
                       .spec = {}};
  script.spec.stop = {"STOP"};
  script.spec.sampling.logprobs = 2;
  const auto events = events_of(script);
  CHECK(deltas_of(events) == texts{"a", " ", "STAR", "\u20AC", " "});
  std::vector<texts> bytes;
  for (const auto& event : events) {
    if (event.kind != event_kind::output_text_delta && event.kind != event_kind::output_text_done)
      continue;
    REQUIRE(event.logprobs);
    bytes.emplace_back();
    for (const auto& each : *event.logprobs) {
      CHECK(each.top.size() == 2);
      CHECK(each.top[1].bytes == " ST");
      bytes.back().push_back(each.chosen.bytes);
    }
  }
  // "AR" begins in the third delta, as " ST" did in the second; "OP" begins inside the stop string.
  const std::vector<texts> expected{{"a"},       {" ST"},
                                    {"AR"},      {"\xE2\x82", "\xAC"},
                                    {"", " ST"}, {"a", " ST", "AR", "\xE2\x82", "\xAC", "", " ST"}};
  CHECK(bytes == expected);
  CHECK(events.back().logprobs == events[events.size() - 4].logprobs);
  // All eight sampled tokens count: -0.5 - 1.5 - ... - 7.5.
  CHECK(events.back().output_tokens == 8);
  CHECK(events.back().cumulative_logprob == -32.0);
}

TEST_CASE("tokens without text behind the text are in the whole list alone, the end token in none") {
  answer_script script{
      .vocabulary = {"a", "", "<eos>"}, .tokens = {0, 1, 2}, .spec = {}, .finish = finish_reason::stop};
  script.spec.sampling.logprobs = 0;
  const auto events = events_of(script);
  REQUIRE(events.back().logprobs);
  CHECK(events.back().logprobs->size() == 2);
  CHECK(events.back().cumulative_logprob == -0.5 - 1.5 - 2.5);
  script.spec.sampling.logprobs.reset();
  for (const auto& event : events_of(script))
    CHECK_FALSE(event.logprobs);
}

TEST_CASE("the prompt's log probabilities stand in front of the answer") {
  answer_script script{.vocabulary = {"a", "b"}, .tokens = {0}, .spec = {}};
  ledger_entry entry(1, script.request(), 1, decoder_of(script.vocabulary), {}, bytes_of(script.vocabulary));
  entry.begin();
  auto first = script.sampled(0);
  first.prompt_logprobs = std::make_shared<const std::vector<token_logprobs>>(
      std::vector<token_logprobs>{{{1, 0, 0.0f, {}}, {}}, {{0, 1, -0.5f, {}}, {{0, 1, -0.5f, {}}}}});
  entry.append(first);
  const auto events = log_of(entry);
  REQUIRE(events[2].kind == event_kind::output_item_added);
  REQUIRE(events[2].logprobs);
  CHECK(events[2].logprobs->at(0).chosen.bytes == "b");
  CHECK(events[2].logprobs->at(1).top.at(0).bytes == "a");
  for (size_t i = 3; i < events.size(); ++i)
    CHECK_FALSE(events[i].logprobs);
}
