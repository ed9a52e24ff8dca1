#pragma once

#include <cstdint>

namespace troupe::cuda {

/// d[16, 8] = a[16, 16] b[16, 8] + c in fp32, of fp16; places as mma_16x8x16's.
__device__ inline void mma_16x8x16_halves(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1,
                                          const float (&c)[4]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%10, %11, %12, %13};"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "f"(c[0]), "f"(c[1]), "f"(c[2]),
        "f"(c[3]));
}

/// 16 bytes a lane; address: 16-byte aligned.
__device__ inline void store_shared(uint32_t address, const uint32_t (&words)[4]) {
  asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(words[0]), "r"(words[1]),
               "r"(words[2]), "r"(words[3])
               : "memory");
}

/// The bits of word that mask has, and those of `with`, in one instruction.
__device__ inline uint32_t mask_with(uint32_t word, uint32_t mask, uint32_t with) {
  uint32_t out;
  asm("lop3.b32 %0, %1, %2, %3, 0xEA;" : "=r"(out) : "r"(word), "r"(mask), "r"(with));
  return out;
}

} // namespace troupe::cuda
