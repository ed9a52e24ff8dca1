#include "model/gguf_file.hpp"
#include "model/language_model.hpp"
#include "model/llama.hpp"

#include <fmt/format.h>

namespace troupe {

result<std::shared_ptr<const language_model>>
load_language_model(const gguf_file& file, const load_options& options, const load_progress& progress) {
  const auto architecture = file.get_string("general.architecture");
  if (!architecture)
    return forward_error(architecture);
  if (*architecture != "llama")
    return failure(model_error::unsupported,
                   fmt::format("general.architecture: supported is llama, got {:.64}", *architecture));
  const auto parameters = read_llama_parameters(file);
  if (!parameters)
    return forward_error(parameters);
  return llama::create(*parameters, file.tensors(), options, progress);
}

} // namespace troupe
