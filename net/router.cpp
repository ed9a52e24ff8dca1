#include "net/router.hpp"

#include <array>

namespace troupe {

namespace {

struct row {
  std::string_view path;
  endpoint target;
  const char* methods;
  bool open;
};

constexpr std::array rows{
    row{"/v1/chat/completions", endpoint::chat_completions, "POST", false},
    row{"/v1/responses", endpoint::responses, "GET, POST", false}, // GET: WebSocket upgrade
    row{"/v1/models", endpoint::models, "GET, HEAD", false},
    row{"/livez", endpoint::live, "GET, HEAD", true},
    row{"/readyz", endpoint::ready, "GET, HEAD", true},
    row{"/health", endpoint::ready, "GET, HEAD", true},
    row{"/version", endpoint::version, "GET, HEAD", false},
    row{"/metrics", endpoint::metrics, "GET, HEAD", false},
    row{"/admin/faults", endpoint::faults, "POST", false},
};

constexpr std::string_view model_prefix = "/v1/models/";

int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high >= 0 && low >= 0) {
        decoded.push_back(static_cast<char>(high * 16 + low));
        i += 2;
        continue;
      }
    }
    decoded.push_back(text[i]);
  }
  return decoded;
}

bool lists(std::string_view methods, std::string_view method) {
  for (size_t at = 0; at < methods.size();) {
    const size_t end = methods.find(", ", at);
    const auto one = methods.substr(at, end == std::string_view::npos ? end : end - at);
    if (one == method)
      return true;
    at += one.size() + 2;
  }
  return false;
}

} // namespace

route find_route(std::string_view method, std::string_view target) {
  const auto path = target.substr(0, target.find('?'));
  for (const auto& row : rows)
    if (row.path == path)
      return {row.target, lists(row.methods, method), row.methods, row.open, {}};
  if (path.size() > model_prefix.size() && path.starts_with(model_prefix)) {
    const char* methods = "GET, HEAD";
    return {endpoint::model, lists(methods, method), methods, false,
            percent_decode(path.substr(model_prefix.size()))};
  }
  return {};
}

} // namespace troupe
