#pragma once

#include "base/result.hpp"
#include "model/model_shape.hpp"
#include "model/tensor_view.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace troupe {

class gguf_file;

/// What a model file holds, without its weights being read.
struct model_report {
  std::string architecture;
  model_shape shape;
  uint64_t parameters = 0;                 // weights
  std::map<tensor_type, uint64_t> weights; // of each type
  size_t file_bytes = 0;                   // of all tensors
  size_t memory_bytes = 0;                 // of the matrices once they are repacked
  std::string tokenizer;                   // "gpt2 (qwen2)"
  int32_t tokens = 0;
  bool has_template = false;
};

/// Goes through everything that loading checks, but for the memory. Errors: of loading, in one sentence that
/// names the architecture, type, tensor or key that this release does not take.
result<model_report> report_model(const gguf_file& file);

} // namespace troupe
