#pragma once

#include <string_view>

namespace troupe {

/// Why a model could not be opened or used. Every room file of model/ adds its own here, at the end of its
/// group.
enum class model_error {
  // files
  cannot_open = 1, // the file is missing, unreadable, empty or not to be mapped
  bad_format,      // not the format it should be, or a count, offset or length in it is wrong
  unsupported,     // well formed, but this release cannot use it
  missing_key,     // a metadata key or tensor that the model needs is not there
  wrong_type,      // a metadata value has another type or does not fit
  // weights and the forward pass
  bad_shape,     // a tensor's shape, or a size in the metadata, contradicts the others
  out_of_memory, // the weights do not fit into memory
  bad_step,      // a token, position, page, size or count given to forward() is out of its bounds
  // tokenizer
  bad_vocabulary, // tokens, merges or special ids contradict each other
  // sampler
  bad_sampling, // a sampling parameter is out of its bounds
  logits_not_finite,
  // chat template
  template_syntax, // the template does not parse, or needs something outside the subset
  template_failed, // rendering failed: a wrong type, an undefined value, a refused access
  template_limit,  // rendering took too many steps, too much text or too deep a nesting
  template_raised, // the template itself called raise_exception: the conversation does not suit the model
};

constexpr std::string_view to_string(model_error value) {
  switch (value) {
  case model_error::cannot_open:
    return "cannot_open";
  case model_error::bad_format:
    return "bad_format";
  case model_error::unsupported:
    return "unsupported";
  case model_error::missing_key:
    return "missing_key";
  case model_error::wrong_type:
    return "wrong_type";
  case model_error::bad_shape:
    return "bad_shape";
  case model_error::out_of_memory:
    return "out_of_memory";
  case model_error::bad_step:
    return "bad_step";
  case model_error::bad_vocabulary:
    return "bad_vocabulary";
  case model_error::bad_sampling:
    return "bad_sampling";
  case model_error::logits_not_finite:
    return "logits_not_finite";
  case model_error::template_syntax:
    return "template_syntax";
  case model_error::template_failed:
    return "template_failed";
  case model_error::template_limit:
    return "template_limit";
  case model_error::template_raised:
    return "template_raised";
  }
  return "unknown";
}

constexpr std::string_view module_name(model_error) {
  return "model";
}

} // namespace troupe
