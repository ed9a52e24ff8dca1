#pragma once

#include "base/result.hpp"
#include "kernels/errors.hpp"

#include <string_view>
#include <vector>

namespace troupe {

/// What the CPU kernels may use, each including the ones before it. All give the same bits.
enum class instruction_set {
  portable, // plain C++
  avx2,     // AVX2, FMA, F16C
  avx512,   // AVX-512 F, BW, DQ, VL and VNNI
  amx,      // AMX tile and int8 besides
};

/// "portable", "avx2", "avx512", "amx"
std::string_view to_string(instruction_set value);

/// What this machine and its operating system offer, portable first.
std::vector<instruction_set> available_instruction_sets();

/// The widest of them.
instruction_set detect_instruction_set();

/// name: "auto" or one of the names above. Errors: unknown_instruction_set, instruction_set_missing.
result<instruction_set> parse_instruction_set(std::string_view name);

} // namespace troupe
