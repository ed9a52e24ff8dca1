#include "config/check_settings.hpp"

#include "base/page_size.hpp"
#include "config/errors.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

namespace troupe {

bool is_loopback(const std::string& host) {
  if (host == "localhost")
    return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1)
    return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

status check_settings(const loaded_settings& loaded) {
  const settings& s = loaded.values;
  auto conflict = [](std::string message) { return failure(config_error::conflict, std::move(message)); };
  auto from = [&](std::string_view key) -> std::string_view {
    auto found = loaded.sources.find(key);
    return found == loaded.sources.end() ? "default" : std::string_view(found->second.where);
  };
  if (s.host.empty())
    return conflict(fmt::format("server.host is empty ({}): name the address to listen on, such as 127.0.0.1",
                                from("server.host")));
  if (!is_loopback(s.host) && s.api_key_file.empty())
    return conflict(fmt::format(
        "server.host is {} ({}) but server.api_key_file is not set: without keys the server binds "
        "to loopback only, so set api_key_file to a file with one key a line",
        s.host, from("server.host")));
  if (s.attention_window > 0 && s.attention_window < page_tokens)
    return conflict(fmt::format(
        "engine.attention_window is {} ({}), narrower than a KV page of {} tokens: set it to {} or "
        "more, or to 0 for the model's own",
        s.attention_window, from("engine.attention_window"), page_tokens, page_tokens));
  if (s.attention_sinks > 0 && s.attention_window == 0)
    return conflict(fmt::format("engine.attention_sinks is {} ({}) but engine.attention_window is 0 ({}): "
                                "sinks are what stays visible "
                                "beside a window, so set attention_window too",
                                s.attention_sinks, from("engine.attention_sinks"),
                                from("engine.attention_window")));
  if (s.max_batch_tokens < s.max_batch_size)
    return conflict(
        fmt::format("engine.max_batch_tokens is {} ({}), below engine.max_batch_size, which is {} ({}): each "
                    "sequence in a step needs a token, so raise max_batch_tokens",
                    s.max_batch_tokens, from("engine.max_batch_tokens"), s.max_batch_size,
                    from("engine.max_batch_size")));
  if (s.step_deadline_ms <= s.step_time_max_ms)
    return conflict(fmt::format(
        "engine.step_deadline_ms is {} ({}), not above engine.step_time_max_ms, which is {} ({}): "
        "an ordinary step would restart the engine, so raise step_deadline_ms",
        s.step_deadline_ms, from("engine.step_deadline_ms"), s.step_time_max_ms,
        from("engine.step_time_max_ms")));
  return {};
}

} // namespace troupe
