#include "model/model_report.hpp"

#include "model/chat_template.hpp"
#include "model/gguf_file.hpp"
#include "model/llama_weights.hpp"
#include "model/tokenizer.hpp"

#include <fmt/format.h>

namespace troupe {

namespace {

/// "llama", or "gpt2 (qwen2)" where there is a pre-tokenizer.
std::string tokenizer_name(const gguf_file& file) {
  const auto model = file.get_string("tokenizer.ggml.model");
  const auto pre = file.get_string("tokenizer.ggml.pre");
  const auto name = model ? printable(*model) : std::string("none");
  return name == "gpt2" && pre ? fmt::format("{} ({})", name, printable(*pre)) : name;
}

void count_tensors(const gguf_file& file, model_report& out) {
  for (const auto& tensor : file.tensors()) {
    uint64_t elements = 1; // gguf_limits bound the product
    for (const auto extent : tensor.shape)
      elements *= extent;
    out.weights[tensor.type] += elements;
    out.parameters += elements;
    out.file_bytes += tensor.data.size();
  }
}

} // namespace

result<model_report> report_model(const gguf_file& file) {
  const auto parameters = read_llama_parameters(file);
  if (!parameters)
    return forward_error(parameters);
  const auto memory = check_llama_tensors(*parameters, file.tensors());
  if (!memory)
    return forward_error(memory);
  const auto words = tokenizer::from_gguf(file);
  if (!words)
    return forward_error(words);
  model_report out;
  out.architecture = parameters->family.architecture;
  out.shape = parameters->shape;
  out.memory_bytes = *memory;
  out.tokenizer = tokenizer_name(file);
  out.tokens = (*words)->vocabulary();
  if (const auto source = (*words)->chat_template()) {
    const auto parsed = chat_template::parse(*source);
    if (!parsed)
      return failure(model_error::unsupported, "the chat template: " + parsed.error().message);
    out.has_template = true;
  }
  count_tensors(file, out);
  return out;
}

} // namespace troupe
