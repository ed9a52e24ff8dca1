#pragma once

struct CUstream_st;

namespace troupe::cuda {

/// Where a launcher puts its kernel.
///
/// With `overlap`, the kernel may start while the one before it on the stream still runs (programmatic
/// dependent launch): it waits on the device before it touches activations, but it reads *weights* and tables
/// at once. So weights and tables must not be written by the kernel directly before; copies and memsets are
/// safe.
struct gpu_stream {
  CUstream_st* handle = nullptr;
  bool overlap = true;
};

} // namespace troupe::cuda
