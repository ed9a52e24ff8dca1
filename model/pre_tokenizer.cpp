#include "model/pre_tokenizer.hpp"

#include "model/errors.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <iterator>
#include <pcre2.h>

namespace troupe {

/// What a published tokenizer does before BPE. A new one is a new row, with cases in
/// tests/model/data/make_tokenizer_cases.py to show that it cuts as Hugging Face's does.
struct pre_tokenizer::row {
  std::string_view name;
  std::vector<std::string_view> patterns;
  bool normalizes = false;
  bool whole_words = false;
  bool begins_with_bos = false;
};

namespace {

// Source: openai/gpt-2, encoder.py.
constexpr std::string_view gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// Source: tokenizer.json of Llama 3 and of Qwen 2 (they differ in the digits).
constexpr std::string_view llama3_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view qwen2_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view one_digit = R"(\p{N})";

// Bounds of one match. The table's patterns stay far below; they hold for what a later row may bring.
constexpr uint32_t match_steps_max = 50'000'000;
constexpr uint32_t heap_kib_max = 65'536;
constexpr size_t jit_stack_bytes_min = 32'768;
constexpr size_t jit_stack_bytes_max = 1'048'576;

/// PCRE2's \s holds U+180E, which Unicode no longer counts as a space; the published patterns mean
/// White_Space.
std::string with_unicode_spaces(std::string_view source) {
  std::string out;
  for (size_t i = 0; i < source.size(); ++i) {
    const auto two = source.substr(i, 2);
    if (two == "\\s" || two == "\\S")
      out += two == "\\s" ? "\\p{White_Space}" : "\\P{White_Space}";
    else
      out += two.front() == '\\' ? two : two.substr(0, 1);
    i += two.front() == '\\';
  }
  return out;
}

template <auto Free>
struct freed_by {
  template <class Object>
  void operator()(Object* object) const {
    Free(object);
  }
};
using code_pointer = std::unique_ptr<pcre2_code, freed_by<pcre2_code_free>>;
using context_pointer = std::unique_ptr<pcre2_match_context, freed_by<pcre2_match_context_free>>;
using data_pointer = std::unique_ptr<pcre2_match_data, freed_by<pcre2_match_data_free>>;
using stack_pointer = std::unique_ptr<pcre2_jit_stack, freed_by<pcre2_jit_stack_free>>;

/// Called by PCRE2 before a match. A stack serves one match at a time, hence one per thread.
pcre2_jit_stack* stack_of_this_thread(void*) {
  thread_local const stack_pointer stack(
      pcre2_jit_stack_create(jit_stack_bytes_min, jit_stack_bytes_max, nullptr));
  return stack.get();
}

} // namespace

class pre_tokenizer::pattern {
public:
  static result<pattern> compile(std::string_view source) {
    const std::string text = with_unicode_spaces(source);
    int code = 0;
    PCRE2_SIZE at = 0;
    code_pointer compiled(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                        PCRE2_UTF | PCRE2_UCP, &code, &at, nullptr));
    if (!compiled)
      return failure(
          model_error::unsupported,
          fmt::format("PCRE2 refuses the pattern {} at {} (error {}); it takes PCRE2 10.40 or later", text,
                      at, code));
    pcre2_jit_compile(compiled.get(), PCRE2_JIT_COMPLETE); // where it fails, pcre2_match interprets
    context_pointer context(pcre2_match_context_create(nullptr));
    if (!context)
      return failure(model_error::unsupported, "PCRE2 has no memory for a match context");
    pcre2_set_match_limit(context.get(), match_steps_max);
    pcre2_set_heap_limit(context.get(), heap_kib_max);
    pcre2_jit_stack_assign(context.get(), stack_of_this_thread, nullptr);
    return pattern(std::move(compiled), std::move(context));
  }

  /// Calls `piece` for each match and for what lies between matches, in order.
  template <class Piece>
  void cut(std::string_view text, const Piece& piece) const {
    const data_pointer data(pcre2_match_data_create_from_pattern(code_.get(), nullptr));
    size_t done = 0;
    for (size_t at = 0; data && at < text.size();) {
      const int found = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                                    PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, data.get(), context_.get());
      if (found < 0) // no match; or past a bound: then the rest is one long word, which loses nothing
        break;
      const auto* ends = pcre2_get_ovector_pointer(data.get());
      if (ends[0] > done)
        piece(text.substr(done, ends[0] - done));
      piece(text.substr(ends[0], ends[1] - ends[0]));
      done = at = ends[1];
    }
    if (done < text.size())
      piece(text.substr(done));
  }

private:
  pattern(code_pointer code, context_pointer context)
      : code_(std::move(code)), context_(std::move(context)) {}

  code_pointer code_;
  context_pointer context_;
};

pre_tokenizer::pre_tokenizer() = default;
pre_tokenizer::pre_tokenizer(pre_tokenizer&&) noexcept = default;
pre_tokenizer::~pre_tokenizer() = default;

result<pre_tokenizer> pre_tokenizer::named(std::string_view name) {
  static const row rows[] = {
      {.name = "gpt-2", .patterns = {gpt2_pattern}},
      {.name = "smollm", .patterns = {one_digit, gpt2_pattern}},
      {.name = "llama-bpe", .patterns = {llama3_pattern}, .whole_words = true, .begins_with_bos = true},
      {.name = "qwen2", .patterns = {qwen2_pattern}, .normalizes = true},
      {.name = "deepseek-r1-qwen", .patterns = {qwen2_pattern}, .normalizes = true},
  };
  std::string known;
  for (const auto& row : rows) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", row.name);
    if (row.name != name)
      continue;
    pre_tokenizer made;
    made.normalizes_ = row.normalizes;
    made.whole_words_ = row.whole_words;
    made.begins_with_bos_ = row.begins_with_bos;
    for (const auto source : row.patterns) {
      auto compiled = pattern::compile(source);
      if (!compiled)
        return forward_error(compiled);
      made.patterns_.push_back(std::move(*compiled));
    }
    return made;
  }
  return failure(model_error::unsupported,
                 fmt::format("the pre-tokenizer {} is not known; this release has {}", name, known));
}

pre_tokenizer pre_tokenizer::whole() {
  return {};
}

void pre_tokenizer::split(std::string_view text, const std::function<void(std::string_view)>& word) const {
  split_at(0, text, word);
}

void pre_tokenizer::split_at(size_t level, std::string_view text,
                             const std::function<void(std::string_view)>& word) const {
  if (level == patterns_.size())
    return word(text);
  patterns_[level].cut(text, [&](std::string_view piece) { split_at(level + 1, piece, word); });
}

} // namespace troupe
