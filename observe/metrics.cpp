#include "observe/metrics.hpp"

#include "base/check.hpp"
#include "base/utf8.hpp"
#include "base/version.hpp"
#include "observe/log.hpp"
#include "observe/metrics_table.hpp"
#include "observe/process_metrics.hpp"

#include <algorithm>
#include <array>
#include <prometheus/text_serializer.h>

namespace troupe {

namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;
using prometheus::Registry;

template <class Builder, class Metric>
Family<Metric>& family(Registry& into, std::string_view name, metric_type type, Builder builder,
                       const Labels& labels) {
  const metric_row& row = metric_named(name);
  TROUPE_CHECK(row.type == type, std::string(name) + " has another type in the table");
  return builder.Name(std::string(row.name)).Help(std::string(row.help)).Labels(labels).Register(into);
}

Family<Counter>& counters(Registry& into, std::string_view name, const Labels& labels = {}) {
  return family<decltype(prometheus::BuildCounter()), Counter>(into, name, metric_type::counter,
                                                               prometheus::BuildCounter(), labels);
}

Family<Gauge>& gauges(Registry& into, std::string_view name, const Labels& labels = {}) {
  return family<decltype(prometheus::BuildGauge()), Gauge>(into, name, metric_type::gauge,
                                                           prometheus::BuildGauge(), labels);
}

Counter& counter(Registry& into, std::string_view name, const Labels& labels = {}) {
  return counters(into, name, labels).Add({});
}

Gauge& gauge(Registry& into, std::string_view name, const Labels& labels = {}) {
  return gauges(into, name, labels).Add({});
}

Histogram& histogram(Registry& into, std::string_view name, const Labels& labels = {}) {
  auto& made = family<decltype(prometheus::BuildHistogram()), Histogram>(
      into, name, metric_type::histogram, prometheus::BuildHistogram(), labels);
  std::span<const double> bounds = metric_named(name).buckets;
  return made.Add({}, Histogram::BucketBoundaries(bounds.begin(), bounds.end()));
}

/// Names may come from a model file: the text format must stay UTF-8.
std::string label_text(std::string_view text) {
  constexpr size_t bytes_max = 256;
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t length = utf8_length(text, at);
    if (out.size() + std::max<size_t>(length, 1) > bytes_max)
      break;
    out += length == 0 ? "?" : std::string(text.substr(at, length));
    at += std::max<size_t>(length, 1);
  }
  return out;
}

/// The route of a path, as a label.
std::string route_of(std::string_view path) {
  constexpr std::array<std::string_view, 13> routes{"/",
                                                    "/v1/responses",
                                                    "/v1/chat/completions",
                                                    "/v1/completions",
                                                    "/v1/models",
                                                    "/metrics",
                                                    "/health",
                                                    "/livez",
                                                    "/readyz",
                                                    "/tokenize",
                                                    "/detokenize",
                                                    "/version",
                                                    "/admin/faults"};
  if (std::ranges::find(routes, path) != routes.end())
    return std::string(path);
  for (std::string_view prefix : {"/v1/responses/", "/v1/models/"})
    if (path.starts_with(prefix))
      return std::string(prefix) + "{id}";
  return "other";
}

std::string status_label(int code) {
  constexpr std::array codes{101, 200, 202, 204, 400, 401, 403, 404, 405, 408, 409, 411, 413,
                             414, 415, 417, 422, 426, 429, 431, 500, 501, 502, 503, 504, 505};
  return std::ranges::find(codes, code) != codes.end() ? std::to_string(code) : "other";
}

constexpr const char* rejected_name = "troupe_requests_rejected_total";

bool is_of_model(std::string_view name) {
  return metric_named(name).labels.starts_with("model_name");
}

/// The text format wants all series of a name in one place.
void add_series(std::vector<prometheus::MetricFamily>& into, prometheus::MetricFamily made) {
  auto found = std::ranges::find(into, made.name, &prometheus::MetricFamily::name);
  if (found == into.end())
    into.push_back(std::move(made));
  else
    std::ranges::move(made.metric, std::back_inserter(found->metric));
}

} // namespace

metrics::metrics(std::string_view model_name)
    : model_{{"model_name", label_text(model_name)}},
      num_requests_running(gauge(registry_, "troupe_num_requests_running", model_)),
      num_requests_waiting(gauge(registry_, "troupe_num_requests_waiting", model_)),
      prompt_tokens_total(counter(registry_, "troupe_prompt_tokens_total", model_)),
      generation_tokens_total(counter(registry_, "troupe_generation_tokens_total", model_)),
      num_preemptions_total(counter(registry_, "troupe_num_preemptions_total", model_)),
      prefix_cache_queries_total(counter(registry_, "troupe_prefix_cache_queries_total", model_)),
      prefix_cache_hits_total(counter(registry_, "troupe_prefix_cache_hits_total", model_)),
      prefix_cache_waits_total(counter(registry_, "troupe_prefix_cache_waits_total", model_)),
      prefix_cache_evictions_total(counter(registry_, "troupe_prefix_cache_evictions_total", model_)),
      request_success_total(counters(registry_, "troupe_request_success_total", model_), "finished_reason",
                            {"stop", "length", "cancelled", "error"}),
      time_to_first_token_seconds(histogram(registry_, "troupe_time_to_first_token_seconds", model_)),
      inter_token_latency_seconds(histogram(registry_, "troupe_inter_token_latency_seconds", model_)),
      e2e_request_latency_seconds(histogram(registry_, "troupe_e2e_request_latency_seconds", model_)),
      request_queue_time_seconds(histogram(registry_, "troupe_request_queue_time_seconds", model_)),
      request_prefill_time_seconds(histogram(registry_, "troupe_request_prefill_time_seconds", model_)),
      request_decode_time_seconds(histogram(registry_, "troupe_request_decode_time_seconds", model_)),
      request_prompt_tokens(histogram(registry_, "troupe_request_prompt_tokens", model_)),
      request_generation_tokens(histogram(registry_, "troupe_request_generation_tokens", model_)),
      requests_rejected_total(counters(registry_, rejected_name, model_), "reason",
                              {"invalid_value", "not_supported", "model_not_found", "context_length_exceeded",
                               "too_many_requests", "not_ready", "unauthorized", "too_many_connections",
                               "accept_failed"}),
      iteration_tokens_total(histogram(registry_, "troupe_iteration_tokens_total", model_)),
      step_seconds(histogram(registry_, "troupe_step_seconds", model_)),
      step_overhead_seconds(histogram(registry_, "troupe_step_overhead_seconds", model_)),
      batch_size(histogram(registry_, "troupe_batch_size", model_)),
      batch_window_wait_seconds(histogram(registry_, "troupe_batch_window_wait_seconds", model_)),
      kv_directory_pages_total(counters(registry_, "troupe_kv_directory_pages_total", model_), "event",
                               {"written", "hit", "absent", "evicted", "checksum", "size", "format",
                                "identity", "foreign", "write_error", "read_error", "queue_full",
                                "switched_off"}),
      kv_directory_bytes(gauge(registry_, "troupe_kv_directory_bytes", model_)),
      kv_directory_up(gauge(registry_, "troupe_kv_directory_up", model_)),
      ready(gauge(registry_, "troupe_ready", model_)),
      engine_epoch(gauge(registry_, "troupe_engine_epoch", model_)),
      actor_restarts_total(counters(registry_, "troupe_actor_restarts_total", model_), "actor",
                           {"ledger", "intake", "gateway", "health_monitor", "engine_supervisor", "engine",
                            "batcher", "executor", "page_manager", "engine_process"}),
      stale_results_dropped_total(counter(registry_, "troupe_stale_results_dropped_total", model_)),
      ledger_entries(gauge(registry_, "troupe_ledger_entries", model_)),
      http_connections(gauge(registry_, "troupe_http_connections")),
      websocket_connections(gauge(registry_, "troupe_websocket_connections")),
      stream_bytes_total(counter(registry_, "troupe_stream_bytes_total")),
      kv_pages_(gauges(registry_, "troupe_kv_pages", model_), "state", {"free", "used", "cached"}, false),
      kv_cache_usage_perc_(gauge(registry_, "troupe_kv_cache_usage_perc", model_)),
      http_requests_total_(counters(registry_, "troupe_http_requests_total")),
      log_lines_dropped_total_(counter(registry_, "troupe_log_lines_dropped_total")) {
  gauge(registry_, "troupe_build_info", {{"version", version}, {"commit", commit}}).Set(1);
}

void metrics::set_kv_pages(int64_t free, int64_t used, int64_t cached) {
  kv_pages_.of("free").Set(static_cast<double>(free));
  kv_pages_.of("used").Set(static_cast<double>(used));
  kv_pages_.of("cached").Set(static_cast<double>(cached));
  int64_t all = free + used + cached;
  kv_cache_usage_perc_.Set(all > 0 ? static_cast<double>(used) / static_cast<double>(all) : 0);
}

void metrics::count_http_request(std::string_view path, int code) {
  http_requests_total_.Add({{"path", route_of(path)}, {"code", status_label(code)}}).Increment();
}

void metrics::show_models(std::vector<std::shared_ptr<metrics>> models) {
  std::lock_guard lock(render_mutex_);
  models_ = std::move(models);
}

std::string metrics::render() {
  std::vector<std::shared_ptr<metrics>> models;
  {
    // The log keeps its own count, since it may live longer than these metrics.
    std::lock_guard lock(render_mutex_);
    double missing = static_cast<double>(log_lines_dropped()) - log_lines_dropped_total_.Value();
    if (missing > 0)
      log_lines_dropped_total_.Increment(missing);
    models = models_;
  }
  auto families = registry_.Collect();
  if (!models.empty()) // refusals before a model was chosen are this object's own
    std::erase_if(families,
                  [](const auto& made) { return is_of_model(made.name) && made.name != rejected_name; });
  for (const auto& model : models)
    for (auto& made : model->registry_.Collect())
      if (is_of_model(made.name))
        add_series(families, std::move(made));
  for (auto& made : process_metrics())
    families.push_back(std::move(made));
  std::ranges::sort(families, {}, &prometheus::MetricFamily::name);
  return prometheus::TextSerializer().Serialize(families);
}

} // namespace troupe
