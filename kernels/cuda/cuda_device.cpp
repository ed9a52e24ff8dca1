#include "kernels/cuda/cuda_device.hpp"

#include "kernels/cuda/open_library.hpp"

#include <fmt/format.h>

namespace troupe::cuda {

namespace {

constexpr int32_t capability_wanted = 9; // of sm_90a: wgmma and the copy engine

} // namespace

result<std::shared_ptr<const cuda_device>> cuda_device::open(int32_t index) {
  auto library = open_library();
  if (!library)
    return forward_error(library);
  return open(**library, index);
}

result<std::shared_ptr<const cuda_device>> cuda_device::open(const library_table& library, int32_t index) {
  int32_t count = 0;
  if (library.device.count(count) != launch_status::ok)
    return failure(kernel_error::device_missing,
                   fmt::format("no NVIDIA card can be used here: {}",
                               library.device.error_text(library.last_device_error())));
  if (index < 0 || index >= count)
    return failure(kernel_error::device_missing,
                   fmt::format("there is no cuda:{}: this machine has {} NVIDIA card{}", index, count,
                               count == 1 ? "" : "s"));
  device_description described{};
  if (library.device.use(index) != launch_status::ok ||
      library.device.describe(index, described) != launch_status::ok)
    return failure(kernel_error::device_missing,
                   fmt::format("cuda:{} cannot be used: {}", index,
                               library.device.error_text(library.last_device_error())));
  if (described.capability_major != capability_wanted)
    return failure(kernel_error::device_missing,
                   fmt::format("cuda:{} is a {} of compute capability {}.{}: the kernels run on {}.0 only",
                               index, described.name, described.capability_major, described.capability_minor,
                               capability_wanted));
  return std::shared_ptr<const cuda_device>(new cuda_device(library, index, described));
}

cuda_device::cuda_device(const library_table& library, int32_t index, const device_description& described)
    : library_(library), index_(index), name_(fmt::format("cuda:{}", index)), described_(described) {}

status cuda_device::use() const {
  return check(calls().use(index_), "choosing the card");
}

result<size_t> cuda_device::free_bytes() const {
  device_description now{};
  if (auto done = check(calls().describe(index_, now), "asking for its free memory"); !done)
    return forward_error(done);
  return now.free_bytes;
}

status cuda_device::check(launch_status answer, std::string_view what) const {
  switch (answer) {
  case launch_status::ok:
    return {};
  case launch_status::shape_mismatch:
  case launch_status::unsupported: {
    const auto wrong = library_.last_mismatch();
    return failure(kernel_error::shape_mismatch, fmt::format("{}: {}: {}: expected {}, got {}", name_, what,
                                                             wrong.name, wrong.expected, wrong.got));
  }
  case launch_status::launch_failed:
    return failure(kernel_error::device_failed, fmt::format("{}: {}: {} (CUDA error {})", name_, what,
                                                            calls().error_text(library_.last_device_error()),
                                                            library_.last_device_error()));
  case launch_status::library_missing:
    break;
  }
  return failure(kernel_error::device_failed,
                 fmt::format("{}: {}: cuBLASLt or the driver lacks what it takes (error {})", name_, what,
                             library_.last_device_error()));
}

} // namespace troupe::cuda
