#include "cli/batch/batch_run.hpp"
#include "cli/command.hpp"
#include "cli/command_settings.hpp"
#include "cli/errors.hpp"
#include "cli/exit_code.hpp"
#include "cli/local_node.hpp"
#include "cli/watched_run.hpp"

#include <algorithm>
#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <memory>

namespace troupe {

namespace {

constexpr milliseconds progress_on_terminal{200}, progress_in_log{10'000};

constexpr const char* examples =
    R"(Runs the requests of a file through the engine, in this process and without a server, in OpenAI's batch
format. Each line of IN is {"custom_id": …, "method": "POST", "url": …, "body": {…}}, with the URL
/v1/chat/completions, /v1/completions or /v1/responses; each line of OUT is {"id": …, "custom_id": …,
"response": {"status_code": …, "request_id": …, "body": {…}}, "error": null}, in the order in which they
end.
A line that is no request gets an error in OUT, and the run goes on.

A run that was interrupted, by whatever, goes on when the same command is given again: lines that are
in OUT are kept. A request without a seed gets one that follows from its custom_id, so that the answers
are those of a run without interruption. Ends with exit code 1 if a request failed.

Examples:
  troupe batch questions.jsonl answers.jsonl
  troupe batch questions.jsonl answers.jsonl --model my.gguf --served-model-name gpt-4o-mini)";

constexpr std::string_view keys[] = {"model", "engine", "log"};

struct batch_arguments {
  flag_values flags;
  std::string in_path;
  std::string out_path;
  std::optional<int32_t> concurrency;
};

/// "\r" and the counts on a terminal, now and then a line elsewhere.
class batch_progress {
public:
  batch_progress(console& io, size_t kept, size_t total) : io_(io), kept_(kept), total_(total) {}

  void show(const batch_counts& counts) {
    const auto now = system_clock().now();
    if (now - shown_ < (io_.err_is_terminal ? progress_on_terminal : progress_in_log))
      return;
    shown_ = now;
    const auto text = fmt::format("{} of {} requests", kept_ + counts.done, total_);
    io_.err << (io_.err_is_terminal ? "\r\033[K" + text : "troupe: " + text + "\n") << std::flush;
  }

  void finish() {
    if (io_.err_is_terminal)
      io_.err << "\r\033[K" << std::flush;
  }

private:
  console& io_;
  size_t kept_, total_;
  steady_time shown_ = system_clock().now();
};

/// Results of another batch would get ours mixed in.
status check_kept(const batch_input& input, const batch_results& results, const batch_arguments& arguments) {
  for (const std::string& id : results.ids())
    if (!input.has(id))
      return failure(
          cli_error::output,
          fmt::format("{} has a result for {}, which is not in {}: give another file, or move this "
                      "one away.",
                      arguments.out_path, id.substr(0, 64), arguments.in_path));
  return {};
}

int summarize(const batch_counts& counts, const batch_results& results, size_t total, console& io) {
  const size_t done = results.kept() + counts.done, failed = results.kept_failures() + counts.failed;
  if (counts.signal != 0) {
    fail(io, fmt::format("stopped with {} of {} requests done: the same command goes on from there.", done,
                         total));
    return 128 + counts.signal;
  }
  if (failed > 0)
    return fail(io, fmt::format("{} of {} requests failed: their results say why.", failed, total));
  io.err << fmt::format("troupe: {} requests done.", done) << std::endl;
  return exit_success;
}

/// The file's requests are more than a server would admit at once, and none is in a hurry.
settings for_batch(settings values, int32_t concurrency) {
  values.requests_max = std::max<int64_t>(values.requests_max, concurrency);
  return values;
}

int run_batch(const batch_arguments& arguments, console& io) {
  auto values = local_settings_of(arguments.flags, io);
  if (!values)
    return values.error();
  std::error_code unknown;
  if (std::filesystem::equivalent(arguments.in_path, arguments.out_path, unknown)) {
    fail(io, "IN and OUT are the same file.");
    return exit_usage;
  }
  auto input = batch_input::open(arguments.in_path);
  if (!input)
    return fail(io, input.error().message);
  auto results = batch_results::open(arguments.out_path);
  if (!results)
    return fail(io, results.error().message);
  if (auto ok = check_kept(*input, *results, arguments); !ok)
    return fail(io, ok.error().message);
  if (results->kept() > 0 || results->cut())
    io.err << fmt::format("troupe: {} of {} results are in {} already{}", results->kept(), input->size(),
                          arguments.out_path, results->cut() ? "; a torn last line was cut off" : "")
           << std::endl;
  if (results->kept() >= input->size())
    return summarize({}, *results, input->size(), io);

  const int32_t concurrency =
      arguments.concurrency.value_or(static_cast<int32_t>(2 * values->max_batch_size));
  const auto adapted = for_batch(std::move(*values), concurrency);
  signal_watch signals{SIGINT, SIGTERM};
  result<std::unique_ptr<node>> started;
  run_watched(
      signals, io, [&] { started = start_local_node(adapted, io); }, "ended while loading.");
  if (!started)
    return fail(io, started.error().message);
  batch_progress progress(io, results->kept(), input->size());
  batch_run run((*started)->door(), adapted, system_clock(), {.concurrency = concurrency});
  const auto counts =
      run.run(*input, *results, signals, [&](const batch_counts& now) { progress.show(now); });
  progress.finish();
  started->reset(); // it calls into the run
  if (!counts)
    return fail(io, counts.error().message);
  if (auto ok = results->sync(); !ok)
    return fail(io, ok.error().message);
  return summarize(*counts, *results, input->size(), io);
}

} // namespace

void add_batch(CLI::App& parent, command& chosen) {
  auto arguments = std::make_shared<batch_arguments>();
  CLI::App* app = parent.add_subcommand("batch", "Answer a file of requests, in OpenAI's batch format.");
  app->footer(examples);
  app->add_option("IN", arguments->in_path, "Requests, one a line.")->required()->type_name("FILE");
  app->add_option("OUT", arguments->out_path, "Results; kept and gone on with if it is there.")
      ->required()
      ->type_name("FILE");
  app->add_option("--concurrency", arguments->concurrency,
                  "Requests in flight at most. Default: twice --max-batch-size.")
      ->check(CLI::Range(1, 4096));
  add_flags(*app, arguments->flags, keys);
  app->callback(
      [arguments, &chosen] { chosen = [arguments](console& io) { return run_batch(*arguments, io); }; });
}

} // namespace troupe
