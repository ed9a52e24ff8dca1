#include "model/gguf_mapping.hpp"

#include "model/errors.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace troupe {

namespace {

class descriptor {
public:
  explicit descriptor(int number) : number_(number) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (number_ >= 0)
      ::close(number_);
  }
  int number() const { return number_; }
  int release() { return std::exchange(number_, -1); }

private:
  int number_;
};

tl::unexpected<error> system_failure(const std::filesystem::path& path, std::string_view action) {
  return failure(model_error::cannot_open, fmt::format("{}: cannot {}: {}", path.string(), action,
                                                       std::generic_category().message(errno)));
}

/// A wish: where it is not granted, the file is read all the same. A lease that somebody wants to break is
/// announced by a signal, which nobody needs here: it goes to no process, and is one that is ignored by
/// default until that is set.
void lease(int file) {
  if (::fcntl(file, F_SETSIG, SIGURG) == 0 && ::fcntl(file, F_SETLEASE, F_RDLCK) == 0)
    ::fcntl(file, F_SETOWN, 0);
}

} // namespace

result<gguf_mapping> gguf_mapping::open(const std::filesystem::path& path) {
  // O_NONBLOCK: a path that names a FIFO must not hang the start.
  descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() < 0)
    return system_failure(path, "open the model file");
  lease(file.number()); // before the size is taken, which then stands
  struct stat info = {};
  if (::fstat(file.number(), &info) != 0)
    return system_failure(path, "read the size of the model file");
  if (!S_ISREG(info.st_mode))
    return failure(model_error::cannot_open,
                   path.string() + ": not a regular file; give the path of a GGUF file");
  if (info.st_size == 0)
    return failure(model_error::cannot_open, path.string() + ": the file is empty; fetch the model again");
  const auto size = static_cast<size_t>(info.st_size);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number(), 0);
  if (address == MAP_FAILED)
    return system_failure(path, fmt::format("map {} bytes", size));
  return gguf_mapping(std::span(static_cast<const std::byte*>(address), size), file.release());
}

gguf_mapping::gguf_mapping(gguf_mapping&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})), file_(std::exchange(other.file_, -1)) {}

gguf_mapping& gguf_mapping::operator=(gguf_mapping&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(file_, other.file_);
  return *this;
}

gguf_mapping::~gguf_mapping() {
  if (file_ < 0)
    return;
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  ::close(file_); // with the lease
}

} // namespace troupe
