#include "cli/local_node.hpp"

#include "cli/command_settings.hpp"
#include "cli/progress_bar.hpp"
#include "observe/log.hpp"

namespace troupe {

result<std::unique_ptr<node>> start_local_node(const settings& values, console& io) {
  set_log_level(values);
  progress_bar bar(io.err, io.err_is_terminal, true, file_name(values.model_path));
  return node::start(
      values, {.listen = false, .progress = [&bar](size_t done, size_t total) { bar.show(done, total); }});
}

} // namespace troupe
