#pragma once

#include "kernels/cpu/aligned_buffer.hpp"
#include "model/language_model.hpp"
#include "model/llama_parameters.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace troupe {

/// What a Llama is before it has weights, whatever device computes it.

/// The parameters with a context and windows as the options bound them. Errors: of validate.
result<llama_parameters> limit_llama(const llama_parameters& parameters, const load_options& options);

/// A page's bytes over all layers: keys and values have two bytes on every device.
size_t page_bytes_of(const model_shape& shape);

/// A file may claim a context of millions of positions: the rotary table covers those that pages can hold.
int32_t positions_of(const model_shape& shape, const load_options& options);

/// The rotary table of all layers, or of the local ones. divisors: llama_weights::rope_divisors.
aligned_buffer rope_table_of(const llama_parameters& parameters, std::span<const float> divisors, bool local,
                             int32_t positions);

/// What makes the bits of two devices differ.
struct device_class {
  std::string_view device, kv_type;
  uint32_t revision; // of its kernels
  uint64_t weights_hash;
  std::span<const float> rope_divisors = {}; // llama_weights::rope_divisors
};

uint64_t numeric_class_of(const llama_parameters& parameters, const device_class& device);

} // namespace troupe
