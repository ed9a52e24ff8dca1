#pragma once

#include "kernels/cuda/cuda_device.hpp"
#include "model/cuda/cuda_llama.hpp"
#include "tests/model/llama_fixture.hpp"

#include <memory>
#include <span>
#include <stdexcept>

namespace troupe {

/// The options of a card's tests: steps of up to 2,048 tokens and 128 sequences.
inline load_options card_options() {
  return {.positions_max = 2048,
          .device = {compute_device::kind::cuda, 0},
          .step_tokens_max = 2048,
          .step_sequences_max = 128};
}

inline std::shared_ptr<const language_model> load_on_card(const gguf_file& file) {
  auto model = load_language_model(file, card_options());
  if (!model)
    throw std::runtime_error(model.error().what());
  return *model;
}

inline std::shared_ptr<const language_model> make_on_card(const llama_parameters& parameters,
                                                          std::span<const tensor_view> tensors) {
  auto device = cuda::cuda_device::open(0);
  if (!device)
    throw std::runtime_error(device.error().what());
  auto model = cuda_llama::create(*device, parameters, tensors, card_options(), {});
  if (!model)
    throw std::runtime_error(model.error().what());
  return *model;
}

} // namespace troupe
