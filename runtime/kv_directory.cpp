#include "runtime/kv_directory.hpp"

#include "observe/log.hpp"

#include <fmt/format.h>

namespace troupe {

result<std::shared_ptr<directory_tier>>
open_kv_directory(const settings& configuration, uint64_t numeric_class, std::shared_ptr<kv_store> pages,
                  metrics& numbers, const time_source& clock, std::shared_ptr<const void> kept) {
  if (configuration.kv_directory.empty() || !configuration.prefix_cache)
    return std::shared_ptr<directory_tier>();
  if (!pages->on_host())
    return failure(page_error::bad_directory,
                   "engine.kv_directory works with device = cpu only: pages on a card do not leave it yet");
  const auto bytes_max = static_cast<uint64_t>(configuration.kv_directory_mib) << 20;
  const auto page_bytes = pages->page_bytes();
  if (bytes_max < page_file_bytes(page_bytes))
    return failure(page_error::bad_directory,
                   fmt::format("kv_directory_mib = {}, but one page of this model takes {} MiB: raise it",
                               configuration.kv_directory_mib, (page_file_bytes(page_bytes) >> 20) + 1));
  numbers.kv_directory_up.Set(1);
  // The thread may be left behind by a file system that hangs: what it calls lives as long as it does.
  auto opened = page_directory::open(
      {.path = configuration.kv_directory,
       .bytes_max = bytes_max,
       .numeric_class = numeric_class,
       .clock = &clock,
       .calls = {},
       .count =
           [&numbers, kept](directory_event event) {
             numbers.kv_directory_pages_total.of(to_string(event)).Increment();
           },
       .resized = [&numbers,
                   kept](uint64_t bytes) { numbers.kv_directory_bytes.Set(static_cast<double>(bytes)); },
       .changed =
           [&numbers, kept](bool on, const std::string& sentence) {
             numbers.kv_directory_up.Set(on ? 1 : 0);
             log_event(on ? log_level::info : log_level::warn, on ? "kv_directory_on" : "kv_directory_off",
                       {{"reason", sentence}});
           }});
  if (!opened)
    return forward_error(opened);
  auto worker = std::make_unique<directory_worker>(
      directory_worker_options{.directory = std::move(*opened), .page_bytes = page_bytes});
  return std::make_shared<directory_tier>(std::move(worker), std::move(pages));
}

} // namespace troupe
