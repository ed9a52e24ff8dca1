#include "cli/serve_banner.hpp"

#include "base/version.hpp"

#include <fmt/format.h>

namespace troupe {

std::string serve_banner(const settings& values, const std::string& model, uint16_t port) {
  bool is_v6 = values.host.find(':') != std::string::npos;
  std::string at = fmt::format(fmt::runtime(is_v6 ? "[{}]:{}" : "{}:{}"), values.host, port);
  return fmt::format("troupe {} serves {}\n"
                     "  API        http://{}/v1\n"
                     "  WebSocket  ws://{}/v1/responses\n"
                     "  metrics    http://{}/metrics\n"
                     "  {}\n",
                     version, model, at, at, at,
                     values.api_key_file.empty() ? "no API keys: loopback only"
                                                 : "API keys from " + values.api_key_file);
}

} // namespace troupe
