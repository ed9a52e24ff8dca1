#include "model/cuda/cuda_llama.hpp"
#include "model/gguf_file.hpp"
#include "model/language_model.hpp"
#include "model/llama.hpp"
#include "observe/log.hpp"

#include <fmt/format.h>
#include <new>
#include <utility>

namespace troupe {

namespace {

using loaded = result<std::shared_ptr<const language_model>>;

loaded create_on_card(int32_t index, const llama_parameters& parameters, std::span<const tensor_view> tensors,
                      const load_options& options, const load_progress& progress) {
  auto device = cuda::cuda_device::open(index);
  if (!device)
    return forward_error(device);
  return cuda_llama::create(std::move(*device), parameters, tensors, options, progress);
}

loaded create_on(compute_device device, const llama_parameters& parameters,
                 std::span<const tensor_view> tensors, const load_options& options,
                 const load_progress& progress) {
  if (device.where == compute_device::kind::cpu)
    return llama::create(parameters, tensors, options, progress);
  auto out = create_on_card(device.index, parameters, tensors, options, progress);
  if (out || device.where == compute_device::kind::cuda)
    return out;
  // Where no card can be, nobody expects one.
  const bool expected = !out.error().is(kernel_error::driver_missing);
  log_event(expected ? log_level::warn : log_level::debug, "computing_on_cpu",
            {{"reason", out.error().message}});
  return llama::create(parameters, tensors, options, progress);
}

loaded load(const gguf_file& file, const load_options& options, const load_progress& progress) try {
  const auto parameters = read_llama_parameters(file);
  if (!parameters)
    return forward_error(parameters);
  return create_on(options.device, *parameters, file.tensors(), options, progress);
} catch (const std::bad_alloc&) {
  return failure(
      model_error::out_of_memory,
      fmt::format("no memory for the model: its {} bytes of weights are repacked into about as many; "
                  "use a smaller model or a machine with more memory",
                  file.file_bytes()));
}

} // namespace

result<std::shared_ptr<const language_model>>
load_language_model(const gguf_file& file, const load_options& options, const load_progress& progress) {
  auto loaded = load(file, options, progress);
  if (!loaded && !loaded.error().message.starts_with(file.path().string()))
    loaded.error().message = file.path().string() + ": " + loaded.error().message;
  return loaded;
}

} // namespace troupe
