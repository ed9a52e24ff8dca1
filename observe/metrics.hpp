#pragma once

#include "observe/labelled.hpp"

#include <memory>
#include <mutex>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Every metric of one node; observe/metrics_table.cpp says what each means. Members may be used from any
/// thread: a counter costs about 9 ns, a histogram 15 ns. Times are in seconds.
class metrics {
private:
  // First, since the members below live in it.
  prometheus::Registry registry_;
  prometheus::Labels model_; // model_name

public:
  /// `model_name`: the name in the API, used as a label; cut at 256 bytes.
  explicit metrics(std::string_view model_name);
  metrics(const metrics&) = delete;

  /// The text format of Prometheus 0.0.4, for `GET /metrics` (content type `text/plain; version=0.0.4`).
  std::string render();

  /// From now on render() shows the engine's metrics of these, one set of series each, and of this object
  /// only the network's: for a node whose models count apart. Thread-safe.
  void show_models(std::vector<std::shared_ptr<metrics>> models);

  /// For an engine in a process of its own: the values of all that an engine counts, to be added to the
  /// metrics of another process.
  std::vector<double> engine_counts();

  /// Adds what came since `before` (empty: since that process began), and takes over what goes up and down.
  /// Lists of another length than engine_counts() change nothing.
  void add_engine_counts(std::span<const double> before, std::span<const double> now);

  // Requests
  prometheus::Gauge& num_requests_running;
  prometheus::Gauge& num_requests_waiting;
  prometheus::Counter& prompt_tokens_total;
  prometheus::Counter& generation_tokens_total;
  prometheus::Counter& num_preemptions_total;
  prometheus::Counter& prefix_cache_queries_total;
  prometheus::Counter& prefix_cache_hits_total;
  prometheus::Counter& prefix_cache_waits_total;
  prometheus::Counter& prefix_cache_evictions_total;
  labelled<prometheus::Counter> request_success_total; // stop, length, cancelled, error
  prometheus::Histogram& time_to_first_token_seconds;
  prometheus::Histogram& inter_token_latency_seconds;
  prometheus::Histogram& e2e_request_latency_seconds;
  prometheus::Histogram& request_queue_time_seconds;
  prometheus::Histogram& request_prefill_time_seconds;
  prometheus::Histogram& request_decode_time_seconds;
  prometheus::Histogram& request_prompt_tokens;
  prometheus::Histogram& request_generation_tokens;
  labelled<prometheus::Counter> requests_rejected_total; // to_string(request_error)

  // Steps
  prometheus::Histogram& iteration_tokens_total;
  prometheus::Histogram& step_seconds;
  prometheus::Histogram& step_overhead_seconds;
  prometheus::Histogram& batch_size;
  prometheus::Histogram& batch_window_wait_seconds;

  /// Sets troupe_kv_pages and troupe_kv_cache_usage_perc.
  void set_kv_pages(int64_t free, int64_t used, int64_t cached);

  // The KV directory
  labelled<prometheus::Counter> kv_directory_pages_total; // to_string(directory_event)
  prometheus::Gauge& kv_directory_bytes;
  prometheus::Gauge& kv_directory_up;

  // Supervision
  prometheus::Gauge& ready;
  prometheus::Gauge& engine_epoch;
  labelled<prometheus::Counter>
      actor_restarts_total; // ledger, intake, batcher, executor, page_manager, engine, ...
  prometheus::Counter& stale_results_dropped_total;
  prometheus::Gauge& ledger_entries;

  // Network
  prometheus::Gauge& http_connections;
  prometheus::Gauge& websocket_connections;
  prometheus::Counter& stream_bytes_total;

  /// Counts an answered request. `path` is the request's own, without its query: known routes are told apart
  /// ("/v1/responses/{id}" for any id), and everything else is "other", as is a status that we never send.
  void count_http_request(std::string_view path, int code);

private:
  template <class Visitor>
  void visit_engine(Visitor& visitor);

  labelled<prometheus::Gauge> kv_pages_;
  prometheus::Gauge& kv_cache_usage_perc_;
  prometheus::Family<prometheus::Counter>& http_requests_total_;
  std::mutex render_mutex_;
  std::vector<std::shared_ptr<metrics>> models_;
  prometheus::Counter& log_lines_dropped_total_;
};

} // namespace troupe
