#pragma once

#include "config/settings.hpp"
#include "observe/log_line.hpp"

#include <functional>
#include <initializer_list>
#include <span>

namespace troupe {

/// One line an event, to stderr: log_event(log_level::info, "request_finished", {{"request", id}, {"tokens",
/// n}}).
///
/// Never blocks and never throws: lines wait in a bounded queue for a thread of their own, and when whoever
/// reads stderr stops reading, the oldest are dropped and counted. Thread-safe. Events are snake_case and
/// past tense. A user's words (prompt or answer text) go in only where settings.log_prompts is on: that is
/// the caller's duty.
void log_event(log_level, std::string_view event, std::initializer_list<log_field> fields = {}) noexcept;
void log_event(log_level, std::string_view event, std::span<const log_field> fields) noexcept;

/// Whether an event of this level would be written; for callers whose fields cost something to make.
bool log_enabled(log_level) noexcept;

/// The least severe level that is written; `info` until this is called.
void set_log_level(log_level);
void set_log_level(const settings&);

/// For a host application with a log of its own: gets every line, without a newline, on the thread that
/// logged it. It must be thread-safe and must not block; what it throws is swallowed and the line counts as
/// dropped. An empty function goes back to stderr.
using log_sink = std::function<void(log_level, std::string_view line)>;
void set_log_sink(log_sink);

/// Lines lost since the start, because the queue was full, a write failed or the sink threw.
uint64_t log_lines_dropped() noexcept;

/// Waits until every line so far was written or dropped, at most `timeout`. Programs call it before they end.
/// Returns whether all were.
bool flush_log(std::chrono::milliseconds timeout);

} // namespace troupe
