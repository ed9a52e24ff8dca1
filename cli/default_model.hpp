#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// The file that deploy/fetch_model.sh fetches.
inline constexpr const char* default_model_name = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// Where a model may lie if nobody named one. Injected, so that tests can build a tree of their own.
struct model_places {
  std::optional<std::filesystem::path> troupe_home; // $TROUPE_HOME
  std::filesystem::path current_folder;
  std::optional<std::filesystem::path> executable_folder; // of the running program
  std::optional<std::filesystem::path> cache_folder;      // $XDG_CACHE_HOME or ~/.cache
};

model_places places_of_this_process();

/// Every path that find_model() looks at when none is named, in order: $TROUPE_HOME/models, ./models,
/// <executable>/../../models (a build tree inside the checkout), ~/.cache/troupe.
std::vector<std::filesystem::path> default_model_paths(const model_places&);

/// The named file, or without a name the first of the default paths that is a file.
/// Errors: no_model, with what to do and, if nothing was named, every place that was tried.
result<std::string> find_model(const std::string& named, const model_places&);

} // namespace troupe
