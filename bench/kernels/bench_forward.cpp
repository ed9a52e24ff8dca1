#include "kernels/cpu/instruction_set.hpp"
#include "model/gguf_file.hpp"
#include "model/language_model.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <numeric>
#include <string>
#include <vector>

/// Tokens per second of the forward pass alone.
/// bench_forward MODEL.gguf [isa=auto] [threads=2] [prompt=512] [decoded=64] [context=0] [sequences=1]
/// context: positions that are in the pages (unwritten) before the decoded ones.
namespace {

using namespace troupe;
using clock_type = std::chrono::steady_clock;

/// Of all threads: on a machine that others use, the figure that stays put.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double seconds_since(clock_type::time_point start) {
  return std::chrono::duration<double>(clock_type::now() - start).count();
}

struct bench {
  const language_model& model;
  forward_scratch& scratch;
  thread_pool& threads;
  aligned_buffer& pages;
  std::vector<std::vector<page_id>> tables; // one a sequence
  std::vector<float> logits;
  std::vector<double> cpu_times;

  /// Smallest CPU time of a step since the last call.
  double best_cpu() {
    const double best = *std::min_element(cpu_times.begin(), cpu_times.end());
    cpu_times.clear();
    return best;
  }

  /// One step in which every sequence computes `count` tokens from `position` on.
  double step(int32_t position, int32_t count) {
    std::vector<token_id> tokens(static_cast<size_t>(count));
    for (size_t i = 0; i < tokens.size(); ++i)
      tokens[i] = static_cast<token_id>((i * 7919 + 17) % static_cast<size_t>(model.shape().vocabulary));
    std::vector<sequence_slice> slices;
    for (const auto& table : tables)
      slices.push_back({tokens, position, table, 1});
    const auto start = clock_type::now();
    const auto cpu = cpu_seconds();
    const auto done = model.forward(slices, {pages.data(), pages.size()}, scratch, threads, logits);
    const double took = seconds_since(start);
    cpu_times.push_back(cpu_seconds() - cpu);
    if (!done)
      fmt::print("{}\n", done.error().what());
    return took;
  }
};

int64_t argument(int argc, char** argv, int index, int64_t absent) {
  return index < argc ? std::atoll(argv[index]) : absent;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print("usage: bench_forward MODEL.gguf [isa] [threads] [prompt] [decoded] [context] [sequences]\n");
    return 1;
  }
  const auto file = gguf_file::open(argv[1]);
  const auto isa = parse_instruction_set(argc > 2 ? argv[2] : "auto");
  if (!file || !isa) {
    fmt::print("{}\n", !file ? file.error().what() : isa.error().what());
    return 1;
  }
  const auto start = clock_type::now();
  const auto model = load_language_model(*file, {.isa = *isa});
  if (!model) {
    fmt::print("{}\n", model.error().what());
    return 1;
  }
  fmt::print("{}: loaded in {:.2f} s, {:.1f} MB\n", to_string(*isa), seconds_since(start),
             static_cast<double>((*model)->weight_bytes()) / 1e6);
  thread_pool threads(static_cast<int>(argument(argc, argv, 3, 2)));
  const auto prompt = static_cast<int32_t>(argument(argc, argv, 4, 512));
  const auto decoded = static_cast<int32_t>(argument(argc, argv, 5, 64));
  const auto context = static_cast<int32_t>(argument(argc, argv, 6, 0));
  const auto sequences = static_cast<int32_t>(argument(argc, argv, 7, 1));
  const auto pages_each = (std::max(prompt, context + decoded) + page_tokens - 1) / page_tokens;
  forward_scratch scratch((*model)->shape(), std::max(prompt, 1) * sequences);
  aligned_buffer pages(static_cast<size_t>(pages_each * sequences) * (*model)->page_bytes());
  bench run{**model, scratch, threads, pages, {}, {}, {}};
  for (int32_t s = 0; s < sequences; ++s) {
    run.tables.emplace_back(static_cast<size_t>(pages_each));
    std::iota(run.tables.back().begin(), run.tables.back().end(), s * pages_each);
  }
  run.logits.resize(static_cast<size_t>(sequences) * static_cast<size_t>((*model)->shape().vocabulary));
  std::vector<double> times;
  for (int i = 0; i < 5 && prompt > 0; ++i)
    times.push_back(run.step(0, prompt));
  if (!times.empty()) {
    std::sort(times.begin(), times.end());
    fmt::print("prefill {} x {}: best {:.1f}, median {:.1f} tokens/s, CPU {:.1f} ms a step\n", sequences,
               prompt, sequences * prompt / times.front(), sequences * prompt / times[times.size() / 2],
               run.best_cpu() * 1e3);
  }
  times.clear();
  for (int32_t i = 0; i < decoded; ++i)
    times.push_back(run.step(context + i, 1));
  std::sort(times.begin(), times.end());
  if (!times.empty())
    fmt::print(
        "decode {} sequences at {}: best {:.1f}, median {:.1f} tokens/s ({:.2f} ms a step), CPU {:.2f} ms\n",
        sequences, context, sequences / times.front(), sequences / times[times.size() / 2],
        times[times.size() / 2] * 1e3, run.best_cpu() * 1e3);
  return 0;
}
