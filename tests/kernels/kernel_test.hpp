#pragma once

#include "kernels/cpu/cpu_stream.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <limits>
#include <vector>

namespace troupe {

/// Outputs start as NaN: an element that a kernel leaves out shows.
inline std::vector<float> poisoned(size_t count) {
  return std::vector<float>(count, std::numeric_limits<float>::quiet_NaN());
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// The activation code of column i of a block, as quantized_rows keeps it.
inline int code_at(const std::vector<int8_t>& codes, size_t block, size_t i) {
  return 16 * codes[block * 64 + i] + codes[block * 64 + 32 + i];
}

/// Calls run(stream) -> std::vector<float> on every path that the machine has, with 1 and with 2 threads; all
/// results must have the same bits. Returns them.
template <class Run>
std::vector<float> on_every_path(const Run& run) {
  thread_pool one(1), two(2);
  const auto expected = run(cpu_stream{instruction_set::portable, one});
  for (auto isa : available_instruction_sets())
    for (auto* threads : {&one, &two}) {
      INFO("instruction set " << to_string(isa) << ", threads " << threads->threads());
      CHECK(same_bits(run(cpu_stream{isa, *threads}), expected));
    }
  return expected;
}

} // namespace troupe
