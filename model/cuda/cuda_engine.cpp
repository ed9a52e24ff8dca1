#include "model/cuda/cuda_engine.hpp"

#include "observe/log.hpp"

#include <algorithm>
#include <numeric>

namespace troupe {

namespace {

constexpr int32_t context_min = 128; // of a recorded shape; the next ones double
constexpr size_t graphs_max = 512;   // 64 sizes of batch times 8 contexts
constexpr int32_t rows_of_decode = 64;

int32_t end_of(const sequence_slice& slice) {
  return slice.position + static_cast<int32_t>(slice.tokens.size());
}

bool is_decode(std::span<const sequence_slice> slices) {
  return slices.size() <= static_cast<size_t>(cuda_scratch::decode_sequences_max) &&
         std::ranges::all_of(slices, [](const auto& slice) { return slice.tokens.size() == 1; });
}

} // namespace

result<std::unique_ptr<cuda_engine>> cuda_engine::create(std::shared_ptr<const cuda::cuda_device> device,
                                                         const model_shape& shape,
                                                         const cuda_step_limits& limits,
                                                         cuda_weights weights) {
  std::unique_ptr<cuda_engine> out(new cuda_engine(std::move(device), shape, limits, std::move(weights)));
  if (auto opened = out->open(); !opened)
    return forward_error(opened);
  return out;
}

cuda_engine::cuda_engine(std::shared_ptr<const cuda::cuda_device> device, const model_shape& shape,
                         const cuda_step_limits& limits, cuda_weights weights)
    : device_(std::move(device)), shape_(shape), limits_(limits), weights_(std::move(weights)),
      layers_(weights_.layers()) {}

cuda_engine::~cuda_engine() {
  (void)device_->use();
  (void)wait();
  forget_graphs();
  many_rows_.reset();
}

status cuda_engine::open() {
  auto stream = cuda::cuda_stream::open(device_);
  if (!stream)
    return forward_error(stream);
  stream_ = std::move(*stream);
  auto scratch = cuda_scratch::create(device_, shape_, limits_);
  if (!scratch)
    return forward_error(scratch);
  scratch_ = std::move(*scratch);
  if (limits_.tokens <= rows_of_decode)
    return {};
  if (auto opened = device_->check(device_->library().open_prefill_linear(many_rows_), "opening cuBLASLt");
      !opened)
    return opened;
  if (!products_agree()) {
    log_event(log_level::warn, "prefill_products_differ",
              {{"device", device_->name()}, {"effect", "prompts are computed by the slower kernels"}});
    many_rows_.reset();
  }
  return {};
}

/// At every shape, in each class of sizes for which cuBLASLt chooses an algorithm.
bool cuda_engine::products_agree() const {
  const int32_t qkv = shape_.query_width() + 2 * shape_.kv_width();
  struct product {
    int32_t n, k;
    cuda::linear_result result;
  };
  const product products[] = {{qkv, shape_.hidden, cuda::linear_result::bf16_rows},
                              {shape_.hidden, shape_.query_width(), cuda::linear_result::add_to_fp32},
                              {2 * shape_.feed_forward, shape_.hidden, cuda::linear_result::bf16_rows},
                              {shape_.hidden, shape_.feed_forward, cuda::linear_result::add_to_fp32}};
  for (const auto& each : products)
    for (int32_t tokens : {128, 256, 512, 2048}) {
      cuda::linear_agreement found{};
      const auto answer =
          device_->library().compare_prefill_linear(*many_rows_, tokens, each.n, each.k, each.result, found);
      if (answer != cuda::launch_status::ok || found.compared == 0 || found.different != 0)
        return false;
      if (tokens >= limits_.tokens)
        break;
    }
  return true;
}

status cuda_engine::run(std::span<const sequence_slice> slices, std::span<std::byte> kv_pages,
                        thread_pool& threads, std::span<float> logits) {
  const std::lock_guard turn(turn_);
  if (auto done = device_->use(); !done)
    return done;
  use_pages(kv_pages.data());
  const auto context = context_of(slices);
  return is_decode(slices) && scratch_.holds_partials(static_cast<int32_t>(slices.size()), context)
             ? decode(slices, context, threads, logits)
             : prefill(slices, threads, logits);
}

/// The positions that the step reaches, rounded up to one of few sizes.
int32_t cuda_engine::context_of(std::span<const sequence_slice> slices) const {
  int32_t end = 1, context = context_min;
  for (const auto& slice : slices)
    end = std::max(end, end_of(slice));
  while (context < end)
    context *= 2;
  return std::min(context, limits_.positions);
}

/// Recorded graphs hold the pages' address.
void cuda_engine::use_pages(std::byte* base) {
  if (base == pages_)
    return;
  forget_graphs();
  pages_ = base;
  const auto elements = cuda::kv_page_elements(shape_.kv_heads, shape_.head_dim);
  for (size_t i = 0; i < layers_.size(); ++i)
    layers_[i].pages = {reinterpret_cast<cuda::bf16*>(base) + static_cast<int64_t>(i) * elements,
                        elements * shape_.layers, shape_.kv_heads, shape_.head_dim};
}

cuda::llama_weights cuda_engine::table() const {
  auto out = weights_.head();
  out.layers = layers_.data();
  return out;
}

status cuda_engine::send(const cuda_step& step) {
  const auto words = step.words();
  std::ranges::copy(words, scratch_.pinned_words());
  return device_->check(device_->calls().copy(scratch_.words(), scratch_.pinned_words(),
                                              words.size() * sizeof(int32_t), stream_.handle()),
                        "sending a step");
}

/// What rows of scratch.logits want: greedy tokens, which lie where the step's tokens were, or logits, which
/// go to [.., vocabulary] on the host and move `to` on. rows: their places in scratch.logits, ascending.
/// Waits.
status cuda_engine::fetch(std::span<token_id* const> wants, std::span<const size_t> rows,
                          thread_pool& threads, float*& to) {
  const auto wide = static_cast<size_t>(shape_.vocabulary);
  std::vector<size_t> whole; // rows that want their logits
  for (size_t i = 0; i < wants.size(); ++i)
    if (wants[i] == nullptr)
      whole.push_back(rows[i]);
  const auto& calls = device_->calls();
  if (whole.size() < wants.size())
    if (auto done = device_->check(calls.copy(scratch_.pinned_words(), scratch_.words(),
                                              (rows.back() + 1) * sizeof(int32_t), stream_.handle()),
                                   "fetching tokens");
        !done)
      return done;
  if (!whole.empty())
    if (auto done = device_->check(
            calls.copy(scratch_.pinned_logits(), scratch_.buffers().logits + whole.front() * wide,
                       (whole.back() + 1 - whole.front()) * wide * sizeof(float), stream_.handle()),
            "fetching logits");
        !done)
      return done;
  if (auto done = wait(); !done)
    return done;
  for (size_t i = 0; i < wants.size(); ++i)
    if (wants[i] != nullptr)
      *wants[i] = scratch_.pinned_words()[rows[i]];
  threads.run(whole.size(), [&](size_t i) {
    std::copy_n(scratch_.pinned_logits() + (whole[i] - whole.front()) * wide, wide, to + i * wide);
  });
  to += whole.size() * wide;
  return {};
}

status cuda_engine::wait() {
  return device_->check(device_->calls().wait(stream_.handle()), "a step");
}

status cuda_engine::launch_decode(const cuda_step& step, int32_t context_max) {
  const auto* words = scratch_.words();
  const cuda::llama_decode_params params{step.token(scratch_.words()), step.positions(words),
                                         step.block_tables(words),     step.sequences(),
                                         step.table_stride(),          context_max};
  return device_->check(
      device_->library().llama_decode(table(), scratch_.buffers(), params, {stream_.handle(), true}),
      "a decoding step");
}

status cuda_engine::decode(std::span<const sequence_slice> slices, int32_t context_max, thread_pool& threads,
                           std::span<float> logits) {
  const cuda_step step(slices, pages_of(context_max));
  if (auto done = send(step); !done)
    return done;
  const auto& calls = device_->calls();
  if (graphs_.size() >= graphs_max)
    forget_graphs();
  auto [found, is_new] = graphs_.try_emplace({step.sequences(), context_max}, nullptr);
  if (!is_new && found->second == nullptr) {
    if (auto done = device_->check(calls.begin_graph(stream_.handle()), "recording a step"); !done)
      return done;
    const auto launched = launch_decode(step, context_max);
    const auto ended = device_->check(calls.end_graph(stream_.handle(), found->second), "recording a step");
    if (!launched || !ended)
      return launched ? ended : launched;
  }
  const auto launched =
      found->second != nullptr
          ? device_->check(calls.run_graph(found->second, stream_.handle()), "a decoding step")
          : launch_decode(step, context_max);
  if (!launched)
    return launched;
  std::vector<size_t> rows; // one of each sequence in scratch.logits; llama_decode has chosen, too
  for (size_t i = 0; i < slices.size(); ++i)
    if (slices[i].logit_rows > 0 || slices[i].greedy != nullptr)
      rows.push_back(i);
  auto* to = logits.data();
  return fetch(step.wants(), rows, threads, to);
}

status cuda_engine::prefill(std::span<const sequence_slice> slices, thread_pool& threads,
                            std::span<float> logits) {
  int32_t stride = 1;
  for (const auto& slice : slices)
    stride = std::max(stride, pages_of(end_of(slice)));
  const cuda_step step(slices, stride);
  if (auto done = send(step); !done)
    return done;
  const auto* words = scratch_.words();
  const auto weights = table();
  const cuda::gpu_stream stream{stream_.handle(), true};
  cuda::llama_prefill_params params{};
  params.token = words;
  params.positions = step.positions(words);
  params.sequences = step.table_rows(words);
  params.block_tables = step.block_tables(words);
  params.slices = step.slices(words);
  params.tokens = step.tokens();
  params.slice_count = step.sequences();
  params.tokens_max = step.longest();
  params.table_stride = step.table_stride();
  params.gate_up = scratch_.gate_up();
  params.dequantized = scratch_.dequantized();
  const auto decoding = slices.first(static_cast<size_t>(step.decoding()));
  if (const auto context = context_of(decoding); scratch_.holds_partials(step.decoding(), context)) {
    params.decode_slices = step.decoding();
    params.decode_context = std::min(context, stride * page_tokens);
  }
  const auto& library = device_->library();
  if (auto done = device_->check(
          library.llama_prefill(weights, scratch_.buffers(), params, many_rows_.get(), stream), "a step");
      !done)
    return done;
  if (step.logit_rows() == 0)
    return wait();
  return choose(step, threads, logits.data());
}

/// Logits and greedy tokens of a step that llama_prefill has computed, in pieces.
status cuda_engine::choose(const cuda_step& step, thread_pool& threads, float* to) {
  const auto weights = table();
  const auto& library = device_->library();
  const auto& buffers = scratch_.buffers();
  const cuda::gpu_stream stream{stream_.handle(), true};
  for (int32_t at = 0; at < step.logit_rows(); at += cuda_scratch::logit_rows_max) {
    const auto count = std::min(cuda_scratch::logit_rows_max, step.logit_rows() - at);
    if (auto done = device_->check(
            library.llama_logits(weights, buffers, step.logit_rows(scratch_.words()) + at, count, stream),
            "logits");
        !done)
      return done;
    const auto wants = step.wants().subspan(static_cast<size_t>(at), static_cast<size_t>(count));
    if (std::ranges::any_of(wants, [](auto* each) { return each != nullptr; }))
      if (auto done = device_->check(library.argmax({buffers.logits, scratch_.words(), buffers.best,
                                                     buffers.rows_done, count, shape_.vocabulary},
                                                    stream),
                                     "choosing tokens");
          !done)
        return done;
    std::vector<size_t> rows(static_cast<size_t>(count));
    std::iota(rows.begin(), rows.end(), 0);
    if (auto done = fetch(wants, rows, threads, to); !done)
      return done;
  }
  return {};
}

void cuda_engine::forget_graphs() {
  for (const auto& [key, graph] : graphs_)
    if (graph != nullptr)
      device_->calls().close_graph(graph);
  graphs_.clear();
}

} // namespace troupe
