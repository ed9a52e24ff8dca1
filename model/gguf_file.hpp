#pragma once

#include "base/result.hpp"
#include "model/gguf_header.hpp"
#include "model/gguf_mapping.hpp"
#include "model/tensor_view.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace troupe {

/// A GGUF version 3 file, mapped and checked: metadata by key, tensors by name.
/// Views that it hands out (strings, tensor data) live as long as the file object, moves included.
/// The file must not be truncated while it is open (see gguf_mapping): replace a model by renaming a new file
/// over the old one.
class gguf_file {
public:
  /// Errors: cannot_open, bad_format, unsupported (another version, big-endian, a tensor type not read here).
  static result<gguf_file> open(const std::filesystem::path& path);

  /// A file's bytes that are in memory already and outlive the object. `name` is for messages. Errors:
  /// bad_format, unsupported.
  static result<gguf_file> over(std::span<const std::byte> bytes, std::string_view name);

  gguf_file(gguf_file&&);
  gguf_file& operator=(gguf_file&&);
  ~gguf_file();

  const std::filesystem::path& path() const { return path_; }
  uint64_t file_bytes() const { return mapping_.bytes().size(); }

  /// The whole file, for checksums.
  std::span<const std::byte> bytes() const { return mapping_.bytes(); }

  /// In the order of the file.
  std::span<const tensor_view> tensors() const { return header_.tensors; }

  /// Null when there is none of that name.
  const tensor_view* find_tensor(std::string_view name) const;

  bool has(std::string_view key) const { return header_.values.contains(key); }

  /// Errors of all getters: missing_key, wrong_type. No value is converted, but integers widen.
  result<int64_t> get_integer(std::string_view key) const; // any integer type whose value fits
  result<double> get_float(std::string_view key) const;
  result<bool> get_bool(std::string_view key) const;
  result<std::string_view> get_string(std::string_view key) const; // any bytes, not only UTF-8
  result<std::span<const std::string_view>> get_strings(std::string_view key) const;
  result<std::vector<int64_t>> get_integers(std::string_view key) const;
  result<std::vector<bool>> get_bools(std::string_view key) const;
  result<std::vector<double>> get_floats(std::string_view key) const;

private:
  static result<gguf_file> read(const std::filesystem::path& path, gguf_mapping mapping);
  gguf_file(std::filesystem::path path, gguf_mapping mapping, gguf_header header)
      : path_(std::move(path)), mapping_(std::move(mapping)), header_(std::move(header)) {}

  template <class Value>
  result<const Value*> get(std::string_view key, std::string_view type_name) const;

  std::filesystem::path path_;
  gguf_mapping mapping_;
  gguf_header header_; // views into mapping_
};

} // namespace troupe
