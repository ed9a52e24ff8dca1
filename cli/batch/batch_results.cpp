#include "cli/batch/batch_results.hpp"

#include "base/ids.hpp"
#include "cli/batch/line_file.hpp"
#include "cli/errors.hpp"
#include "net/json_writer.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace troupe {

namespace {

constexpr size_t result_bytes_max = size_t{1} << 30;

json_writer& begin_result(json_writer& json, const std::string& custom_id) {
  json.begin_object().field("id", make_id("batch_req_"));
  return custom_id.empty() ? json.field("custom_id", nullptr) : json.field("custom_id", custom_id);
}

} // namespace

batch_results::batch_results(batch_results&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), ids_(std::move(other.ids_)),
      lines_(std::move(other.lines_)), kept_failures_(other.kept_failures_), cut_(other.cut_) {}

batch_results::~batch_results() {
  if (fd_ >= 0)
    ::close(fd_);
}

tl::unexpected<error> batch_results::fail(std::string_view what) const {
  return failure(cli_error::output, fmt::format("{} {}.", path_, what));
}

result<batch_results> batch_results::open(const std::string& path) {
  batch_results out(path);
  out.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (out.fd_ < 0)
    return out.fail(fmt::format("cannot be written: {}", std::strerror(errno)));
  struct stat known {};
  if (::fstat(out.fd_, &known) != 0 || !S_ISREG(known.st_mode))
    return out.fail("is not a regular file, and a run that is interrupted could not go on with it");
  if (::flock(out.fd_, LOCK_EX | LOCK_NB) != 0)
    return out.fail("is in use by another run");
  if (auto ok = out.read_kept(); !ok)
    return forward_error(ok);
  return out;
}

status batch_results::read_kept() {
  auto file = line_file::open(path_, result_bytes_max);
  if (!file)
    return forward_error(file);
  while (true) {
    auto read = file->next();
    if (!read)
      return forward_error(read);
    if (!*read)
      return {};
    const auto& line = **read;
    if (line.complete && note(line.text))
      continue;
    auto after = file->next();
    if (!after)
      return forward_error(after);
    if (*after)
      return fail(fmt::format("has something in line {} that is no result of a batch: give another file, or "
                              "move this one away",
                              line.number));
    // The last line: torn by a crash in the middle of a write, or before its bytes reached the disk.
    if (::ftruncate(fd_, line.begin) != 0)
      return fail(fmt::format("cannot be cut: {}", std::strerror(errno)));
    cut_ = true;
    return {};
  }
}

/// False: no result.
bool batch_results::note(std::string_view text) {
  simdjson::dom::element line;
  if (parser_.parse(text.data(), text.size()).get(line) != simdjson::SUCCESS)
    return false;
  std::string_view id;
  int64_t number = 0, code = 0;
  const bool answered = line.at_pointer("/response/status_code").get(code) == simdjson::SUCCESS;
  const bool named = line["custom_id"].get(id) == simdjson::SUCCESS;
  const bool numbered = line.at_pointer("/error/line").get(number) == simdjson::SUCCESS;
  if (!(named && (answered || numbered)) && !numbered)
    return false;
  const bool fresh = named ? ids_.emplace(id).second : lines_.insert(number).second;
  kept_failures_ += code != 200;
  return fresh; // nothing is there twice
}

status batch_results::add_response(const std::string& custom_id, int http_status,
                                   const std::string& request_id, std::string_view body) {
  std::string line;
  json_writer json(line);
  begin_result(json, custom_id).key("response").begin_object();
  json.field("status_code", http_status).field("request_id", request_id).key("body").raw(body).end_object();
  json.field("error", nullptr).end_object();
  return append(std::move(line));
}

status batch_results::add_problem(const batch_problem& problem, int64_t line_number) {
  std::string line;
  json_writer json(line);
  begin_result(json, problem.custom_id).field("response", nullptr).key("error").begin_object();
  json.field("code", problem.code).field("message", problem.message).field("line", line_number).end_object();
  json.end_object();
  return append(std::move(line));
}

status batch_results::append(std::string line) {
  line += '\n';
  for (std::string_view rest = line; !rest.empty();) {
    const ssize_t wrote = ::write(fd_, rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote <= 0)
      return fail(fmt::format("cannot be written any more: {}. What is in it counts: run the same command "
                              "again to go on",
                              std::strerror(errno)));
    rest.remove_prefix(static_cast<size_t>(wrote));
  }
  return {};
}

status batch_results::sync() {
  if (::fsync(fd_) != 0)
    return fail(fmt::format("could not be brought to the disk: {}", std::strerror(errno)));
  return {};
}

} // namespace troupe
