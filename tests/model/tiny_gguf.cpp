#include "tests/model/tiny_gguf.hpp"

#include "tests/model/gguf_builder.hpp"

#include <random>

namespace troupe::test {

namespace {

constexpr const char* chat_template =
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m.content | trim }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>a{% endif %}";

struct row {
  const char* name;
  tensor_type type;
  std::vector<uint64_t> shape;
};

// hidden 32, 2 query heads and 1 key-value head of 16, feed-forward 64, 20 tokens
const std::vector<row>& rows() {
  static const std::vector<row> all{{"token_embd.weight", tensor_type::q8_0, {32, 20}},
                                    {"blk.0.attn_norm.weight", tensor_type::f32, {32}},
                                    {"blk.0.attn_q.weight", tensor_type::q4_1, {32, 32}},
                                    {"blk.0.attn_k.weight", tensor_type::f16, {32, 16}},
                                    {"blk.0.attn_v.weight", tensor_type::bf16, {32, 16}},
                                    {"blk.0.attn_output.weight", tensor_type::q4_0, {32, 32}},
                                    {"blk.0.ffn_norm.weight", tensor_type::f16, {32}},
                                    {"blk.0.ffn_gate.weight", tensor_type::q4_1, {32, 64}},
                                    {"blk.0.ffn_up.weight", tensor_type::q4_0, {32, 64}},
                                    {"blk.0.ffn_down.weight", tensor_type::q8_0, {64, 32}},
                                    {"output_norm.weight", tensor_type::f32, {32}},
                                    {"output.weight", tensor_type::f32, {32, 20}}};
  return all;
}

uint64_t bytes_of(const row& tensor) {
  uint64_t elements = 1;
  for (const auto extent : tensor.shape)
    elements *= extent;
  const auto layout = layout_of(tensor.type);
  return elements / layout.elements * layout.bytes;
}

constexpr uint64_t padded(uint64_t bytes) {
  return (bytes + 31) / 32 * 32;
}

class header_maker {
public:
  gguf_builder values; // without the preamble
  uint64_t keys = 0;

  void text(const char* name, std::string_view value) {
    values.text(name, value);
    ++keys;
  }
  template <class Number>
  void number(const char* name, gguf_type type, Number value) {
    values.key(name, type).number(value);
    ++keys;
  }
  template <class Number>
  void numbers(const char* name, gguf_type type, const std::vector<Number>& all) {
    values.array(name, type, all.size());
    for (const auto each : all)
      values.number(each);
    ++keys;
  }
  void texts(const char* name, const std::vector<std::string>& all) {
    values.texts(name, all);
    ++keys;
  }
};

void add_shape(header_maker& make) {
  const auto size = [&](const char* name, uint32_t value) { make.number(name, gguf_type::uint32, value); };
  make.text("general.architecture", "llama");
  size("general.alignment", 32);
  size("llama.block_count", 1);
  size("llama.context_length", 64);
  size("llama.embedding_length", 32);
  size("llama.feed_forward_length", 64);
  size("llama.attention.head_count", 2);
  size("llama.attention.head_count_kv", 1);
  size("llama.attention.key_length", 16);
  size("llama.attention.value_length", 16);
  size("llama.rope.dimension_count", 16);
  make.number("llama.attention.layer_norm_rms_epsilon", gguf_type::float32, 1e-5f);
  make.number("llama.rope.freq_base", gguf_type::float32, 10000.0f);
  make.text("llama.rope.scaling.type", "none");
}

void add_tokenizer(header_maker& make) {
  make.text("tokenizer.ggml.model", "gpt2");
  make.text("tokenizer.ggml.pre", "gpt-2");
  make.texts(
      "tokenizer.ggml.tokens",
      {"<|im_start|>", "<|im_end|>", "a",      "b",      "c",  "d",   "e",       "s",  "u",       "r",
       "\u0120",       "\u010a",     "\u00c3", "\u0138", "ab", "abc", "\u0120a", "us", "<think>", "unused"});
  make.numbers<int32_t>("tokenizer.ggml.token_type", gguf_type::int32,
                        {3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 5});
  make.numbers<float>("tokenizer.ggml.scores", gguf_type::float32, std::vector<float>(20, 0.5f));
  make.texts("tokenizer.ggml.merges", {"a b", "ab c", "\u0120 a", "u s"});
  make.number<uint32_t>("tokenizer.ggml.bos_token_id", gguf_type::uint32, 0);
  make.number<uint32_t>("tokenizer.ggml.eos_token_id", gguf_type::uint32, 1);
  make.number<int64_t>("tokenizer.ggml.padding_token_id", gguf_type::int64, 1);
  make.number<uint8_t>("tokenizer.ggml.add_bos_token", gguf_type::boolean, 1);
  make.text("tokenizer.chat_template", chat_template);
}

void add_other_types(header_maker& make) {
  make.number<uint8_t>("x.u8", gguf_type::uint8, 200);
  make.number<int8_t>("x.i8", gguf_type::int8, -5);
  make.number<uint16_t>("x.u16", gguf_type::uint16, 60000);
  make.number<int16_t>("x.i16", gguf_type::int16, -6);
  make.number<int32_t>("x.i32", gguf_type::int32, -7);
  make.number<uint64_t>("x.u64", gguf_type::uint64, UINT64_MAX);
  make.number<double>("x.f64", gguf_type::float64, 0.25);
  make.values.array("x.nested", gguf_type::array, 2);
  for (int i = 0; i < 2; ++i)
    make.values.number(static_cast<uint32_t>(gguf_type::uint16)).number<uint64_t>(1).number<uint16_t>(7);
  ++make.keys;
}

} // namespace

tiny_gguf make_tiny_gguf() {
  header_maker make;
  add_shape(make);
  add_tokenizer(make);
  add_other_types(make);
  gguf_builder header;
  header.preamble(rows().size(), make.keys).raw(make.values.bytes());
  uint64_t offset = 0;
  for (const auto& tensor : rows()) {
    header.tensor(tensor.name, tensor.shape, static_cast<uint32_t>(tensor.type), offset);
    offset = padded(offset + bytes_of(tensor));
  }
  // Every 16 bits of the weights are a half of about 1 or a bfloat of about 0.01: finite in every format.
  std::string weights;
  std::mt19937 random(5);
  for (uint64_t i = 0; i < offset / 2; ++i)
    weights += {static_cast<char>(random()), static_cast<char>(0x3b + random() % 2)};
  return {header.bytes(), weights};
}

std::string joined(const tiny_gguf& parts) {
  return gguf_builder().raw(parts.header).pad().raw(parts.weights).bytes();
}

} // namespace troupe::test
