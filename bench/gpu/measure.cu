#include "bench/gpu/measure.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <stdexcept>

namespace troupe::cuda {

namespace {

std::string report_text;

} // namespace

void must(cudaError_t e, const char* what) {
  if (e != cudaSuccess)
    throw std::runtime_error(format("%s: %s", what, cudaGetErrorString(e)));
}

void must(launch_status s, const char* what) {
  if (s == launch_status::ok)
    return;
  auto m = last_mismatch();
  throw std::runtime_error(format("%s: %s (%s: expected %lld, got %lld; device error %d)", what, to_string(s),
                                  m.name, static_cast<long long>(m.expected), static_cast<long long>(m.got),
                                  last_device_error()));
}

timing time_graph(cudaStream_t stream, const std::function<void()>& body, int samples, int repeats) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  must(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capture");
  body();
  must(cudaStreamEndCapture(stream, &graph), "end of capture");
  must(cudaGraphInstantiate(&executable, graph, 0), "instantiate");
  cudaEvent_t start, stop;
  must(cudaEventCreate(&start), "event");
  must(cudaEventCreate(&stop), "event");
  for (int i = 0; i < 3; ++i)
    must(cudaGraphLaunch(executable, stream), "warm-up");
  must(cudaStreamSynchronize(stream), "warm-up");
  std::vector<double> times;
  for (int s = 0; s < samples; ++s) {
    must(cudaEventRecord(start, stream), "record");
    for (int i = 0; i < repeats; ++i)
      must(cudaGraphLaunch(executable, stream), "launch");
    must(cudaEventRecord(stop, stream), "record");
    must(cudaEventSynchronize(stop), "replay");
    float ms = 0;
    must(cudaEventElapsedTime(&ms, start, stop), "elapsed");
    times.push_back(1000.0 * static_cast<double>(ms) / repeats);
  }
  cudaEventDestroy(start);
  cudaEventDestroy(stop);
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times.front(), times.back()};
}

void report(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
  report_text += line + "\n";
}

void save_report(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr)
    throw std::runtime_error(path + " cannot be written");
  std::fputs(report_text.c_str(), file);
  std::fclose(file);
}

std::string format(const char* pattern, ...) {
  char buffer[512];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(buffer, sizeof buffer, pattern, arguments);
  va_end(arguments);
  return buffer;
}

void* allocate(size_t bytes) {
  void* out = nullptr;
  must(cudaMalloc(&out, bytes), "device memory");
  return out;
}

} // namespace troupe::cuda
