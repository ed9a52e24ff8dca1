#pragma once

#include "base/result.hpp"
#include "cli/batch/batch_line.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

namespace troupe {

/// The file of a batch's results, one line a request, which a run that was interrupted goes on with. Each
/// line is written at once, so that a crash tears the last one at most.
class batch_results {
public:
  /// Takes the file for this run alone, makes it if there is none, keeps the whole lines that are in it and
  /// cuts off a torn last one. Errors: output (cannot be opened or written, another run has it, or a line
  /// that is no result stands in its middle: then it is somebody else's and stays as it is).
  static result<batch_results> open(const std::string& path);

  batch_results(batch_results&&) noexcept;
  batch_results& operator=(batch_results&&) = delete;
  ~batch_results();

  /// Whether a result for this request is there, or for the line of this number that had no custom_id.
  bool has(const std::string& custom_id) const { return ids_.contains(custom_id); }
  bool has_line(int64_t number) const { return lines_.contains(number); }

  const std::unordered_set<std::string>& ids() const { return ids_; }

  size_t kept() const { return ids_.size() + lines_.size(); }
  size_t kept_failures() const { return kept_failures_; } // of those: not status 200
  bool cut() const { return cut_; }                       // a torn line was there

  /// body: one JSON value. Errors: output.
  status add_response(const std::string& custom_id, int http_status, const std::string& request_id,
                      std::string_view body);
  status add_problem(const batch_problem&, int64_t line_number);

  /// To the disk. Errors: output.
  status sync();

private:
  explicit batch_results(std::string path) : path_(std::move(path)) {}

  status read_kept();
  bool note(std::string_view text);
  status append(std::string line);
  tl::unexpected<error> fail(std::string_view what) const;

  std::string path_;
  int fd_ = -1;
  std::unordered_set<std::string> ids_;
  std::unordered_set<int64_t> lines_;
  size_t kept_failures_ = 0;
  bool cut_ = false;
  simdjson::dom::parser parser_;
};

} // namespace troupe
