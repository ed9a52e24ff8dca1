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
    row{"/v1/completions", endpoint::completions, "POST", false},
    row{"/v1/responses", endpoint::responses, "GET, POST", false}, // GET: WebSocket upgrade
    row{"/v1/models", endpoint::models, "GET, HEAD", false},
    row{"/livez", endpoint::live, "GET, HEAD", true},
    row{"/readyz", endpoint::ready, "GET, HEAD", true},
    row{"/health", endpoint::ready, "GET, HEAD", true},
    row{"/version", endpoint::version, "GET, HEAD", false},
    row{"/metrics", endpoint::metrics, "GET, HEAD", false},
    row{"/admin/faults", endpoint::faults, "POST", false},
    row{"/admin/models", endpoint::admin_models, "POST", false},
};

constexpr std::string_view model_prefix = "/v1/models/";
constexpr std::string_view admin_prefix = "/admin/models/";
constexpr std::string_view response_prefix = "/v1/responses/";

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

/// Of what follows /v1/responses/: {id}, {id}/cancel or {id}/input_items. "compact" is no id: the Responses
/// specification has that path for something else.
route response_route(std::string_view method, std::string_view rest) {
  const auto slash = rest.find('/');
  const auto id = percent_decode(rest.substr(0, slash));
  const auto action = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  const auto found = [&](endpoint target, const char* methods) {
    return route{target, lists(methods, method), methods, false, false, id};
  };
  if (id.empty() || id == "compact")
    return {};
  if (action.empty())
    return found(endpoint::response, "GET, DELETE");
  if (action == "/cancel")
    return found(endpoint::response_cancel, "POST");
  if (action == "/input_items")
    return found(endpoint::response_input, "GET");
  return {};
}

} // namespace

route find_route(std::string_view method, std::string_view target) {
  const auto path = target.substr(0, target.find('?'));
  for (const auto& row : rows)
    if (row.path == path)
      return {row.target, lists(row.methods, method),           row.methods,
              row.open,   row.target == endpoint::admin_models, {}};
  if (path.size() > model_prefix.size() && path.starts_with(model_prefix)) {
    const char* methods = "GET, HEAD";
    return {endpoint::model, lists(methods, method),
            methods,         false,
            false,           percent_decode(path.substr(model_prefix.size()))};
  }
  if (path.size() > admin_prefix.size() && path.starts_with(admin_prefix))
    return {endpoint::admin_model,
            lists("DELETE", method),
            "DELETE",
            false,
            true,
            percent_decode(path.substr(admin_prefix.size()))};
  if (path.starts_with(response_prefix))
    return response_route(method, path.substr(response_prefix.size()));
  return {};
}

std::optional<std::string> query_value(std::string_view target, std::string_view name) {
  const auto question = target.find('?');
  if (question == std::string_view::npos)
    return {};
  for (auto rest = target.substr(question + 1); !rest.empty();) {
    const auto end = rest.find('&');
    const auto one = rest.substr(0, end);
    const auto equals = one.find('=');
    if (percent_decode(one.substr(0, equals)) == name)
      return equals == std::string_view::npos ? "" : percent_decode(one.substr(equals + 1));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return {};
}

} // namespace troupe
