#pragma once

#include <cstdint>
#include <string>

namespace troupe {

/// Every setting, with its default. config/settings_table.cpp has one row for each: key, help, bounds, the
/// reason of each bound. Frozen after start: handed around as const. Units are in the names.
struct settings {
  // [model]
  std::string model_path;        // GGUF file; empty: the default model that deploy/ fetched
  std::string served_model_name; // name in the API; empty: the file's name without its extension
  int64_t max_model_len = 0;     // tokens of prompt and answer; 0: what the model was trained for
  int64_t models_max = 4;        // served at once, those on their way out included

  // [server]
  std::string host = "127.0.0.1";
  int64_t port = 8080;
  std::string api_key_file;   // one key a line; empty: no keys, loopback only
  std::string admin_key_file; // keys for /admin; empty: only where there are no keys at all
  int64_t connections_max = 8192;
  int64_t header_bytes_max = 16 * 1024;
  int64_t body_bytes_max = 16 * 1024 * 1024;
  int64_t header_timeout_ms = 10'000;          // from accept to the end of the headers
  int64_t idle_timeout_ms = 60'000;            // a connection without a request in progress
  int64_t unsent_bytes_max = 1024 * 1024;      // a stream's events waiting for a slow reader
  int64_t unsent_timeout_ms = 30'000;          // a write that makes no progress
  int64_t websocket_lifetime_ms = 60 * 60'000; // the Responses specification's 60 minutes
  int64_t resume_window_ms = 10'000;           // a stream that lost its reader waits for it
  int64_t resume_log_mib = 64;                 // events of ended streams, kept for that window
  int64_t response_store_mib = 64;             // stored responses; the least recently used go first
  int64_t response_store_ttl_s = 7 * 86'400;   // how long a response is stored
  int64_t sse_comment_ms = 15'000;             // a comment on an event stream on which nothing moves

  // [engine]
  int64_t threads = 0;               // compute threads; 0: one a core
  std::string cpu_isa = "auto";      // auto, portable, avx2, avx512, amx
  std::string device = "auto";       // or "cpu", "cuda:0" to "cuda:7"
  int64_t kv_cache_mib = 512;        // KV pages
  bool prefix_cache = true;          // requests with the same beginning share its pages
  int64_t attention_window = 0;      // positions that a layer sees at most; 0: as the model was trained
  int64_t attention_sinks = 0;       // first positions that stay visible beside that window
  std::string kv_directory;          // folder for pages that left the memory; empty: none
  int64_t kv_directory_mib = 10'240; // all files in it
  int64_t max_batch_size = 32;       // sequences in a step
  int64_t max_batch_tokens = 512;    // tokens in a step
  int64_t batch_window_ms = 50;      // upper bound of the wait
  int64_t step_time_max_ms = 200;    // prefill chunks are cut to this
  int64_t step_deadline_ms = 30'000; // a step that takes longer restarts the engine
  int64_t requests_max = 256;        // admitted and not finished; more get 429
  int64_t requests_per_key_max = 0;  // of one API key; 0: no bound of its own
  int64_t priority_level_ms = 1'000; // waiting that is worth one level of priority
  int64_t request_timeout_ms = 600'000;
  int64_t step_stretch_percent = 250;    // of a step with prompts to one without; 0: any
  std::string batch_window = "adaptive"; // or "fixed": the whole window, always

  // [supervision]
  int64_t restart_intensity = 5; // engine restarts within restart_period_ms before its supervisor gives up
  int64_t restart_period_ms = 10'000;
  int64_t health_interval_ms = 1'000; // pings, and the canary step of an idle engine
  int64_t actor_threads = 2;          // CAF scheduler threads
  bool engine_process = false;        // each engine in a process of its own, which the front restarts
  bool fault_injection = false;       // POST /admin/faults; for tests only

  // [log]
  std::string log_level = "info"; // trace, debug, info, warn, error
  bool log_prompts = false;       // prompt and answer text in the log
};

} // namespace troupe
