#include "base/shared_memory.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <utility>

namespace troupe {

std::optional<shared_memory> shared_memory::create(size_t bytes) {
  file_descriptor file(memfd_create("troupe", MFD_CLOEXEC));
  if (!file || ftruncate(file.get(), static_cast<off_t>(bytes)) != 0)
    return {};
  return open(std::move(file), bytes);
}

std::optional<shared_memory> shared_memory::open(file_descriptor file, size_t bytes) {
  struct stat known {};
  // Touching what lies behind the end of the file would end this process.
  if (fstat(file.get(), &known) != 0 || known.st_size < static_cast<off_t>(bytes))
    return {};
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (at == MAP_FAILED)
    return {};
  return shared_memory(std::move(file), {static_cast<std::byte*>(at), bytes});
}

shared_memory::shared_memory(shared_memory&& other) noexcept
    : file_(std::move(other.file_)), bytes_(std::exchange(other.bytes_, {})) {}

shared_memory::~shared_memory() {
  if (!bytes_.empty())
    munmap(bytes_.data(), bytes_.size());
}

} // namespace troupe
