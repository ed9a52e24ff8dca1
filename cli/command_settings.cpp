#include "cli/command_settings.hpp"

#include "cli/default_model.hpp"
#include "cli/exit_code.hpp"
#include "config/settings_text.hpp"

namespace troupe {

tl::expected<loaded_settings, int> settings_of(const flag_values& flags, console& io) {
  settings_sources sources{.file = flags.config, .environment = process_environment(), .flags = flags.values};
  // A place to look for models in, not a setting.
  std::erase_if(sources.environment, [](const name_and_text& entry) { return entry.first == "TROUPE_HOME"; });
  auto loaded = load_settings(sources);
  if (!loaded) {
    fail(io, loaded.error().message);
    return tl::unexpected<int>(exit_usage);
  }
  if (flags.print_config) {
    io.out << settings_toml(*loaded) << std::flush;
    return tl::unexpected<int>(io.out ? exit_success : exit_failed);
  }
  return std::move(*loaded);
}

tl::expected<settings, int> local_settings_of(const flag_values& flags, console& io) {
  auto loaded = settings_of(flags, io);
  if (!loaded)
    return tl::unexpected<int>(loaded.error());
  if (loaded->sources["log.level"].kind == source_kind::fallback)
    loaded->values.log_level = "warn";
  auto model = find_model(loaded->values.model_path, places_of_this_process());
  if (!model)
    return tl::unexpected<int>(fail(io, model.error().message));
  loaded->values.model_path = *model;
  return std::move(loaded->values);
}

int fail(console& io, std::string_view sentence) {
  io.err << "troupe: " << sentence << std::endl;
  return exit_failed;
}

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

} // namespace troupe
