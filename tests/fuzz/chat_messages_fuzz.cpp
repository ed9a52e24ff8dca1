// Any text as what users say, through templates like the ones that models bring.
#include "base/utf8.hpp"
#include "model/chat_template.hpp"
#include "model/errors.hpp"
#include "model/utf8_repair.hpp"
#include "tests/fuzz/expect.hpp"

#include <nlohmann/json.hpp>

using namespace troupe;
using namespace troupe::test;
using nlohmann::ordered_json;

namespace {

constexpr std::string_view chatml = "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + "
                                    "m['content'] + '<|im_end|>\\n' }}{% endfor %}";

std::vector<chat_template> templates() {
  std::vector<chat_template> made;
  for (const std::string_view source :
       {chatml,
        std::string_view(
            "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</{{ m.role }}>"
            "{% endfor %}"),
        std::string_view(
            "{% for m in messages %}{% if '</think>' in m.content %}{{ m.content.split('</think>')[-1]"
            ".lstrip('\\n') }}{% else %}{{ m.content | tojson }}{% endif %}{% endfor %}"),
        std::string_view(
            "{% for m in messages %}{{ m.content | upper | title | replace('A', 'b') | indent(2) }}"
            "{{ m.content[1:] ~ m.content[::-1] ~ m.content[:3] }}{{ m.content | length }}"
            "{{ m.content.strip().startswith('x') }}{% endfor %}"),
        std::string_view(
            "{% set ns = namespace(all='') %}{% for m in messages %}{% set ns.all = ns.all + m.content %}"
            "{% endfor %}{{ ns.all.rstrip() }}{{ messages | tojson(indent=2) }}"),
        std::string_view(
            "{% for m in messages %}{% for w in m.content.split() %}{{ loop.index }}{{ w }}"
            "{% endfor %}{{ m.content | list | join(',') }}{{ '%s' % m.content }}{% endfor %}")}) {
    auto parsed = chat_template::parse(source);
    expect(parsed.has_value(), "the template parses", parsed ? "" : parsed.error().message);
    made.push_back(std::move(*parsed));
  }
  return made;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto all = templates();
  if (size < 2)
    return 0;
  const auto& used = all[data[0] % all.size()];
  std::string text; // requests hold UTF-8 only
  append_repaired(text_of(data + 2, size - 2), true, text);
  size_t cut = data[1] % (text.size() + 1);
  while (cut < text.size() && (text[cut] & 0xC0) == 0x80)
    ++cut;
  const ordered_json messages = {{{"role", "user"}, {"content", text.substr(0, cut)}},
                                 {{"role", "assistant"}, {"content", text.substr(cut)}}};
  chat_inputs inputs{.messages = &messages, .bos_token = "<s>", .eos_token = "</s>"};
  const template_limits limits{.steps_max = 200'000, .text_bytes_max = 4 << 20, .output_bytes_max = 1 << 20};
  const auto segments = used.render(inputs, limits);
  if (!segments) {
    expect(segments.error().is(model_error::template_limit), "what users say fails no template",
           segments.error().message);
    return 0;
  }
  std::string plain, whole;
  for (const auto& segment : *segments) {
    expect(is_utf8(segment.text), "a segment is UTF-8");
    (segment.plain ? plain : whole) += segment.text;
  }
  if (&used == &all.front())
    expect(plain == "user" + text.substr(0, cut) + "assistant" + text.substr(cut), "what users say is plain");
  return 0;
}
