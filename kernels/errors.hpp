#pragma once

#include <string_view>

namespace troupe {

/// Why a kernel did not run.
enum class kernel_error {
  shape_mismatch = 1,        // a shape, size or pointer in the parameters contradicts another
  unknown_instruction_set,   // not a name of one
  instruction_set_missing,   // this machine or its operating system lacks it
  unsupported_weight_format, // no kernel for weights stored like this
  driver_missing,            // NVIDIA's driver is not here, so no card can be
  library_missing,           // libtroupe_cuda.so is not here, or of another version
  device_missing,            // no card of that number, or one that the kernels do not run on
  device_out_of_memory,      // the card has too little memory free
  device_failed,             // the card or its driver reported an error: it computes no more
};

constexpr std::string_view to_string(kernel_error value) {
  switch (value) {
  case kernel_error::shape_mismatch:
    return "shape_mismatch";
  case kernel_error::unknown_instruction_set:
    return "unknown_instruction_set";
  case kernel_error::instruction_set_missing:
    return "instruction_set_missing";
  case kernel_error::unsupported_weight_format:
    return "unsupported_weight_format";
  case kernel_error::driver_missing:
    return "driver_missing";
  case kernel_error::library_missing:
    return "library_missing";
  case kernel_error::device_missing:
    return "device_missing";
  case kernel_error::device_out_of_memory:
    return "device_out_of_memory";
  case kernel_error::device_failed:
    return "device_failed";
  }
  return "unknown";
}

constexpr std::string_view module_name(kernel_error) {
  return "kernels";
}

} // namespace troupe
