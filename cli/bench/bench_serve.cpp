#include "cli/bench/http_url.hpp"
#include "cli/bench/json_file.hpp"
#include "cli/bench/machine.hpp"
#include "cli/bench/serve_load.hpp"
#include "cli/bench/serve_report.hpp"
#include "cli/command.hpp"
#include "cli/command_settings.hpp"
#include "cli/exit_code.hpp"
#include "cli/seed_option.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

constexpr const char* examples =
    R"(Streams chat completions from a running server (this one or any other with the OpenAI API) and
reports rates and latencies. Without --rate the loop is closed: --concurrency requests are always in
flight. With --rate requests arrive at random (Poisson) at that mean rate, with at most
--concurrency in flight; one that must wait is timed from when it was due. Every request has a
connection of its own and another prompt; temperature is 0. Ends with exit code 1 if one failed.

Examples:
  troupe bench serve --concurrency 8 --requests 100
  troupe bench serve --url http://10.0.0.5:8080 --rate 4 --concurrency 64 --requests 500)";

struct serve_arguments {
  std::string url = "http://127.0.0.1:8080";
  std::string api_key;
  std::string json_path;
  serve_load_options load;
};

nlohmann::ordered_json describe(const serve_arguments& arguments, const serve_report& report) {
  const serve_load_options& load = arguments.load;
  return {{"bench", "serve"},
          {"client", to_json(describe_machine())},
          {"url", arguments.url},
          {"model", load.model},
          {"requests", load.requests},
          {"concurrency", load.concurrency},
          {"rate", load.rate},
          {"prompt_tokens_wanted", load.prompt_tokens},
          {"max_tokens", load.max_tokens},
          {"seed", load.seed},
          {"result", to_json(report)}};
}

int bench_serve(serve_arguments arguments, console& io) {
  auto url = parse_http_url(arguments.url);
  if (!url) {
    fail(io, url.error().message);
    return exit_usage;
  }
  http_client_options options{.host = url->host, .port = url->port, .headers = {}};
  if (!arguments.api_key.empty())
    options.headers.emplace_back("Authorization", "Bearer " + arguments.api_key);
  arguments.load.path = url->prefix + arguments.load.path;
  http_stream_client client(std::move(options));
  serve_load load(client, system_clock(), arguments.load);
  auto records = load.run([&](size_t done) {
    if (io.err_is_terminal)
      io.err << fmt::format("\r\033[K{}/{} requests", done, arguments.load.requests) << std::flush;
  });
  if (io.err_is_terminal)
    io.err << "\r\033[K" << std::flush;
  serve_report report = make_report(records);
  print(report, io.out);
  if (!arguments.json_path.empty())
    if (auto ok = write_json(arguments.json_path, describe(arguments, report)); !ok)
      return fail(io, ok.error().message);
  if (!report.problems.empty())
    return fail(io,
                fmt::format("{} of {} requests failed.", records.size() - report.completed, records.size()));
  return io.out ? exit_success : exit_failed;
}

/// A header's value must not end its line.
std::string plain_key(const std::string& key) {
  bool plain = !key.empty() && key.size() <= 4096;
  for (char c : key)
    plain = plain && c > ' ' && c < '\x7f';
  return plain ? "" : "a key is 1 to 4096 printable characters without spaces";
}

} // namespace

void add_bench_serve(CLI::App& parent, command& chosen) {
  auto arguments = std::make_shared<serve_arguments>();
  serve_load_options& load = arguments->load;
  CLI::App* app = parent.add_subcommand("serve", "Rates and latencies of a running server.");
  app->footer(examples);
  app->add_option("--url", arguments->url, "Where the server is. Default http://127.0.0.1:8080.");
  app->add_option("--api-key", arguments->api_key, "Sent as a bearer token.")
      ->check(CLI::Validator(plain_key, "KEY"));
  app->add_option("--model", load.model, "Model to ask for; without it, whatever is served.");
  app->add_option("--requests", load.requests, "Requests in all. Default 100.")
      ->check(CLI::Range(1, 100'000));
  app->add_option("--concurrency", load.concurrency, "Requests in flight at most. Default 8.")
      ->check(CLI::Range(1, 10'000));
  app->add_option("--rate", load.rate, "Open loop: mean arrivals per second.")
      ->check(CLI::Range(0.001, 100'000.0));
  app->add_option("--prompt-tokens", load.prompt_tokens, "About so many tokens in a prompt. Default 128.")
      ->check(CLI::Range(1, 1 << 20));
  app->add_option("--max-tokens", load.max_tokens, "Tokens of an answer at most. Default 64.")
      ->check(CLI::Range(1, 1 << 20));
  add_seed_option(
      *app, [&load](uint64_t seed) { load.seed = seed; },
      "Prompts and arrivals are a function of it. Default 0.");
  app->add_option("--json", arguments->json_path, "Write the results to this file too.")->type_name("FILE");
  app->callback(
      [arguments, &chosen] { chosen = [arguments](console& io) { return bench_serve(*arguments, io); }; });
}

} // namespace troupe
