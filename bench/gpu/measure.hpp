#pragma once

#include "kernels/cuda/status.hpp"

#include <cuda_runtime_api.h>
#include <functional>
#include <string>
#include <vector>

namespace troupe::cuda {

/// Throws std::runtime_error with CUDA's sentence.
void must(cudaError_t e, const char* what);
void must(launch_status s, const char* what);

/// Times of one thing, each the mean over `repeats` replays in a row.
struct timing {
  double median_us, lowest_us, highest_us;
};

/// Captures what `body` launches into a graph, replays it to warm up, then times `samples` rounds of
/// `repeats`.
timing time_graph(cudaStream_t stream, const std::function<void()>& body, int samples, int repeats);

/// Prints a line, and appends it to the report that save_report writes.
void report(const std::string& line);
void save_report(const std::string& path);

std::string format(const char* pattern, ...) __attribute__((format(printf, 1, 2)));

/// Device memory that lives until the program ends.
void* allocate(size_t bytes);

template <class T>
T* allocate_array(size_t count) {
  return static_cast<T*>(allocate(count * sizeof(T)));
}

} // namespace troupe::cuda
