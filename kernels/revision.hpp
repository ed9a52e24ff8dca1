#pragma once

#include <cstdint>

namespace troupe {

/// Part of every numeric class. Raise it with each change that alters a bit of any kernel's result.
inline constexpr uint32_t kernel_revision = 1; // of kernels/cpu

/// The same of kernels/cuda.
inline constexpr uint32_t cuda_kernel_revision = 1;

} // namespace troupe
