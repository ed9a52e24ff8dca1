#include "observe/metrics.hpp"

#include "base/check.hpp"
#include "base/version.hpp"
#include "observe/log.hpp"
#include "observe/metrics_table.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <unistd.h>

using namespace troupe;

namespace {

/// The text format, by hand: good enough for our own output, and independent of the library that wrote it.
struct scraped {
  std::map<std::string, std::string> type, help;
  std::map<std::string, double> samples;               // "name{labels}"
  std::map<std::string, std::set<std::string>> labels; // of a sample's name
};

scraped scrape(const std::string& text) {
  scraped out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string hash, what, name, rest;
    if (line.starts_with("# ")) {
      words >> hash >> what >> name;
      std::getline(words >> std::ws, rest);
      (what == "TYPE" ? out.type : out.help)[name] = rest;
      continue;
    }
    size_t space = line.rfind(' ');
    std::string series = line.substr(0, space);
    CHECK(out.samples.emplace(series, std::stod(line.substr(space + 1))).second);
    size_t brace = series.find('{');
    auto& names = out.labels[series.substr(0, brace)];
    for (size_t at = brace; at != std::string::npos && series[at] != '}';) {
      size_t equals = series.find("=\"", at);
      names.insert(series.substr(at + 1, equals - at - 1));
      at = series.find('"', equals + 2) + 1;
    }
  }
  return out;
}

std::string joined_labels(const metric_row& row, const scraped& from) {
  std::string name(row.name);
  if (row.type == metric_type::histogram)
    name += "_count";
  std::set<std::string> wanted,
      found = from.labels.contains(name) ? from.labels.at(name) : std::set<std::string>{};
  std::istringstream words{std::string(row.labels)};
  for (std::string word; std::getline(words >> std::ws, word, ',');)
    wanted.insert(word);
  return wanted == found ? "" : "labels differ: " + name;
}

} // namespace

TEST_CASE("the table and the page agree: names, types, help, labels") {
  metrics m("smol");
  m.count_http_request("/v1/responses", 200);
  scraped page = scrape(m.render());
  CHECK(all_metrics().size() >= 25);
  for (const metric_row& row : all_metrics()) {
    INFO(row.name);
    std::string name(row.name);
    CHECK(page.type[name] == to_string(row.type));
    CHECK(page.help[name] == row.help);
    CHECK(joined_labels(row, page).empty());
    CHECK((row.type == metric_type::histogram) == !row.buckets.empty());
    CHECK(std::is_sorted(row.buckets.begin(), row.buckets.end()));
  }
  CHECK(page.type.size() == all_metrics().size());
}

TEST_CASE("what is counted is what is shown") {
  metrics m("smol");
  m.num_requests_running.Set(3);
  m.generation_tokens_total.Increment(5);
  m.request_success_total.of("stop").Increment();
  m.request_success_total.of("out of luck").Increment();
  m.time_to_first_token_seconds.Observe(0.03);
  m.set_kv_pages(6, 3, 1);
  m.actor_restarts_total.of("executor").Increment();
  scraped page = scrape(m.render());
  CHECK(page.samples["troupe_num_requests_running{model_name=\"smol\"}"] == 3);
  CHECK(page.samples["troupe_generation_tokens_total{model_name=\"smol\"}"] == 5);
  CHECK(page.samples["troupe_request_success_total{model_name=\"smol\",finished_reason=\"stop\"}"] == 1);
  CHECK(page.samples["troupe_request_success_total{model_name=\"smol\",finished_reason=\"other\"}"] == 1);
  CHECK(page.samples["troupe_request_success_total{model_name=\"smol\",finished_reason=\"length\"}"] == 0);
  CHECK(page.samples["troupe_time_to_first_token_seconds_bucket{model_name=\"smol\",le=\"0.02\"}"] == 0);
  CHECK(page.samples["troupe_time_to_first_token_seconds_bucket{model_name=\"smol\",le=\"0.04\"}"] == 1);
  CHECK(page.samples["troupe_kv_pages{model_name=\"smol\",state=\"cached\"}"] == 1);
  CHECK(page.samples["troupe_kv_cache_usage_perc{model_name=\"smol\"}"] == Approx(0.3));
  CHECK(page.samples["troupe_actor_restarts_total{model_name=\"smol\",actor=\"executor\"}"] == 1);
  CHECK(page.samples.contains("troupe_actor_restarts_total{model_name=\"smol\",actor=\"other\"}"));
  m.set_kv_pages(0, 0, 0);
  CHECK(scrape(m.render()).samples["troupe_kv_cache_usage_perc{model_name=\"smol\"}"] == 0);
}

TEST_CASE("each model has series of its own, the network has one") {
  metrics node("");
  auto first = std::make_shared<metrics>("first"), second = std::make_shared<metrics>("second");
  node.show_models({first, second});
  node.stream_bytes_total.Increment(7);
  node.requests_rejected_total.of("unauthorized").Increment();
  node.generation_tokens_total.Increment(1000); // nobody's
  first->generation_tokens_total.Increment(5);
  second->generation_tokens_total.Increment(6);
  second->stream_bytes_total.Increment(1000); // nobody's
  second->requests_rejected_total.of("not_ready").Increment(2);
  const std::string text = node.render();
  scraped page = scrape(text);
  CHECK(page.samples["troupe_generation_tokens_total{model_name=\"first\"}"] == 5);
  CHECK(page.samples["troupe_generation_tokens_total{model_name=\"second\"}"] == 6);
  CHECK_FALSE(page.samples.contains("troupe_generation_tokens_total{model_name=\"\"}"));
  CHECK(page.samples["troupe_stream_bytes_total"] == 7);
  CHECK(page.samples["troupe_requests_rejected_total{model_name=\"\",reason=\"unauthorized\"}"] == 1);
  CHECK(page.samples["troupe_requests_rejected_total{model_name=\"second\",reason=\"not_ready\"}"] == 2);
  CHECK(text.find("# TYPE troupe_generation_tokens_total") ==
        text.rfind("# TYPE troupe_generation_tokens_total"));
  node.show_models({second});
  CHECK_FALSE(scrape(node.render()).samples.contains("troupe_generation_tokens_total{model_name=\"first\"}"));
}

TEST_CASE("a client cannot make series") {
  metrics m("smol");
  m.count_http_request("/v1/responses/resp_1", 200);
  size_t before = scrape(m.render()).samples.size();
  for (int i = 0; i < 1000; ++i) {
    m.count_http_request(fmt::format("/v1/responses/{}", i), 200);
    m.count_http_request(fmt::format("/{}\"\n", i), 1000 + i);
  }
  scraped page = scrape(m.render());
  CHECK(page.samples.size() == before + 1);
  CHECK(page.samples["troupe_http_requests_total{code=\"200\",path=\"/v1/responses/{id}\"}"] == 1001);
  CHECK(page.samples["troupe_http_requests_total{code=\"other\",path=\"other\"}"] == 1000);
}

TEST_CASE("a hostile model name stays one label") {
  metrics m("a\"b\n\xff" + std::string(1000, 'x'));
  std::string page = m.render();
  CHECK(page.find("{model_name=\"a\\\"b\\n?xxx") != std::string::npos);
  CHECK(page.find(std::string(257, 'x')) == std::string::npos);
}

TEST_CASE("process metrics are those of this process") {
  metrics m("smol");
  scraped page = scrape(m.render());
  CHECK(page.samples["process_resident_memory_bytes"] > 1e6);
  CHECK(page.samples["process_resident_memory_bytes"] < 1e12);
  double started = page.samples["process_start_time_seconds"];
  CHECK(started <= static_cast<double>(std::time(nullptr)) + 2);
  CHECK(started > static_cast<double>(std::time(nullptr)) - 3600);
  double descriptors = page.samples["process_open_fds"];
  int one = ::dup(0), two = ::dup(0);
  CHECK(scrape(m.render()).samples["process_open_fds"] == descriptors + 2);
  ::close(one);
  ::close(two);
  CHECK(page.samples["process_cpu_seconds_total"] < 3600);
}

TEST_CASE("dropped log lines and the build show up") {
  metrics m("smol");
  set_log_sink([](log_level, std::string_view) { throw 1; });
  log_event(log_level::error, "lost");
  set_log_sink({});
  scraped page = scrape(m.render());
  CHECK(page.samples["troupe_log_lines_dropped_total"] == static_cast<double>(log_lines_dropped()));
  CHECK(log_lines_dropped() > 0);
  CHECK(m.render().find("version=\"" + std::string(version) + "\"") != std::string::npos);
}

TEST_CASE("an unknown metric is a broken invariant") {
  CHECK_THROWS_AS(metric_named("nothing"), broken_invariant);
}

TEST_CASE("docs/metrics.md is what the table says") {
  const char* path = "docs/metrics.md";
  if (const char* update = std::getenv("TROUPE_UPDATE_DOCS"); update && std::string(update) == "1")
    std::ofstream(path) << metrics_markdown();
  std::ifstream in(path);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  INFO("run with TROUPE_UPDATE_DOCS=1 to write " << path);
  CHECK(text == metrics_markdown());
}
