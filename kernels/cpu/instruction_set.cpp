#include "kernels/cpu/instruction_set.hpp"

#include <array>
#include <cpuid.h>
#include <cstdint>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace troupe {

namespace {

constexpr std::array all_sets{instruction_set::portable, instruction_set::avx2, instruction_set::avx512,
                              instruction_set::amx};

struct registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

registers cpuid(uint32_t leaf, uint32_t subleaf) {
  registers out;
  if (__get_cpuid_count(leaf, subleaf, &out.eax, &out.ebx, &out.ecx, &out.edx) == 0)
    return {};
  return out;
}

bool has_all(uint32_t value, uint32_t wanted) {
  return (value & wanted) == wanted;
}

constexpr uint32_t bit(int index) {
  return uint32_t{1} << index;
}

/// XCR0: the register state that the operating system saves (Intel SDM volume 1, section 13.3).
uint32_t saved_state() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

/// Linux hands out the AMX tile registers on request only (Documentation/arch/x86/xstate.rst).
bool request_tiles() {
  constexpr long arch_req_xcomp_perm = 0x1023;
  constexpr long xfeature_xtiledata = 18;
  return syscall(SYS_arch_prctl, arch_req_xcomp_perm, xfeature_xtiledata) == 0;
}

bool machine_has(instruction_set set) {
  if (set == instruction_set::portable)
    return true;
  const auto basic = cpuid(1, 0);
  const auto extended = cpuid(7, 0);
  const uint32_t osxsave = bit(27), avx = bit(28), fma = bit(12), f16c = bit(29);
  if (!has_all(basic.ecx, osxsave | avx | fma | f16c) || !has_all(extended.ebx, bit(5))) // AVX2
    return false;
  const auto saved = saved_state();
  if (!has_all(saved, 0x6)) // SSE, AVX
    return false;
  if (set == instruction_set::avx2)
    return true;
  const uint32_t f = bit(16), dq = bit(17), bw = bit(30), vl = bit(31), vnni = bit(11);
  if (!has_all(extended.ebx, f | dq | bw | vl) || !has_all(extended.ecx, vnni) || !has_all(saved, 0xe6))
    return false;
  if (set == instruction_set::avx512)
    return true;
  const uint32_t amx_tile = bit(24), amx_int8 = bit(25);
  return has_all(extended.edx, amx_tile | amx_int8) && has_all(saved, bit(17) | bit(18)) && request_tiles();
}

} // namespace

std::string_view to_string(instruction_set value) {
  switch (value) {
  case instruction_set::portable:
    return "portable";
  case instruction_set::avx2:
    return "avx2";
  case instruction_set::avx512:
    return "avx512";
  case instruction_set::amx:
    return "amx";
  }
  return "unknown";
}

std::vector<instruction_set> available_instruction_sets() {
  std::vector<instruction_set> out;
  for (auto set : all_sets)
    if (machine_has(set))
      out.push_back(set);
  return out;
}

instruction_set detect_instruction_set() {
  return available_instruction_sets().back();
}

result<instruction_set> parse_instruction_set(std::string_view name) {
  if (name == "auto")
    return detect_instruction_set();
  for (auto set : all_sets) {
    if (name != to_string(set))
      continue;
    if (!machine_has(set))
      return failure(
          kernel_error::instruction_set_missing,
          fmt::format("this machine has no {}; use auto or {}", name, to_string(detect_instruction_set())));
    return set;
  }
  return failure(kernel_error::unknown_instruction_set,
                 fmt::format("\"{}\" is none of auto, portable, avx2, avx512, amx", name.substr(0, 64)));
}

} // namespace troupe
