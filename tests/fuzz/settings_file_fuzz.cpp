// Any bytes as a settings file.
#include "config/setting.hpp"
#include "config/settings_file.hpp"
#include "tests/fuzz/expect.hpp"

using namespace troupe;
using namespace troupe::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto entries = parse_settings_text(std::string(text_of(data, size)), "troupe.toml");
  if (!entries) {
    expect(entries.error().message.starts_with("troupe.toml:"), "an error names its place",
           entries.error().message);
    return 0;
  }
  int line = 0;
  for (const auto& entry : *entries) {
    expect(entry.line >= line, "entries come in the order of the file");
    line = entry.line;
    expect(entry.value.has_value() || !entry.type.empty(), "an entry has a value or a type");
  }
  return 0;
}
