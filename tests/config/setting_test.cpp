#include "config/setting.hpp"

#include <catch2/catch.hpp>
#include <concepts>
#include <set>

using namespace troupe;

namespace {

/// Becomes any type that a setting may have.
struct any_value {
  template <class T>
  requires std::same_as<T, std::string> || std::same_as<T, int64_t> || std::same_as<T, bool>
  operator T() const;
};

/// Members of the aggregate: the most initializers that it takes.
template <class... Values>
consteval size_t member_count() {
  if constexpr (requires { settings{Values{}..., any_value{}}; })
    return member_count<Values..., any_value>();
  else
    return sizeof...(Values);
}

} // namespace

TEST_CASE("every member of settings has one row, and every row explains itself") {
  std::set<std::string> keys, flags, variables;
  settings everywhere;
  for (const setting& row : all_settings()) {
    INFO(row.key);
    CHECK(keys.insert(std::string(row.key)).second);
    CHECK(flags.insert(flag_name(row)).second);
    CHECK(variables.insert(environment_name(row)).second);
    CHECK(row.key.find('.') != std::string_view::npos);
    CHECK(row.help.size() >= 20);
    CHECK(row.help.ends_with('.'));
    if (row.member.index() != 2)
      CHECK(row.bounds_reason.size() >= 10);
    // The default is within its own bounds.
    CHECK(assign(row, default_of(row), "default", everywhere));
  }
  CHECK(all_settings().size() == member_count());
}

TEST_CASE("no two rows are about one member") {
  for (const setting& row : all_settings())
    for (const setting& other : all_settings())
      CHECK((&row == &other || row.member != other.member));
}

TEST_CASE("names of flags and variables") {
  CHECK(flag_name(*find_setting("engine.max_batch_size")) == "--max-batch-size");
  CHECK(environment_name(*find_setting("engine.max_batch_size")) == "TROUPE_MAX_BATCH_SIZE");
  CHECK(flag_name(*find_setting("model.path")) == "--model");
  CHECK(environment_name(*find_setting("model.path")) == "TROUPE_MODEL");
  CHECK(flag_name(*find_setting("log.level")) == "--log-level");
  CHECK(find_setting("engine.nothing") == nullptr);
}

TEST_CASE("numbers are taken whole and within their bounds") {
  const setting& row = *find_setting("engine.max_batch_size");
  settings s;
  for (const char* bad : {"", "x", "3x", " 3", "3.5", "0x10", "99999999999999999999", "+3"}) {
    INFO(bad);
    auto value = parse_value(row, bad, "--max-batch-size");
    REQUIRE_FALSE(value);
    CHECK(value.error().is(config_error::wrong_type));
    CHECK(value.error().message.find("engine.max_batch_size must be a whole number") == 0);
    CHECK(value.error().message.find("(--max-batch-size)") != std::string::npos);
  }
  for (int64_t good : {row.minimum, row.maximum}) {
    CHECK(assign(row, good, "test", s));
    CHECK(s.max_batch_size == good);
  }
  for (int64_t bad : {row.minimum - 1, row.maximum + 1}) {
    auto stored = assign(row, bad, "x.toml:3", s);
    REQUIRE_FALSE(stored);
    CHECK(stored.error().is(config_error::out_of_bounds));
    CHECK(stored.error().message.find("at least 1 and at most 1024") != std::string::npos);
    CHECK(stored.error().message.find("x.toml:3") != std::string::npos);
    CHECK(s.max_batch_size == row.maximum);
  }
}

TEST_CASE("text: choices, length, control characters, UTF-8") {
  settings s;
  const setting& level = *find_setting("log.level");
  CHECK(assign(level, std::string("debug"), "t", s));
  auto wrong = assign(level, std::string("loud"), "t", s);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().message ==
        "log.level must be one of trace, debug, info, warn, error, got \"loud\" (t)");
  const setting& name = *find_setting("model.served_model_name");
  CHECK(assign(name, std::string(256, 'a'), "t", s));
  CHECK_FALSE(assign(name, std::string(257, 'a'), "t", s));
  CHECK_FALSE(assign(name, std::string("a\nb"), "t", s));
  CHECK_FALSE(assign(name, std::string("a\0b", 3), "t", s));
  CHECK_FALSE(assign(name, std::string("a\xff"), "t", s));
  CHECK(assign(name, std::string("modèle"), "t", s));
  CHECK(s.served_model_name == "modèle");
  // A message never repeats a long or hostile value.
  auto hostile = assign(name, std::string(5000, '\x1b'), "t", s);
  REQUIRE_FALSE(hostile);
  CHECK(hostile.error().message.size() < 700);
  CHECK(hostile.error().message.find('\x1b') == std::string::npos);
}

TEST_CASE("true or false") {
  const setting& row = *find_setting("log.prompts");
  CHECK(parse_value(row, "true", "t") == setting_value(true));
  CHECK(parse_value(row, "0", "t") == setting_value(false));
  auto bad = parse_value(row, "maybe", "TROUPE_LOG_PROMPTS");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message == "log.prompts must be true or false, got \"maybe\" (TROUPE_LOG_PROMPTS)");
}
