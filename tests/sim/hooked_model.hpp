#pragma once

#include "model/language_model.hpp"

#include <functional>
#include <memory>
#include <utility>

namespace troupe::sim {

/// A model that calls out around each pass: there a clock moves, and there a step may crash.
class hooked_model final : public language_model {
public:
  explicit hooked_model(std::shared_ptr<const language_model> inner) : inner_(std::move(inner)) {}

  // Both may throw; empty: nothing.
  std::function<void(std::span<const sequence_slice>)> before;
  std::function<void(std::span<const sequence_slice>, std::span<float> logits)> after;

  const model_shape& shape() const override { return inner_->shape(); }
  size_t page_bytes() const override { return inner_->page_bytes(); }
  size_t weight_bytes() const override { return inner_->weight_bytes(); }
  uint64_t numeric_class() const override { return inner_->numeric_class(); }

  status forward(std::span<const sequence_slice> slices, std::span<std::byte> kv_pages,
                 forward_scratch& scratch, thread_pool& threads, std::span<float> logits) const override {
    if (before)
      before(slices);
    auto done = inner_->forward(slices, kv_pages, scratch, threads, logits);
    if (after)
      after(slices, logits);
    return done;
  }

private:
  std::shared_ptr<const language_model> inner_;
};

} // namespace troupe::sim
