#include "kernels/cuda/open_library.hpp"

#include "kernels/revision.hpp"

#include <dlfcn.h>
#include <filesystem>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace troupe::cuda {

namespace {

constexpr const char* library_name = "libtroupe_cuda.so";
constexpr const char* driver_name = "libcuda.so.1";

tl::unexpected<error> missing(std::string sentence) {
  return failure(kernel_error::library_missing, std::move(sentence));
}

/// Where it is looked for, best first; the last is the loader's business.
std::vector<std::string> candidates() {
  std::vector<std::string> out;
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  if (!ignored)
    for (const char* folder : {".", "kernels/cuda", "../lib"}) {
      auto path = (program.parent_path() / folder / library_name).lexically_normal();
      if (std::filesystem::exists(path, ignored))
        out.push_back(path.string());
    }
  out.emplace_back(library_name);
  return out;
}

std::string last_loader_error() {
  const char* text = dlerror();
  return text != nullptr ? text : "unknown error";
}

} // namespace

result<const library_table*> open_library() {
  void* driver = dlopen(driver_name, RTLD_LAZY | RTLD_LOCAL);
  if (driver == nullptr)
    return failure(kernel_error::driver_missing,
                   fmt::format("there is no NVIDIA driver here ({})", last_loader_error()));
  dlclose(driver);
  void* library = nullptr;
  std::string why;
  for (const auto& path : candidates()) {
    if (library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL); library != nullptr)
      break;
    why += (why.empty() ? "" : "; ") + last_loader_error();
  }
  if (library == nullptr)
    return missing(fmt::format("{} cannot be opened ({}): build with nvcc, or install it beside the program",
                               library_name, why));
  void* found = dlsym(library, library_entry_name);
  if (found == nullptr)
    return missing(fmt::format("{} is not of this program: it has no {}", library_name, library_entry_name));
  const auto* table = reinterpret_cast<library_entry>(found)();
  if (table->version != library_version || table->kernel_revision != cuda_kernel_revision)
    return missing(fmt::format("{} is of another build: version {}, revision {}, wanted {} and {}",
                               library_name, table->version, table->kernel_revision, library_version,
                               cuda_kernel_revision));
  return table; // the library stays open; the loader opens it once, however often it is asked
}

} // namespace troupe::cuda
