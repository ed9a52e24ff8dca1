#include "kernels/cuda/device_calls.hpp"
#include "kernels/cuda/launch.cuh"

#include <cstdio>

namespace troupe::cuda {

namespace {

launch_status after(cudaError_t e) {
  if (e == cudaSuccess)
    return launch_status::ok;
  cudaGetLastError(); // one that is not sticky must not show at the next launch
  return fail_device(launch_status::launch_failed, e);
}

launch_status count(int32_t& out) {
  int found = 0;
  auto s = after(cudaGetDeviceCount(&found));
  out = found;
  return s;
}

launch_status use(int32_t index) {
  return after(cudaSetDevice(index));
}

launch_status describe(int32_t index, device_description& out) {
  cudaDeviceProp properties{};
  if (auto s = after(cudaGetDeviceProperties(&properties, index)); s != launch_status::ok)
    return s;
  std::snprintf(out.name, sizeof out.name, "%s", properties.name);
  out.capability_major = properties.major;
  out.capability_minor = properties.minor;
  out.multiprocessors = properties.multiProcessorCount;
  return after(cudaMemGetInfo(&out.free_bytes, &out.total_bytes));
}

launch_status allocate(void*& out, size_t bytes) {
  return after(cudaMalloc(&out, bytes));
}

void release(void* memory) {
  cudaFree(memory);
}

launch_status allocate_host(void*& out, size_t bytes) {
  return after(cudaMallocHost(&out, bytes));
}

void release_host(void* memory) {
  cudaFreeHost(memory);
}

launch_status copy(void* to, const void* from, size_t bytes, CUstream_st* stream) {
  return after(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream));
}

launch_status fill(void* memory, int byte, size_t bytes, CUstream_st* stream) {
  return after(cudaMemsetAsync(memory, byte, bytes, stream));
}

launch_status open_stream(CUstream_st*& out) {
  return after(cudaStreamCreateWithFlags(&out, cudaStreamNonBlocking));
}

void close_stream(CUstream_st* stream) {
  cudaStreamDestroy(stream);
}

launch_status wait(CUstream_st* stream) {
  return after(cudaStreamSynchronize(stream));
}

launch_status begin_graph(CUstream_st* stream) {
  return after(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
}

launch_status end_graph(CUstream_st* stream, CUgraphExec_st*& out) {
  cudaGraph_t graph = nullptr;
  if (auto s = after(cudaStreamEndCapture(stream, &graph)); s != launch_status::ok)
    return s;
  auto s = after(cudaGraphInstantiate(&out, graph, 0));
  cudaGraphDestroy(graph);
  return s;
}

launch_status run_graph(CUgraphExec_st* graph, CUstream_st* stream) {
  return after(cudaGraphLaunch(graph, stream));
}

void close_graph(CUgraphExec_st* graph) {
  cudaGraphExecDestroy(graph);
}

__global__ void write_nowhere(int* nowhere) {
  *nowhere = 1;
}

launch_status fault() {
  write_nowhere<<<1, 1>>>(nullptr);
  return after(cudaGetLastError());
}

const char* error_text(int number) {
  return cudaGetErrorString(static_cast<cudaError_t>(number));
}

} // namespace

device_calls cuda_device_calls() {
  return {count,        use,       describe,  allocate,    release,      allocate_host,
          release_host, copy,      fill,      open_stream, close_stream, wait,
          begin_graph,  end_graph, run_graph, close_graph, error_text,   fault};
}

} // namespace troupe::cuda
