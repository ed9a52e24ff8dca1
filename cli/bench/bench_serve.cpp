#include "cli/bench/http_url.hpp"
#include "cli/bench/json_file.hpp"
#include "cli/bench/machine.hpp"
#include "cli/bench/prompt_file.hpp"
#include "cli/bench/serve_load.hpp"
#include "cli/bench/serve_page.hpp"
#include "cli/bench/serve_report.hpp"
#include "cli/command.hpp"
#include "cli/command_settings.hpp"
#include "cli/exit_code.hpp"
#include "cli/seed_option.hpp"
#include "net/http_server.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

constexpr int64_t requests_max = 1'000'000;
constexpr int32_t closed_concurrency = 8;
constexpr int32_t open_concurrency = 1000;
constexpr int64_t progress_ms = 200;

constexpr const char* examples =
    R"(Streams answers from a running server (this one or any other with the OpenAI API) and reports rates
and latencies. Without --rate the loop is closed: --concurrency requests are always in flight.
With --rate requests arrive at random (Poisson) at that mean rate; one that must wait for a place
is timed from when it was due. The load ends after --requests or --duration, whichever comes first;
what is in flight then is awaited. Every request has a connection of its own, and temperature is 0.
Each stream is checked to be whole. Ends with exit code 1 if a request failed.

Lengths are a number, uniform:MIN:MAX, or lognormal:MEDIAN:SIGMA[:MAX].

Examples:
  troupe bench serve --concurrency 8 --requests 100
  troupe bench serve --rate 4 --duration 120 --warmup 20 --html load.html --output load.json
  troupe bench serve --rate 2 --duration 60 --prompt-tokens lognormal:200:0.8 \
      --max-tokens uniform:16:256 --goodput ttft:500,tpot:50
  troupe bench serve --url http://10.0.0.5:8080 --prompts ShareGPT.json \
      --concurrency 64 --requests 500)";

struct serve_arguments {
  std::string url = "http://127.0.0.1:8080";
  std::string api_key;
  std::string api = "chat";
  std::string prompts_path;
  std::string output_path;
  std::string html_path;
  std::optional<int64_t> requests;
  std::optional<int32_t> concurrency;
  goodput_bounds bounds;
  serve_load_options load;
};

nlohmann::ordered_json describe(const serve_arguments& arguments) {
  const serve_load_options& load = arguments.load;
  return {{"bench", "serve"},
          {"url", arguments.url},
          {"api", arguments.api},
          {"model", load.model},
          {"loop", load.rate > 0 ? "open" : "closed"},
          {"requests_max", load.requests},
          {"duration_s", load.duration_s},
          {"warmup_s", load.warmup_s},
          {"concurrency", load.concurrency},
          {"rate", load.rate},
          {"prompts", arguments.prompts_path},
          {"prompt_tokens_wanted", arguments.prompts_path.empty() ? load.plan.prompt_tokens.text() : ""},
          {"max_tokens", load.plan.max_tokens.text()},
          {"ignore_eos", load.ignore_eos},
          {"seed", load.plan.seed},
          {"client", to_json(describe_machine())}};
}

/// Fills in what depends on other arguments; the error has been told.
tl::expected<void, int> settle(serve_arguments& arguments, console& io) {
  serve_load_options& load = arguments.load;
  if (load.duration_s > 0 && load.warmup_s >= load.duration_s) {
    fail(io, "--warmup must be shorter than --duration, or nothing is left to measure.");
    return tl::unexpected<int>(exit_usage);
  }
  load.api = arguments.api == "chat" ? load_api::chat : load_api::responses;
  load.requests = arguments.requests.value_or(load.duration_s > 0 ? requests_max : 100);
  load.concurrency = arguments.concurrency.value_or(load.rate > 0 ? open_concurrency : closed_concurrency);
  if (!arguments.prompts_path.empty()) {
    auto prompts = read_prompt_file(arguments.prompts_path);
    if (!prompts)
      return tl::unexpected<int>(fail(io, prompts.error().message));
    load.plan.prompts = std::move(*prompts);
  }
  return {};
}

/// On a terminal, a few times a second.
std::function<void(size_t)> show_progress(console& io, const serve_load_options& load) {
  auto shown = std::make_shared<steady_time>();
  return [&io, &load, shown](size_t done) {
    const auto now = system_clock().now();
    if (!io.err_is_terminal || now - *shown < milliseconds(progress_ms))
      return;
    *shown = now;
    io.err << (load.requests < requests_max ? fmt::format("\r\033[K{}/{} requests", done, load.requests)
                                            : fmt::format("\r\033[K{} requests", done))
           << std::flush;
  };
}

status write_results(const serve_arguments& arguments, const serve_report& report) {
  auto setup = describe(arguments);
  if (!arguments.html_path.empty())
    if (auto ok = write_text(arguments.html_path, serve_page(report, setup)); !ok)
      return ok;
  if (arguments.output_path.empty())
    return {};
  setup["result"] = to_json(report);
  return write_json(arguments.output_path, setup);
}

int bench_serve(serve_arguments arguments, console& io) {
  auto url = parse_http_url(arguments.url);
  if (!url) {
    fail(io, url.error().message);
    return exit_usage;
  }
  if (auto settled = settle(arguments, io); !settled)
    return settled.error();
  raise_open_files_limit();
  http_client_options options{.host = url->host, .port = url->port, .headers = {}};
  if (!arguments.api_key.empty())
    options.headers.emplace_back("Authorization", "Bearer " + arguments.api_key);
  arguments.load.prefix = url->prefix;
  http_stream_client client(std::move(options));
  serve_load load(client, system_clock(), arguments.load);
  const auto result = load.run(show_progress(io, arguments.load));
  if (io.err_is_terminal)
    io.err << "\r\033[K" << std::flush;
  const serve_report report = make_report(result, arguments.bounds);
  print(report, io.out);
  if (auto ok = write_results(arguments, report); !ok)
    return fail(io, ok.error().message);
  if (report.failed > 0)
    return fail(io, fmt::format("{} of {} requests failed.", report.failed, report.requests));
  return io.out ? exit_success : exit_failed;
}

/// A header's value must not end its line.
std::string plain_key(const std::string& key) {
  bool plain = !key.empty() && key.size() <= 4096;
  for (char c : key)
    plain = plain && c > ' ' && c < '\x7f';
  return plain ? "" : "a key is 1 to 4096 printable characters without spaces";
}

/// An option whose text a function of ours reads; its error is the option's.
template <class T, class Parse>
void add_parsed(CLI::App& app, const char* name, T& into, Parse parse, const char* type, std::string help) {
  const auto read = [name, &into, parse](const std::string& text) {
    auto value = parse(text);
    if (!value)
      throw CLI::ValidationError(name, value.error().message);
    into = *value;
  };
  app.add_option_function<std::string>(name, read, std::move(help))->type_name(type);
}

void add_load_options(CLI::App& app, serve_arguments& arguments) {
  serve_load_options& load = arguments.load;
  app.add_option("--requests", arguments.requests, "Requests in all. Default 100; with --duration, no limit.")
      ->check(CLI::Range(int64_t{1}, requests_max));
  app.add_option("--duration", load.duration_s, "Seconds for which requests are sent, warm-up included.")
      ->check(CLI::Range(0.1, 86'400.0));
  app.add_option("--warmup", load.warmup_s, "Seconds at the begin that are not measured. Default 0.")
      ->check(CLI::Range(0.0, 86'400.0));
  app.add_option("--concurrency", arguments.concurrency,
                 "Requests in flight at most. Default 8, with --rate 1000.")
      ->check(CLI::Range(1, 10'000));
  app.add_option("--rate", load.rate, "Open loop: mean arrivals per second.")
      ->check(CLI::Range(0.001, 100'000.0));
  add_parsed(app, "--prompt-tokens", load.plan.prompt_tokens, length_distribution::parse, "LENGTH",
             "About so many tokens in a prompt. Default 128.");
  add_parsed(app, "--max-tokens", load.plan.max_tokens, length_distribution::parse, "LENGTH",
             "Tokens of an answer at most. Default 64.");
  app.add_option("--prompts", arguments.prompts_path,
                 "Prompts to send instead, in this order, again and again: JSON lines with prompt and "
                 "max_tokens, or conversations in ShareGPT's format.")
      ->type_name("FILE");
  app.add_flag("--ignore-eos", load.ignore_eos,
               "Ask for answers of exactly --max-tokens, where the server knows ignore_eos.");
  add_seed_option(
      app, [&load](uint64_t seed) { load.plan.seed = seed; },
      "Prompts, lengths and arrivals are a function of it. Default 0.");
}

} // namespace

void add_bench_serve(CLI::App& parent, command& chosen) {
  auto arguments = std::make_shared<serve_arguments>();
  CLI::App* app = parent.add_subcommand("serve", "Rates and latencies of a running server.");
  app->footer(examples);
  app->add_option("--url", arguments->url, "Where the server is. Default http://127.0.0.1:8080.");
  app->add_option("--api-key", arguments->api_key, "Sent as a bearer token.")
      ->check(CLI::Validator(plain_key, "KEY"));
  app->add_option("--api", arguments->api,
                  "chat (/v1/chat/completions, the default) or responses (/v1/responses).")
      ->check(CLI::IsMember({"chat", "responses"}));
  app->add_option("--model", arguments->load.model, "Model to ask for; without it, whatever is served.");
  add_load_options(*app, *arguments);
  add_parsed(*app, "--goodput", arguments->bounds, parse_goodput, "BOUNDS",
             "Count requests within these bounds, in milliseconds: ttft (time to first token), tpot (mean "
             "time between tokens), e2e (end to end), like ttft:500,tpot:50.");
  app->add_option("--output,--json", arguments->output_path, "Write the results to this JSON file too.")
      ->type_name("FILE");
  app->add_option("--html", arguments->html_path, "Write a page with plots to this file.")->type_name("FILE");
  app->callback(
      [arguments, &chosen] { chosen = [arguments](console& io) { return bench_serve(*arguments, io); }; });
}

} // namespace troupe
