#include "model/llama_family.hpp"

namespace troupe {

namespace {

// Sources: the models' config.json and modeling files in transformers; names as llama.cpp's GGUF has them.
constexpr llama_family families[] = {
    {.architecture = "llama"},                                          // Llama 2 and 3, Mistral, SmolLM 2
    {.architecture = "qwen2", .halves = true, .projection_bias = true}, // Qwen 2 and 2.5
    {.architecture = "qwen3", .halves = true, .head_norms = true},
    {.architecture = "gemma3",
     .halves = true,
     .head_norms = true,
     .post_norms = true,
     .gelu = true,
     .scaled_embedding = true,
     .window_period = 6,
     .window_rope_base = 10'000.0},
};

} // namespace

std::span<const llama_family> llama_families() {
  return families;
}

const llama_family* find_llama_family(std::string_view architecture) {
  for (const auto& family : families)
    if (family.architecture == architecture)
      return &family;
  return nullptr;
}

std::string known_architectures() {
  std::string out;
  for (const auto& family : families)
    out += (out.empty() ? "" : ", ") + std::string(family.architecture);
  return out;
}

} // namespace troupe
