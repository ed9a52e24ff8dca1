#include "cli/bench/json_file.hpp"

#include "cli/errors.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

namespace troupe {

status write_json(const std::string& path, const nlohmann::ordered_json& value) {
  // A model's name may hold any bytes.
  return write_text(path, value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n');
}

status write_text(const std::string& path, std::string_view text) {
  std::ofstream file(path);
  file << text << std::flush;
  if (!file)
    return failure(cli_error::output, "The results could not be written to " + path + ".");
  return {};
}

} // namespace troupe
