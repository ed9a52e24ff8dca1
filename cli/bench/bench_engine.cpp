#include "cli/bench/engine_bench.hpp"
#include "cli/bench/json_file.hpp"
#include "cli/bench/machine.hpp"
#include "cli/command.hpp"
#include "cli/command_settings.hpp"
#include "cli/errors.hpp"
#include "cli/exit_code.hpp"
#include "cli/percentile.hpp"
#include "cli/progress_bar.hpp"
#include "model/attention_windows.hpp"
#include "model/gguf_file.hpp"

#include <algorithm>
#include <chrono>
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

using json = nlohmann::ordered_json;

constexpr const char* examples =
    R"(Times the forward pass alone, in this process: no actors, no network, no sampling. A row is the
median, smallest and largest of the rounds, in tokens per second.

Examples:
  troupe bench engine
  troupe bench engine --threads 1 --cpu-isa avx2 --batch 1,4 --json engine.json)";

constexpr std::string_view keys[] = {"model.path",
                                     "engine.threads",
                                     "engine.cpu_isa",
                                     "engine.device",
                                     "engine.attention_window",
                                     "engine.attention_sinks",
                                     "engine.max_batch_tokens",
                                     "log.level"};

struct engine_arguments {
  flag_values flags;
  std::vector<int32_t> prompts{128, 512, 2048};
  std::vector<int32_t> batches{1, 8, 32};
  int32_t context = 128;
  int32_t steps = 32;
  int32_t rounds = 5;
  std::string json_path;
};

/// What is open while measuring.
struct bench_model {
  std::string name;
  uint64_t file_bytes = 0;
  instruction_set isa = instruction_set::portable;
  std::shared_ptr<const language_model> model;
  double load_seconds = 0; // from the file to ready weights
};

result<bench_model> load(const settings& values, int32_t batch_max, console& io) {
  auto file = gguf_file::open(values.model_path);
  if (!file)
    return forward_error(file);
  auto isa = parse_instruction_set(values.cpu_isa);
  if (!isa)
    return forward_error(isa);
  auto device = parse_compute_device(values.device);
  if (!device)
    return forward_error(device);
  progress_bar bar(io.err, io.err_is_terminal, true, file_name(values.model_path));
  const auto begin = system_clock().now();
  auto model = load_language_model(
      *file,
      {.isa = *isa,
       .window = window_of(values),
       .device = *device,
       .step_tokens_max = std::max(static_cast<int32_t>(values.max_batch_tokens), batch_max),
       .step_sequences_max = batch_max},
      [&bar](size_t done, size_t total) { bar.show(done, total); });
  if (!model)
    return forward_error(model);
  const std::chrono::duration<double> took = system_clock().now() - begin;
  return bench_model{file_name(values.model_path), file->file_bytes(), *isa, *model, took.count()};
}

json rates_json(const summary& rates) {
  return {{"median", rates.p50}, {"min", rates.minimum}, {"max", rates.maximum}, {"rounds", rates.count}};
}

/// Prints a row and puts it into the report; a failure ends the run.
class report {
public:
  report(console& io, json& into) : io_(io), into_(into) {}

  status row(const char* kind, int32_t size, result<std::vector<double>> rates, double bytes_a_token) {
    if (!rates)
      return forward_error(rates);
    summary out = summarize(std::move(*rates));
    io_.out << fmt::format("{:<8} {:>6}  {:>10.1f} {:>10.1f} {:>10.1f}", kind, size, out.p50, out.minimum,
                           out.maximum);
    json entry{{kind == std::string_view("prefill") ? "prompt_tokens" : "batch", size},
               {"tokens_per_s", rates_json(out)}};
    if (bytes_a_token > 0) {
      io_.out << fmt::format("  {:>6.1f}", out.p50 * bytes_a_token / 1e9);
      entry["weights_gb_per_s"] = out.p50 * bytes_a_token / 1e9;
    }
    io_.out << std::endl;
    into_[kind].push_back(std::move(entry));
    return {};
  }

private:
  console& io_;
  json& into_;
};

status measure(const engine_arguments& arguments, const bench_model& loaded, engine_bench& bench,
               report& rows) {
  for (int32_t prompt : arguments.prompts)
    if (auto ok = rows.row("prefill", prompt, bench.prefill(prompt), 0); !ok)
      return ok;
  for (int32_t batch : arguments.batches) {
    // Weights are read once a step, whatever the batch.
    double bytes = static_cast<double>(loaded.model->weight_bytes()) / batch;
    auto rates = bench.decode(batch, arguments.context, arguments.steps);
    if (auto ok = rows.row("decode", batch, std::move(rates), bytes); !ok)
      return ok;
  }
  return {};
}

json head(const engine_arguments& arguments, const settings& values, const bench_model& loaded,
          const engine_bench& bench, int threads, console& io) {
  machine here = describe_machine();
  auto mib = [](size_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  size_t weights = loaded.model->weight_bytes();
  io.out << fmt::format("{}, {} cores\n", here.cpu_model, here.cores)
         << fmt::format("{}, {} threads, {}; troupe {} ({}), {}\n", loaded.model->device(), threads,
                        to_string(loaded.isa), here.version, here.commit, here.compiler)
         << fmt::format("{}: weights {:.1f} MiB in {:.2f} s, KV {:.1f} MiB, scratch {:.1f} MiB\n\n",
                        loaded.name, mib(weights), loaded.load_seconds, mib(bench.kv_bytes()),
                        mib(bench.scratch_bytes()))
         << fmt::format("{:<15}  {:>10} {:>10} {:>10}  {:>6}\n", "tokens/s", "median", "min", "max", "GB/s")
         << std::flush;
  return {{"bench", "engine"},
          {"machine", to_json(here)},
          {"device", loaded.model->device()},
          {"instruction_set", to_string(loaded.isa)},
          {"threads", threads},
          {"attention_window", values.attention_window},
          {"attention_sinks", values.attention_sinks},
          {"model", loaded.name},
          {"file_bytes", loaded.file_bytes},
          {"weight_bytes", weights},
          {"load_seconds", loaded.load_seconds},
          {"kv_bytes", bench.kv_bytes()},
          {"scratch_bytes", bench.scratch_bytes()},
          {"batch_tokens_max", values.max_batch_tokens},
          {"decode_context", arguments.context},
          {"decode_steps", arguments.steps}};
}

/// Leaves out the prompts that the model has no room for. Errors: bad_usage.
status fit(engine_arguments& arguments, int32_t context_max, console& io) {
  std::erase_if(arguments.prompts, [&](int32_t prompt) {
    if (prompt > context_max)
      io.err << fmt::format("left out: prefill {} is past the model's {} tokens", prompt, context_max)
             << std::endl;
    return prompt > context_max;
  });
  if (arguments.context + arguments.steps > context_max)
    return failure(
        cli_error::bad_usage,
        fmt::format("--context and --steps together are past the model's {} tokens.", context_max));
  return {};
}

int bench_engine(engine_arguments arguments, console& io) {
  auto values = local_settings_of(arguments.flags, io);
  if (!values)
    return values.error();
  const int32_t batch_max = *std::ranges::max_element(arguments.batches);
  auto loaded = load(*values, batch_max, io);
  if (!loaded)
    return fail(io, loaded.error().message);
  if (auto ok = fit(arguments, loaded->model->shape().context_length, io); !ok) {
    fail(io, ok.error().message);
    return exit_usage;
  }
  int64_t wanted = values->threads == 0 ? describe_machine().cores : values->threads;
  thread_pool threads(static_cast<int>(std::min<int64_t>(wanted, thread_pool::threads_max)));
  int32_t prompt_max = arguments.prompts.empty() ? 1 : *std::ranges::max_element(arguments.prompts);
  auto made = engine_bench::create(*loaded->model, threads, system_clock(),
                                   {.batch_tokens_max = static_cast<int32_t>(values->max_batch_tokens),
                                    .batch_size_max = batch_max,
                                    .prompt_tokens_max = prompt_max,
                                    .decode_tokens_max = arguments.context + arguments.steps,
                                    .warmup_rounds = 1,
                                    .rounds = arguments.rounds});
  if (!made)
    return fail(io, made.error().message);
  auto& bench = **made;
  json out = head(arguments, *values, *loaded, bench, threads.threads(), io);
  report rows(io, out);
  if (auto ok = measure(arguments, *loaded, bench, rows); !ok)
    return fail(io, ok.error().message);
  if (!arguments.json_path.empty())
    if (auto ok = write_json(arguments.json_path, out); !ok)
      return fail(io, ok.error().message);
  return io.out ? exit_success : exit_failed;
}

} // namespace

void add_bench_engine(CLI::App& parent, command& chosen) {
  auto arguments = std::make_shared<engine_arguments>();
  CLI::App* app = parent.add_subcommand("engine", "Prefill and decode rates of the engine alone.");
  app->footer(examples);
  app->add_option("--prompt-tokens", arguments->prompts, "Prompts to prefill. Default 128,512,2048.")
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 20));
  app->add_option("--batch", arguments->batches, "Sequences to decode at once. Default 1,8,32.")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024));
  app->add_option("--context", arguments->context, "Tokens before the first decoded one. Default 128.")
      ->check(CLI::Range(1, 1 << 20));
  app->add_option("--steps", arguments->steps, "Decode steps of a round. Default 32.")
      ->check(CLI::Range(1, 4096));
  app->add_option("--rounds", arguments->rounds, "Rounds that count, after one to warm up. Default 5.")
      ->check(CLI::Range(1, 1000));
  app->add_option("--json", arguments->json_path, "Write the results to this file too.")->type_name("FILE");
  add_flags(*app, arguments->flags, keys);
  app->callback(
      [arguments, &chosen] { chosen = [arguments](console& io) { return bench_engine(*arguments, io); }; });
}

} // namespace troupe
