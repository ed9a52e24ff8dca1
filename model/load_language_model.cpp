#include "model/gguf_file.hpp"
#include "model/language_model.hpp"
#include "model/llama.hpp"

#include <fmt/format.h>
#include <new>

namespace troupe {

namespace {

result<std::shared_ptr<const language_model>> load(const gguf_file& file, const load_options& options,
                                                   const load_progress& progress) try {
  const auto architecture = file.get_string("general.architecture");
  if (!architecture)
    return forward_error(architecture);
  if (*architecture != "llama")
    return failure(model_error::unsupported,
                   fmt::format("general.architecture: supported is llama, got {}", printable(*architecture)));
  if (const auto parts = file.get_integer("split.count"); parts && *parts > 1)
    return failure(
        model_error::unsupported,
        fmt::format("one of {} parts of a model; join them into one file (llama-gguf-split --merge)",
                    *parts));
  const auto parameters = read_llama_parameters(file);
  if (!parameters)
    return forward_error(parameters);
  return llama::create(*parameters, file.tensors(), options, progress);
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
