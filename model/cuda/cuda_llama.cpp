#include "model/cuda/cuda_llama.hpp"

#include "kernels/revision.hpp"
#include "model/cuda/cuda_engine.hpp"
#include "model/llama_setup.hpp"
#include "model/llama_weights.hpp"
#include "model/step_check.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace troupe {

namespace {

constexpr size_t cublas_bytes = size_t{32} << 20; // prefill_linear's workspace

cuda_step_limits limits_of(const model_shape& shape, const load_options& options) {
  const auto tokens = std::max(options.step_tokens_max, 1);
  return {tokens, std::clamp(options.step_sequences_max, 1, tokens), positions_of(shape, options)};
}

std::string place_of(const cuda::cuda_device& device) {
  return fmt::format("{} ({})", device.name(), device.card());
}

} // namespace

result<std::shared_ptr<const language_model>>
cuda_llama::create(std::shared_ptr<const cuda::cuda_device> device, const llama_parameters& parameters,
                   std::span<const tensor_view> tensors, const load_options& options,
                   const load_progress& progress) {
  const auto bounded = limit_llama(parameters, options);
  if (!bounded)
    return forward_error(bounded);
  if (auto checked = check_cuda_shape(*bounded); !checked)
    return forward_error(checked);
  if (auto chosen = device->use(); !chosen)
    return forward_error(chosen);
  const auto limits = limits_of(bounded->shape, options);
  auto plan = cuda_scratch::plan(bounded->shape, limits);
  plan.add("cuBLASLt", cublas_bytes);
  auto weights = cuda_weights::load(device, *bounded, limits.positions, tensors, std::move(plan), progress);
  if (!weights)
    return forward_error(weights);
  auto made = cuda_engine::create(device, bounded->shape, limits, std::move(*weights));
  if (!made)
    return forward_error(made);
  const auto& card = device->described();
  const auto kind = fmt::format("cuda {}.{}", card.capability_major, card.capability_minor);
  const auto numeric_class =
      numeric_class_of(*bounded, {kind, "kv bf16", cuda_kernel_revision, fingerprint(tensors)});
  return std::shared_ptr<const language_model>(
      new cuda_llama(std::move(device), *bounded, std::move(*made), numeric_class));
}

cuda_llama::cuda_llama(std::shared_ptr<const cuda::cuda_device> device, const llama_parameters& parameters,
                       std::unique_ptr<cuda_engine> made, uint64_t numeric_class)
    : device_(std::move(device)), parameters_(parameters), engine_(std::move(made)),
      numeric_class_(numeric_class) {}

cuda_llama::~cuda_llama() = default;

size_t cuda_llama::page_bytes() const {
  return page_bytes_of(shape());
}

size_t cuda_llama::weight_bytes() const {
  return engine_->weights().bytes();
}

result<std::shared_ptr<kv_store>> cuda_llama::make_pages(int32_t page_count) const {
  if (page_count < 1)
    return failure(page_error::too_large, fmt::format("{} pages", page_count));
  if (auto chosen = device_->use(); !chosen)
    return forward_error(chosen);
  const auto free = device_->free_bytes();
  if (!free)
    return forward_error(free);
  const auto bytes = static_cast<size_t>(page_count) * page_bytes();
  memory_plan plan;
  plan.add("KV pages", bytes);
  if (auto fits = plan.check(*free, place_of(*device_)); !fits) {
    fits.error().message += ": lower engine.kv_cache_mib";
    return forward_error(fits);
  }
  auto memory = cuda::cuda_memory::allocate(device_, bytes, "KV pages");
  if (!memory)
    return forward_error(memory);
  // A kernel may look past a sequence's last key before it masks it: what lies there must be numbers.
  if (auto done =
          device_->check(device_->calls().fill(memory->data(), 0, bytes, nullptr), "clearing KV pages");
      !done)
    return forward_error(done);
  if (auto done = device_->check(device_->calls().wait(nullptr), "clearing KV pages"); !done)
    return forward_error(done);
  const std::span all(memory->data(), bytes);
  auto owner = std::make_shared<cuda::cuda_memory>(std::move(*memory));
  return kv_store::on_device(all, page_count, [owner]() mutable { owner.reset(); });
}

status cuda_llama::forward(std::span<const sequence_slice> slices, std::span<std::byte> kv_pages,
                           forward_scratch& scratch, thread_pool& threads, std::span<float> logits) const {
  const auto& limits = engine_->limits();
  auto reachable = shape();
  reachable.context_length = limits.positions;
  const step_bounds bounds{reachable, page_bytes(), kv_pages.size(),
                           std::min(scratch.tokens_max(), limits.tokens), logits.size()};
  if (auto checked = check_step(slices, bounds); !checked)
    return checked;
  if (slices.size() > static_cast<size_t>(limits.sequences))
    return failure(model_error::bad_step, fmt::format("slices of a step: expected at most {}, got {}",
                                                      limits.sequences, slices.size()));
  if (slices.empty())
    return {};
  return engine_->run(slices, kv_pages, threads, logits);
}

/// What it answers does not count: the steps that follow tell.
void cuda_llama::break_device() const {
  if (device_->use())
    device_->calls().fault();
}

} // namespace troupe
