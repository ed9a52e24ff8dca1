#include "observe/metrics_table.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace troupe {

namespace {

using enum metric_type;

// Seconds. A small model on a CPU takes 5 ms a token; a deep queue takes minutes.
constexpr double request_s[] = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1,   1.5, 2,
                                2.5,  5,     10,   20,  30,   60,  120,  240, 480, 960};
constexpr double first_token_s[] = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75,
                                    1,     2.5,   5,    7.5,  10,   20,   40,   80,  160,  640};
constexpr double token_s[] = {0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05,
                              0.075, 0.1,    0.15,  0.2,    0.3,  0.4,   0.5,  0.75,  1,    2.5,  5};
constexpr double queue_s[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                              1,     2.5,    5,     10,   30,    60,   120, 300};
constexpr double step_s[] = {0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075,
                             0.1,   0.15,   0.2,   0.3,    0.5,  1,     2.5,  5,    10,   30};
constexpr double overhead_s[] = {0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001,
                                 0.0025,  0.005,    0.01,    0.025,  0.05,    0.1,    1};
constexpr double window_s[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1};
// Tokens and sequences.
constexpr double request_tokens[] = {1,   2,    5,    10,   20,     50,     100,    200,
                                     500, 1000, 2000, 5000, 10'000, 20'000, 50'000, 100'000};
constexpr double step_tokens[] = {1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16'384, 65'536};
constexpr double step_sequences[] = {1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024};

constexpr metric_row rows[] = {
    {"troupe_num_requests_running", gauge, "Sequences that take part in steps now.", "model_name"},
    {"troupe_num_requests_waiting", gauge, "Admitted requests that wait for their first step.", "model_name"},
    {"troupe_kv_cache_usage_perc", gauge, "Share of KV pages in use by running sequences, 0 to 1.",
     "model_name"},
    {"troupe_prompt_tokens_total", counter, "Prompt tokens of finished prefills, cached ones included.",
     "model_name"},
    {"troupe_generation_tokens_total", counter, "Sampled tokens.", "model_name"},
    {"troupe_num_preemptions_total", counter, "Running sequences that gave up their pages to others.",
     "model_name"},
    {"troupe_prefix_cache_queries_total", counter,
     "Tokens looked up in the prefix cache, each time that a request got its pages.", "model_name"},
    {"troupe_prefix_cache_hits_total", counter, "Tokens found there, which were not computed again.",
     "model_name"},
    {"troupe_prefix_cache_waits_total", counter,
     "Times that a request was told to wait for a page that another was computing.", "model_name"},
    {"troupe_prefix_cache_evictions_total", counter, "Pages of the prefix cache given up for others.",
     "model_name"},
    {"troupe_request_success_total", counter, "Finished requests, by how they ended.",
     "model_name, finished_reason"},
    {"troupe_time_to_first_token_seconds", histogram, "From arrival to the first token.", "model_name",
     first_token_s},
    {"troupe_inter_token_latency_seconds", histogram, "Between two tokens of one request.", "model_name",
     token_s},
    {"troupe_e2e_request_latency_seconds", histogram, "From arrival to the end of the request.", "model_name",
     request_s},
    {"troupe_request_queue_time_seconds", histogram, "From arrival to the first step.", "model_name",
     queue_s},
    {"troupe_request_prefill_time_seconds", histogram, "From the first step to the first token.",
     "model_name", request_s},
    {"troupe_request_decode_time_seconds", histogram, "From the first token to the last.", "model_name",
     request_s},
    {"troupe_request_prompt_tokens", histogram, "Prompt tokens of a request.", "model_name", request_tokens},
    {"troupe_request_generation_tokens", histogram, "Sampled tokens of a request.", "model_name",
     request_tokens},
    {"troupe_iteration_tokens_total", histogram, "Tokens computed in a step. A histogram, as in vLLM.",
     "model_name", step_tokens},
    {"troupe_requests_rejected_total", counter, "Requests refused before they were accepted, by reason.",
     "model_name, reason"},

    {"troupe_step_seconds", histogram, "One step: forward pass and sampling.", "model_name", step_s},
    {"troupe_step_overhead_seconds", histogram,
     "From the end of a step to the start of the next, while there was work: what messages and planning add.",
     "model_name", overhead_s},
    {"troupe_batch_size", histogram, "Sequences in a step.", "model_name", step_sequences},
    {"troupe_batch_window_wait_seconds", histogram, "Time that a step waited for more arrivals.",
     "model_name", window_s},
    {"troupe_kv_pages", gauge, "KV pages by state: free, used by a sequence, or cached for a prefix.",
     "model_name, state"},

    {"troupe_kv_directory_pages_total", counter,
     "Pages and the KV directory, by what happened: docs/memory.md lists the events.", "model_name, event"},
    {"troupe_kv_directory_bytes", gauge,
     "Bytes of page files in the KV directory, those of other models and processes included.", "model_name"},
    {"troupe_kv_directory_up", gauge, "1 while the KV directory works; 0 without one or after an error.",
     "model_name"},

    {"troupe_ready", gauge, "1 while the model would answer a request, else 0.", "model_name"},
    {"troupe_engine_epoch", gauge, "Lives of the engine so far; it rises with each restart.", "model_name"},
    {"troupe_actor_restarts_total", counter, "Actors that ended and were started again.",
     "model_name, actor"},
    {"troupe_stale_results_dropped_total", counter, "Results of an engine's earlier life, dropped.",
     "model_name"},
    {"troupe_ledger_entries", gauge,
     "Requests in the ledger, from admission until their answer has been delivered.", "model_name"},

    {"troupe_http_requests_total", counter, "HTTP requests answered, by route and status.", "path, code"},
    {"troupe_http_connections", gauge, "Open connections, WebSockets included."},
    {"troupe_websocket_connections", gauge, "Open WebSockets."},
    {"troupe_stream_bytes_total", counter, "Bytes of events sent, over SSE and WebSocket."},

    {"troupe_log_lines_dropped_total", counter, "Log lines lost because whoever reads the log was too slow."},
    {"troupe_build_info", gauge, "Always 1; the labels say what runs.", "version, commit"},
    {"process_resident_memory_bytes", gauge, "Resident memory of this process."},
    {"process_open_fds", gauge, "Open file descriptors of this process."},
    {"process_cpu_seconds_total", counter, "Processor time of this process, user and system."},
    {"process_start_time_seconds", gauge, "When this process started, in seconds since 1970."},
};

} // namespace

std::string_view to_string(metric_type type) {
  constexpr std::string_view names[] = {"counter", "gauge", "histogram"};
  return names[static_cast<size_t>(type)];
}

std::span<const metric_row> all_metrics() {
  return rows;
}

const metric_row& metric_named(std::string_view name) {
  auto found = std::ranges::find(rows, name, &metric_row::name);
  TROUPE_CHECK(found != std::end(rows), "no metric is called " + std::string(name));
  return *found;
}

std::string metrics_markdown() {
  std::string out = "# Metrics\n\n"
                    "Generated from `observe/metrics_table.cpp`; do not edit. After a change there:\n"
                    "`TROUPE_UPDATE_DOCS=1 build/release/tests/test_observe`.\n\n"
                    "`GET /metrics` answers in the Prometheus text format. Where vLLM has the same metric, "
                    "ours has the same name "
                    "with `troupe_` in place of `vllm:`. Every label has a fixed set of values, with `other` "
                    "for the rest, so a "
                    "client cannot make series.\n\n"
                    "| metric | type | labels | meaning |\n|---|---|---|---|\n";
  for (const metric_row& row : rows)
    out += fmt::format("| `{}` | {} | {} | {} |\n", row.name, to_string(row.type), row.labels, row.help);
  out += "\n## Buckets\n\n";
  for (const metric_row& row : rows)
    if (row.type == histogram)
      out += fmt::format("- `{}`: {}\n", row.name, fmt::join(row.buckets, ", "));
  return out;
}

} // namespace troupe
