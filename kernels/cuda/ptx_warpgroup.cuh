#pragma once

#include "kernels/cuda/ptx.cuh"

/// wgmma as attention uses it, registers between warpgroups, and barriers of some warpgroups. sm_90a.
namespace troupe::cuda {

/// V's shared-memory matrix, [keys, 64 columns a chunk] under the 128-byte swizzle: N contiguous.
/// chunk_bytes: from 64 columns to the next.
__device__ inline uint64_t swizzled_matrix_n_major(uint32_t address, uint32_t chunk_bytes) {
  return uint64_t((address & 0x3FFFF) >> 4) | uint64_t(chunk_bytes >> 4) << 16 | uint64_t(1024 >> 4) << 32 |
         uint64_t(1) << 62;
}

/// Keeps the compiler from moving reads or writes of accumulators across this place.
template <int Count>
__device__ inline void pin(float (&d)[Count]) {
#pragma unroll
  for (int32_t i = 0; i < Count; ++i)
    asm volatile("" : "+f"(d[i])::"memory");
}

template <uint32_t Count>
__device__ inline void registers_raise() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Count));
}

template <uint32_t Count>
__device__ inline void registers_lower() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Count));
}

/// Ordinary writes to shared memory before it are seen by wgmma and the copy engine after the next barrier.
__device__ inline void shared_writes_fence() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

/// d[64, Columns] = keep ? d : 0, += a[64, 16] b, from shared memory, b as [Columns, 16] with K contiguous.
/// Layout of d: wgmma() in ptx.cuh.
template <int Columns>
__device__ inline void wgmma_scores(float (&d)[Columns / 2], uint64_t a, uint64_t b, int32_t keep);

/// The same with a in registers (as mma's a, 16 rows a warp) and b as [16, Columns] with N contiguous.
template <int Columns>
__device__ inline void wgmma_weigh(float (&d)[Columns / 2], const uint32_t (&a)[4], uint64_t b, int32_t keep);

#define TROUPE_F4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define TROUPE_F16(i) TROUPE_F4(i), TROUPE_F4(i + 4), TROUPE_F4(i + 8), TROUPE_F4(i + 12)

template <>
__device__ inline void wgmma_scores<128>(float (&d)[64], uint64_t a, uint64_t b, int32_t keep) {
  asm volatile(
      "{ .reg .pred keep; setp.ne.b32 keep, %66, 0; wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
      "%64, %65, keep, 1, 1, 0, 0; }"
      : TROUPE_F16(0), TROUPE_F16(16), TROUPE_F16(32), TROUPE_F16(48)
      : "l"(a), "l"(b), "r"(keep));
}

template <>
__device__ inline void wgmma_weigh<64>(float (&d)[32], const uint32_t (&a)[4], uint64_t b, int32_t keep) {
  asm volatile(
      "{ .reg .pred keep; setp.ne.b32 keep, %37, 0; wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
      "{%32, %33, %34, %35}, %36, keep, 1, 1, 1; }"
      : TROUPE_F16(0), TROUPE_F16(16)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(keep));
}

template <>
__device__ inline void wgmma_weigh<128>(float (&d)[64], const uint32_t (&a)[4], uint64_t b, int32_t keep) {
  asm volatile(
      "{ .reg .pred keep; setp.ne.b32 keep, %69, 0; wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
      "{%64, %65, %66, %67}, %68, keep, 1, 1, 1; }"
      : TROUPE_F16(0), TROUPE_F16(16), TROUPE_F16(32), TROUPE_F16(48)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(keep));
}

#undef TROUPE_F16
#undef TROUPE_F4

} // namespace troupe::cuda
