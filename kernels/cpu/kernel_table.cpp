#include "kernels/cpu/kernel_table.hpp"

namespace troupe {

const kernel_table& kernels_of(instruction_set isa) {
  switch (isa) {
  case instruction_set::portable:
    return portable_kernels();
  case instruction_set::avx2:
    return avx2_kernels();
  case instruction_set::avx512:
    return avx512_kernels();
  case instruction_set::amx:
    break;
  }
  return amx_kernels();
}

} // namespace troupe
