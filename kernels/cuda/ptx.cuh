#pragma once

#include <cstdint>
#include <cuda.h>

/// The sm_90 instructions that C++ has no name for. Names follow the PTX ISA 9.0 sections they wrap.
namespace troupe::cuda {

__device__ inline uint32_t shared_address(const void* pointer) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}

// Programmatic dependent launch
// -------------------------------------------------------------------------------

/// Blocks until the kernels before this one have ended and their writes are visible.
__device__ inline void wait_for_previous_kernels() {
  asm volatile("griddepcontrol.wait;" ::: "memory");
}

/// Lets the next kernel on the stream start as soon as there is room for it.
__device__ inline void let_next_kernel_start() {
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
}

// mbarrier
// ----------------------------------------------------------------------------------------------------

__device__ inline void barrier_init(uint32_t barrier, uint32_t arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

__device__ inline void barrier_init_fence() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

__device__ inline void barrier_expect_bytes(uint32_t barrier, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}

__device__ inline void barrier_arrive(uint32_t barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

/// Arrives if `does`, without a branch.
__device__ inline void barrier_arrive_if(bool does, uint32_t barrier) {
  asm volatile("{ .reg .pred does; setp.ne.b32 does, %1, 0;\n"
               "@does mbarrier.arrive.shared::cta.b64 _, [%0]; }" ::"r"(barrier),
               "r"(int32_t(does))
               : "memory");
}

/// Whether the phase has ended; asks at least once, and looks at the answer when the caller does.
__device__ inline bool barrier_has_ended(uint32_t barrier, uint32_t parity) {
  uint32_t done;
  asm volatile("{ .reg .pred done;\n"
               "mbarrier.try_wait.parity.shared::cta.b64 done, [%1], %2;\n"
               "selp.u32 %0, 1, 0, done; }"
               : "=r"(done)
               : "r"(barrier), "r"(parity)
               : "memory");
  return done != 0;
}

/// Block scope. Cluster scope (acquire.cluster) would invalidate the L1 at each wait, and release.cluster
/// fence the whole device at each arrival: 0.8 us a stage on an H100.
__device__ inline void barrier_wait(uint32_t barrier, uint32_t parity) {
  asm volatile("{ .reg .pred done;\n"
               "again: mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
               "@!done bra again; }" ::"r"(barrier),
               "r"(parity)
               : "memory");
}

/// Waits until `threads` threads have come to barrier `id` (1 to 15), here or by named_barrier_arrive.
__device__ inline void named_barrier_wait(int32_t id, int32_t threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

__device__ inline void named_barrier_arrive(int32_t id, int32_t threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

// Bulk tensor copies
// ------------------------------------------------------------------------------------------

inline constexpr uint64_t evict_first = 0x12F0000000000000; // CUTLASS's encodings of createpolicy results
inline constexpr uint64_t evict_last = 0x14F0000000000000;

__device__ inline void tensor_copy(uint32_t target, const CUtensorMap* map, int32_t x, int32_t y, int32_t z,
                                   uint32_t barrier, uint64_t policy) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.L2::cache_hint"
      " [%0], [%1, {%2, %3, %4}], [%5], %6;" ::"r"(target),
      "l"(map), "r"(x), "r"(y), "r"(z), "r"(barrier), "l"(policy)
      : "memory");
}

__device__ inline void tensor_copy(uint32_t target, const CUtensorMap* map, int32_t x, int32_t y, int32_t z,
                                   int32_t u, int32_t v, uint32_t barrier, uint64_t policy) {
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.L2::cache_hint"
      " [%0], [%1, {%2, %3, %4, %5, %6}], [%7], %8;" ::"r"(target),
      "l"(map), "r"(x), "r"(y), "r"(z), "r"(u), "r"(v), "r"(barrier), "l"(policy)
      : "memory");
}

/// Bytes: a multiple of 16, as both addresses.
__device__ inline void bulk_copy(uint32_t target, const void* source, uint32_t bytes, uint32_t barrier,
                                 uint64_t policy) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint"
               " [%0], [%1], %2, [%3], %4;" ::"r"(target),
               "l"(source), "r"(bytes), "r"(barrier), "l"(policy)
               : "memory");
}

__device__ inline void tensor_map_prefetch(const CUtensorMap* map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

// wgmma
// -------------------------------------------------------------------------------------------------------

/// Shared-memory matrix, K contiguous, rows of 64 bf16 under the 128-byte swizzle; 8 rows every 1,024 bytes.
__device__ inline uint64_t swizzled_matrix(uint32_t address) {
  return uint64_t((address & 0x3FFFF) >> 4) | uint64_t(1) << 16 | uint64_t(1024 >> 4) << 32 |
         uint64_t(1) << 62;
}

__device__ inline void wgmma_fence() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

__device__ inline void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

template <int Pending>
__device__ inline void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Pending) : "memory");
}

/// d[64, Columns] += a[64, 16] b[Columns, 16]^T in fp32. Thread t of the four warps holds rows 16 (t / 32) +
/// (t % 32) / 4 + {0, 8} and columns 8 j + 2 (t % 4) + {0, 1}: d[4 j + 2 (row half) + (column parity)].
template <int Columns>
__device__ inline void wgmma(float (&d)[Columns / 2], uint64_t a, uint64_t b);

#define TROUPE_F4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])

template <>
__device__ inline void wgmma<8>(float (&d)[4], uint64_t a, uint64_t b) {
  asm volatile("wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%0, %1, %2, %3}, %4, %5, 1, 1, 1, 0, 0;"
               : TROUPE_F4(0)
               : "l"(a), "l"(b));
}

template <>
__device__ inline void wgmma<16>(float (&d)[8], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7}, %8, %9, "
      "1, 1, 1, 0, 0;"
      : TROUPE_F4(0), TROUPE_F4(4)
      : "l"(a), "l"(b));
}

template <>
__device__ inline void wgmma<32>(float (&d)[16], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, "
      "%10, %11, %12, %13, %14, %15}, %16, %17, 1, 1, 1, 0, 0;"
      : TROUPE_F4(0), TROUPE_F4(4), TROUPE_F4(8), TROUPE_F4(12)
      : "l"(a), "l"(b));
}

template <>
__device__ inline void wgmma<64>(float (&d)[32], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, "
      "%10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, "
      "%29, %30, %31}, %32, %33, 1, 1, 1, 0, 0;"
      : TROUPE_F4(0), TROUPE_F4(4), TROUPE_F4(8), TROUPE_F4(12), TROUPE_F4(16), TROUPE_F4(20), TROUPE_F4(24),
        TROUPE_F4(28)
      : "l"(a), "l"(b));
}

#undef TROUPE_F4

// mma.sync, ldmatrix, cp.async
// --------------------------------------------------------------------------------

/// d[16, 8] += a[16, 16] b[16, 8] in fp32. Lane l holds rows l / 4 + {0, 8}, columns 2 (l % 4) + {0, 1}.
__device__ inline void mma_16x8x16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
               "{%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ inline void load_matrices(uint32_t (&out)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(address)
               : "memory");
}

/// 16 bytes a lane; address: 16-byte aligned.
__device__ inline void load_shared(uint32_t (&out)[4], uint32_t address) {
  asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(address)
               : "memory");
}

__device__ inline void load_matrices_transposed(uint32_t (&out)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(address)
               : "memory");
}

/// 16 bytes to shared memory, asynchronously; zeros where `is_there` is false.
__device__ inline void copy_16_bytes(uint32_t target, const void* source, bool is_there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(source),
               "r"(is_there ? 16 : 0)
               : "memory");
}

__device__ inline void copies_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

template <int Pending>
__device__ inline void copies_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

} // namespace troupe::cuda
