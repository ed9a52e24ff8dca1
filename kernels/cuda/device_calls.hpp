#pragma once

#include "kernels/cuda/status.hpp"

#include <cstddef>
#include <cstdint>

struct CUstream_st;
struct CUgraphExec_st;

namespace troupe::cuda {

struct device_description {
  char name[256];
  int32_t capability_major, capability_minor, multiprocessors;
  size_t free_bytes, total_bytes; // of its memory, now
};

/// What a node asks of a device beside kernels, so that it links no CUDA. Everything works on the calling
/// thread's device and answers launch_failed where CUDA does, with its number in last_device_error().
struct device_calls {
  launch_status (*count)(int32_t& out);
  launch_status (*use)(int32_t index); // makes it the calling thread's
  launch_status (*describe)(int32_t index, device_description& out);
  launch_status (*allocate)(void*& out, size_t bytes);
  void (*release)(void* memory);
  launch_status (*allocate_host)(void*& out, size_t bytes); // pinned: copies from it do not wait
  void (*release_host)(void* memory);
  launch_status (*copy)(void* to, const void* from, size_t bytes, CUstream_st*); // any memory, either way
  launch_status (*fill)(void* memory, int byte, size_t bytes, CUstream_st*);
  launch_status (*open_stream)(CUstream_st*& out);
  void (*close_stream)(CUstream_st*);
  launch_status (*wait)(CUstream_st*);        // for all that is on it: here a kernel's fault shows
  launch_status (*begin_graph)(CUstream_st*); // what this thread launches from now on is recorded, not run
  launch_status (*end_graph)(CUstream_st*, CUgraphExec_st*& out);
  launch_status (*run_graph)(CUgraphExec_st*, CUstream_st*);
  void (*close_graph)(CUgraphExec_st*);
  const char* (*error_text)(int number);
  launch_status (*fault)(); // for tests: a kernel that writes where no memory is; all fails from then on
};

/// CUDA's own.
device_calls cuda_device_calls();

} // namespace troupe::cuda
