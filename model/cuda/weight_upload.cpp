#include "model/cuda/weight_upload.hpp"

#include "base/check.hpp"
#include "model/load_threads.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

constexpr int32_t rows_multiple = 2 * cuda::cell_rows;
constexpr size_t task_bytes = size_t{256} << 10;

} // namespace

result<weight_upload> weight_upload::open(std::shared_ptr<const cuda::cuda_device> device) {
  using cuda::cuda_memory;
  weight_upload out;
  auto stream = cuda::cuda_stream::open(device);
  if (!stream)
    return forward_error(stream);
  out.stream_ = std::move(*stream);
  for (size_t i = 0; i < out.pinned_.size(); ++i) {
    auto pinned = cuda_memory::allocate(device, buffer_bytes, "sending weights", cuda_memory::place::host);
    if (!pinned)
      return forward_error(pinned);
    auto raw = cuda_memory::allocate(device, buffer_bytes, "receiving weights");
    if (!raw)
      return forward_error(raw);
    out.pinned_[i] = std::move(*pinned);
    out.raw_[i] = std::move(*raw);
  }
  out.device_ = std::move(device);
  out.threads_ = std::make_unique<thread_pool>(load_threads());
  return out;
}

status weight_upload::send(const weight_rows& rows, std::byte* out, const std::function<void(size_t)>& sent) {
  const auto fit = static_cast<int32_t>(std::min<size_t>(buffer_bytes / rows.row_bytes(), INT32_MAX));
  const auto a_time = std::max(fit / rows_multiple * rows_multiple, rows_multiple);
  const auto bytes_a_row = rows.device_bytes() / static_cast<size_t>(rows.rows());
  for (int32_t at = 0; at < rows.rows(); at += a_time) {
    const auto count = std::min(a_time, rows.rows() - at);
    if (auto done = send_rows(rows, at, count, out + static_cast<size_t>(at) * bytes_a_row); !done)
      return done;
    sent(static_cast<size_t>(count) * bytes_a_row);
  }
  return {};
}

status weight_upload::send_rows(const weight_rows& rows, int32_t first, int32_t count, std::byte* out) {
  const auto& calls = device_->calls();
  const auto bytes = static_cast<size_t>(count) * rows.row_bytes();
  TROUPE_CHECK(bytes <= buffer_bytes, "rows too long for the buffer");
  auto* pinned = pinned_[next_].data();
  const auto share = std::max<size_t>(1, task_bytes / rows.row_bytes()); // rows of a task
  const auto all = static_cast<size_t>(count);
  threads_->run((all + share - 1) / share, [&](size_t task) {
    for (size_t i = task * share; i < std::min(all, (task + 1) * share); ++i)
      rows.write_row(first + static_cast<int32_t>(i), pinned + i * rows.row_bytes());
  });
  // The other buffer has travelled while this one was filled; its turn is next.
  if (auto done = device_->check(calls.wait(stream_.handle()), "sending weights"); !done)
    return done;
  const bool packed = rows.format() != cuda::weight_format::bf16_rows;
  auto* target = packed ? raw_[next_].data() : out;
  if (auto done = device_->check(calls.copy(target, pinned, bytes, stream_.handle()), "sending weights");
      !done)
    return done;
  next_ = 1 - next_;
  if (!packed)
    return {};
  const cuda::pack_params params{reinterpret_cast<const uint8_t*>(target), out, rows.format(), count,
                                 rows.columns()};
  return device_->check(device_->library().pack_quantized(params, {stream_.handle(), false}),
                        "packing weights");
}

status weight_upload::finish() {
  return device_->check(device_->calls().wait(stream_.handle()), "sending weights");
}

} // namespace troupe
