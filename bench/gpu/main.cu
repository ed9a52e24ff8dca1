#include "bench/gpu/measure.hpp"
#include "bench/gpu/sections.hpp"

#include <cstdio>
#include <cstring>
#include <exception>

namespace {

using namespace troupe::cuda;

void run(int count, char** arguments) {
  auto wanted = [&](const char* name) {
    for (int i = 2; i < count; ++i)
      if (std::strcmp(arguments[i], name) == 0)
        return true;
    return count <= 2;
  };
  cudaDeviceProp device{};
  must(cudaGetDeviceProperties(&device, 0), "device");
  int driver = 0;
  must(cudaDriverGetVersion(&driver), "driver");
  report(format("card: %s, %d multiprocessors, %.1f GiB; CUDA driver %d.%d", device.name,
                device.multiProcessorCount, static_cast<double>(device.totalGlobalMem) / 1073741824.0,
                driver / 1000, driver % 1000 / 10));
  cudaStream_t stream = nullptr;
  must(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  double ceiling = bench_read_ceiling(stream);
  if (wanted("agreement"))
    bench_prefill_agreement(stream);
  if (wanted("attention"))
    bench_prefill_attention(stream);
  if (wanted("step"))
    bench_decode_step(stream, ceiling);
  if (wanted("ladder"))
    bench_linear_ladder(stream, ceiling);
  if (wanted("quantized-ladder"))
    bench_quantized_ladder(stream, ceiling);
  if (wanted("quantized"))
    bench_quantized_step(stream, ceiling);
  if (count > 1)
    save_report(arguments[1]);
}

} // namespace

/// bench_cuda REPORT.txt [ladder] [agreement] [attention] [step] [quantized] [quantized-ladder]: without
/// names, all of them.
int main(int count, char** arguments) {
  try {
    run(count, arguments);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
