#include "runtime/loaded_model.hpp"

#include "model/attention_windows.hpp"
#include "model/gguf_file.hpp"
#include "runtime/errors.hpp"
#include "runtime/started_engine.hpp"

#include <filesystem>
#include <fmt/format.h>

namespace troupe {

std::string served_name(const settings& configuration) {
  if (!configuration.served_model_name.empty())
    return configuration.served_model_name;
  return std::filesystem::path(configuration.model_path).stem().string();
}

result<loaded_model> load_model(const settings& configuration, const load_progress& progress) {
  auto isa = parse_instruction_set(configuration.cpu_isa);
  if (!isa)
    return forward_error(isa);
  auto device = parse_compute_device(configuration.device);
  if (!device)
    return forward_error(device);
  auto file = gguf_file::open(configuration.model_path);
  if (!file)
    return forward_error(file);
  loaded_model out;
  out.name = served_name(configuration);
  auto tokens = tokenizer::from_gguf(*file);
  if (!tokens)
    return forward_error(tokens);
  out.tokens = std::move(*tokens);
  if (auto source = out.tokens->chat_template()) {
    auto messages = chat_template::parse(*source);
    if (!messages) {
      auto problem = messages.error();
      problem.message = fmt::format("{}: the chat template: {}", configuration.model_path, problem.message);
      return tl::unexpected(std::move(problem));
    }
    out.messages = std::make_shared<const chat_template>(std::move(*messages));
  }
  if (configuration.engine_process) {
    auto engine = started_engine::start(configuration, progress); // it checks what is checked below
    if (!engine)
      return forward_error(engine);
    out.engine = std::move(*engine);
    return out;
  }
  auto weights =
      load_language_model(*file,
                          {.isa = *isa,
                           .kv_bytes_max = static_cast<size_t>(configuration.kv_cache_mib) << 20,
                           .window = window_of(configuration),
                           .device = *device,
                           .step_tokens_max = static_cast<int32_t>(configuration.max_batch_tokens),
                           .step_sequences_max = static_cast<int32_t>(configuration.max_batch_size)},
                          progress);
  if (!weights)
    return forward_error(weights);
  out.weights = std::move(*weights);
  if (out.tokens->vocabulary() > out.weights->shape().vocabulary)
    return failure(runtime_error::model_mismatch,
                   fmt::format("the tokenizer has {} tokens, the weights have {}: the file is damaged",
                               out.tokens->vocabulary(), out.weights->shape().vocabulary));
  return out;
}

} // namespace troupe
