#include "cli/bench/attention_bench.hpp"
#include "cli/bench/json_file.hpp"
#include "cli/bench/machine.hpp"
#include "cli/command.hpp"
#include "cli/command_settings.hpp"
#include "cli/exit_code.hpp"
#include "cli/percentile.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

using json = nlohmann::ordered_json;

constexpr const char* examples =
    R"(Times the attention of one layer alone, over random keys, without and with a window, in turns; the sizes
default to SmolLM2-135M's. KV bytes are those of the pages that the queries see.

Examples:
  troupe bench attention
  troupe bench attention --tokens 32768 --attention-window 4096 --attention-sinks 16 --heads 32 --kv-heads 8)";

constexpr std::string_view keys[] = {"engine.threads", "engine.cpu_isa", "log.level"};

struct attention_arguments {
  flag_values flags;
  attention_bench_options sizes;
  attention_window window{2048, 4};
  int32_t rounds = 5;
  int32_t repeats = 20; // of a decode step
  std::string json_path;
};

/// Without and with the window.
struct pair_of_runs {
  std::vector<double> full, windowed;
};

struct measured {
  pair_of_runs prefill, decode; // us
};

result<measured> measure(const attention_arguments& arguments, attention_bench& bench) {
  if (auto ok = bench.fill(); !ok)
    return forward_error(ok);
  measured out;
  for (int32_t round = -1; round < arguments.rounds; ++round) { // one to warm up
    for (const bool limited : {false, true}) {
      const auto window = limited ? arguments.window : attention_window{};
      auto prefill = bench.prefill_us(window);
      if (!prefill)
        return forward_error(prefill);
      auto decode = bench.decode_us(window, arguments.repeats);
      if (!decode)
        return forward_error(decode);
      if (round < 0)
        continue;
      (limited ? out.prefill.windowed : out.prefill.full).push_back(*prefill);
      (limited ? out.decode.windowed : out.decode.full).push_back(*decode);
    }
  }
  return out;
}

json row(const char* name, const pair_of_runs& times, size_t full_bytes, size_t windowed_bytes, console& io) {
  const auto full = summarize(times.full), windowed = summarize(times.windowed);
  const auto saved = [](double part, double whole) { return 100 * (1 - part / whole); };
  const auto bytes_saved = saved(static_cast<double>(windowed_bytes), static_cast<double>(full_bytes));
  io.out << fmt::format("{:<8} {:>12.0f} {:>12.0f} {:>7.1f}%   {:>10.1f} {:>10.1f} {:>7.1f}%\n", name,
                        full.p50, windowed.p50, saved(windowed.p50, full.p50),
                        static_cast<double>(full_bytes) / 1e6, static_cast<double>(windowed_bytes) / 1e6,
                        bytes_saved)
         << std::flush;
  const auto times_json = [](const summary& us) {
    return json{{"median", us.p50}, {"min", us.minimum}, {"max", us.maximum}, {"rounds", us.count}};
  };
  return {{"full_us", times_json(full)},
          {"windowed_us", times_json(windowed)},
          {"time_saved_percent", saved(windowed.p50, full.p50)},
          {"full_kv_bytes", full_bytes},
          {"windowed_kv_bytes", windowed_bytes},
          {"kv_bytes_saved_percent", bytes_saved}};
}

int bench_attention(const attention_arguments& arguments, console& io) {
  const auto loaded = settings_of(arguments.flags, io);
  if (!loaded)
    return loaded.error();
  const auto isa = parse_instruction_set(loaded->values.cpu_isa);
  if (!isa)
    return fail(io, isa.error().message);
  const auto here = describe_machine();
  const int64_t wanted = loaded->values.threads == 0 ? here.cores : loaded->values.threads;
  thread_pool threads(static_cast<int>(std::min<int64_t>(wanted, thread_pool::threads_max)));
  const cpu_stream stream{*isa, threads};
  attention_bench bench(arguments.sizes, stream, system_clock());
  const auto& sizes = arguments.sizes;
  const auto& window = arguments.window;
  io.out << fmt::format("{}, {} cores\n{} threads, {}; troupe {} ({}), {}\n", here.cpu_model, here.cores,
                        threads.threads(), to_string(*isa), here.version, here.commit, here.compiler)
         << fmt::format("one layer, {} tokens, {} heads, {} kv heads of {}; window {}, sinks {}\n\n",
                        sizes.tokens, sizes.heads, sizes.kv_heads, sizes.head_dim, window.positions,
                        window.sinks)
         << fmt::format("{:<8} {:>12} {:>12} {:>8}   {:>10} {:>10} {:>8}\n", "median", "full us", "window us",
                        "less", "full MB", "window MB", "less")
         << std::flush;
  const auto times = measure(arguments, bench);
  if (!times)
    return fail(io, times.error().message);
  json out{{"bench", "attention"},
           {"machine", to_json(here)},
           {"instruction_set", to_string(*isa)},
           {"threads", threads.threads()},
           {"tokens", sizes.tokens},
           {"heads", sizes.heads},
           {"kv_heads", sizes.kv_heads},
           {"head_dim", sizes.head_dim},
           {"step_tokens", sizes.step_tokens},
           {"attention_window", window.positions},
           {"attention_sinks", window.sinks}};
  out["prefill"] = row("prefill", times->prefill, bench.prefill_bytes({}), bench.prefill_bytes(window), io);
  out["decode"] = row("decode", times->decode, bench.decode_bytes({}), bench.decode_bytes(window), io);
  if (!arguments.json_path.empty())
    if (auto ok = write_json(arguments.json_path, out); !ok)
      return fail(io, ok.error().message);
  return io.out ? exit_success : exit_failed;
}

} // namespace

void add_bench_attention(CLI::App& parent, command& chosen) {
  auto arguments = std::make_shared<attention_arguments>();
  CLI::App* app = parent.add_subcommand("attention", "Attention alone, without and with a sliding window.");
  app->footer(examples);
  auto& sizes = arguments->sizes;
  app->add_option("--tokens", sizes.tokens, "Length of the sequence. Default 16384.")
      ->check(CLI::Range(1, 1 << 20));
  app->add_option("--attention-window", arguments->window.positions,
                  "Positions that a query sees. Default 2048.")
      ->check(CLI::Range(1, 1 << 20));
  app->add_option("--attention-sinks", arguments->window.sinks,
                  "First positions that every query sees. Default 4.")
      ->check(CLI::Range(0, 1 << 20));
  app->add_option("--heads", sizes.heads, "Query heads. Default 9.")->check(CLI::Range(1, 1024));
  app->add_option("--kv-heads", sizes.kv_heads, "Key-value heads. Default 3.")->check(CLI::Range(1, 1024));
  app->add_option("--head-dim", sizes.head_dim, "Elements of a head. Default 64.")
      ->check(CLI::Range(16, 256));
  app->add_option("--rounds", arguments->rounds, "Rounds that count, after one to warm up. Default 5.")
      ->check(CLI::Range(1, 1000));
  app->add_option("--json", arguments->json_path, "Write the results to this file too.")->type_name("FILE");
  add_flags(*app, arguments->flags, keys);
  app->callback([arguments, &chosen] {
    chosen = [arguments](console& io) { return bench_attention(*arguments, io); };
  });
}

} // namespace troupe
