#include "cli/default_model.hpp"

#include "cli/errors.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <system_error>

namespace troupe {

namespace fs = std::filesystem;

namespace {

std::optional<fs::path> folder_variable(const char* name) {
  const char* text = std::getenv(name);
  return text && *text ? std::optional<fs::path>(text) : std::nullopt;
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

} // namespace

model_places places_of_this_process() {
  model_places places;
  std::error_code failed;
  places.troupe_home = folder_variable("TROUPE_HOME");
  places.current_folder = fs::current_path(failed);
  fs::path program = fs::read_symlink("/proc/self/exe", failed);
  if (!failed)
    places.executable_folder = program.parent_path();
  if (auto cache = folder_variable("XDG_CACHE_HOME"))
    places.cache_folder = cache;
  else if (auto home = folder_variable("HOME"))
    places.cache_folder = *home / ".cache";
  return places;
}

std::vector<fs::path> default_model_paths(const model_places& places) {
  std::vector<fs::path> paths;
  if (places.troupe_home)
    paths.push_back(*places.troupe_home / "models" / default_model_name);
  paths.push_back(places.current_folder / "models" / default_model_name);
  if (places.executable_folder)
    paths.push_back(
        (*places.executable_folder / ".." / ".." / "models" / default_model_name).lexically_normal());
  if (places.cache_folder)
    paths.push_back(*places.cache_folder / "troupe" / default_model_name);
  return paths;
}

result<std::string> find_model(const std::string& named, const model_places& places) {
  if (!named.empty()) {
    if (is_file(named))
      return named;
    if (std::error_code ignored; fs::is_directory(named, ignored))
      return failure(cli_error::no_model,
                     fmt::format("{} is a folder: pass --model the .gguf file in it.", named));
    if (std::error_code ignored; fs::exists(named, ignored))
      return named; // a pipe or a device: whoever opens it says so
    return failure(
        cli_error::no_model,
        fmt::format("There is no model file {}: run ./deploy/fetch_model.sh for the default model, or "
                    "pass --model PATH.",
                    named));
  }
  std::string tried;
  for (const fs::path& path : default_model_paths(places)) {
    if (is_file(path))
      return path.string();
    tried += fmt::format("\n  {}", path.string());
  }
  return failure(cli_error::no_model,
                 fmt::format("No model: run ./deploy/fetch_model.sh, or pass --model PATH. Tried:{}", tried));
}

} // namespace troupe
