#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "kernels/cpu/instruction_set.hpp"
#include "kernels/cpu/thread_pool.hpp"
#include "memory/kv_store.hpp"
#include "model/compute_device.hpp"
#include "model/errors.hpp"
#include "model/forward_scratch.hpp"
#include "model/model_shape.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace troupe {

class gguf_file;

/// One sequence's part of a ragged step.
struct sequence_slice {
  std::span<const token_id>
      tokens;           // to compute: positions [position, position + tokens.size()), at least one
  int32_t position = 0; // all earlier positions are in the pages already
  /// Pages of positions [0, position + tokens.size()); more are ignored. Pages that shape().window lets no
  /// query from `position` on see are not read, whatever their entries hold (no_page).
  std::span<const page_id> block_table;
  int32_t logit_rows = 0; // how many of the LAST tokens want logits: 0 to tokens.size()
  /// Unless null, and then without logit_rows: gets the token that a greedy sampler takes after the last one,
  /// or -1 where it answers logits_not_finite. Only of models that choose greedily.
  token_id* greedy = nullptr;
};

/// A loaded model: immutable weights and the forward pass. Shared between restarts of an engine; several
/// threads may call forward at once if each has its own scratch, pool and pages.
class language_model {
public:
  virtual ~language_model() = default;

  virtual const model_shape& shape() const = 0;

  /// KV bytes of one page of page_tokens tokens over all layers. Contents are the model's own business, a
  /// function of the tokens alone, and may be copied to another node of the same numeric class.
  virtual size_t page_bytes() const = 0;

  virtual size_t weight_bytes() const = 0;

  /// Pages for forward(), in memory of the device that computes. Errors: too_large, device_out_of_memory (by
  /// how much).
  virtual result<std::shared_ptr<kv_store>> make_pages(int32_t page_count) const {
    return kv_store::create(page_count, page_bytes());
  }

  /// "cpu" or "cuda:0", as the setting engine.device names it.
  virtual std::string_view device() const { return "cpu"; }

  /// Hash of weights, kernel revision, device class, KV type and windows: equal classes give equal bits.
  virtual uint64_t numeric_class() const = 0;

  /// Whether forward() fills sequence_slice::greedy: it saves a row of logits on its way off a device.
  virtual bool chooses_greedily() const { return false; }

  /// One pass over all tokens of all slices. kv_pages [pages, page_bytes], of make_pages() (on the CPU any
  /// memory, 64-byte aligned); two slices may
  /// share pages of earlier positions but not pages that this step writes. logits [sum of logit_rows,
  /// vocabulary] fp32, rows in the order of slices and tokens. Any division of a sequence into steps and any
  /// company in a step give the same bits. Errors: bad_step (a token, position, page, size or count out of
  /// its bounds, by name), device_failed (a card that failed once fails from then on).
  virtual status forward(std::span<const sequence_slice> slices, std::span<std::byte> kv_pages,
                         forward_scratch& scratch, thread_pool& threads, std::span<float> logits) const = 0;

  /// For tests: a kernel that faults, so that the card computes no more in this process. Nothing on the CPU.
  /// Any thread.
  virtual void break_device() const {}
};

struct load_options {
  instruction_set isa = instruction_set::portable; // parse_instruction_set(settings.cpu_isa)
  int32_t positions_max =
      0; // bounds shape().context_length and the rotary table; 0: what the model was trained for
  size_t kv_bytes_max = 0; // the most that pages will take: the rotary table covers only positions that can
                           // lie in them, whatever context the file claims; 0: no bound
  attention_window window = {};    // no layer sees further, see limit_windows (model/attention_windows.hpp)
  compute_device device = {};      // parse_compute_device(settings.device)
  int32_t step_tokens_max = 512;   // of a step on a device with memory of its own; the CPU has a scratch
  int32_t step_sequences_max = 64; // likewise
};

/// done and total are bytes of weights.
using load_progress = std::function<void(size_t done_bytes, size_t total_bytes)>;

/// Checks and repacks the weights; the file may be closed afterwards. progress may be empty.
/// Nothing is allocated for tensors before all of them are found and have the shapes that they should.
/// With device automatic, what keeps the model off a card is logged, and the CPU computes. Errors:
/// unsupported (architecture or tensor type), missing_key, wrong_type, bad_shape (tensor, expected, got),
/// out_of_memory; with a card also those of cuda_device and device_out_of_memory (by how much). They name the
/// file.
result<std::shared_ptr<const language_model>>
load_language_model(const gguf_file& file, const load_options& options, const load_progress& progress = {});

} // namespace troupe
