#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"
#include "model/chat_template.hpp"
#include "model/language_model.hpp"
#include "model/tokenizer.hpp"

#include <memory>
#include <string>
#include <vector>

namespace troupe {

class started_engine;

/// Everything that a model file gives a node.
struct loaded_model {
  std::string name;                              // served_name()
  std::shared_ptr<const language_model> weights; // null: they are in `engine`
  std::shared_ptr<started_engine> engine;        // in a process of its own; null: in this one
  std::shared_ptr<const tokenizer> tokens;
  std::shared_ptr<const chat_template> messages; // null: the file has no chat template
};

/// The model's name in the API: served_model_name, else the name of the file without its extension.
std::string served_name(const settings& configuration);

/// Opens settings.model_path; with settings.engine_process the weights are loaded by a process of their own.
/// Errors: those of gguf_file, tokenizer, chat_template and language_model, model_mismatch, engine_failed.
result<loaded_model> load_model(const settings& configuration, const load_progress& progress);

} // namespace troupe
