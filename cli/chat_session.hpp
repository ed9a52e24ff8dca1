#pragma once

#include "actors/messages.hpp"
#include "cli/answer.hpp"
#include "cli/console.hpp"
#include "cli/line_input.hpp"
#include "cli/sampling_flags.hpp"
#include "cli/signal_watch.hpp"
#include "net/front_door.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// A conversation in a terminal or over a pipe: a line is a turn, or a command (/help, /reset, /exit). A
/// signal stops the answer that is being written; what came of it stays in the conversation.
class chat_session {
public:
  /// Everything is borrowed for the session's life.
  chat_session(front_door&, const sampling_flags&, console&, signal_watch&);

  /// Until /exit or the end of the input. Returns the exit code: over a pipe, exit_failed if a turn failed.
  int run();

private:
  enum class next_step { go_on, end };

  std::optional<std::string> read_line();
  next_step handle(const std::string& line);
  next_step run_command(std::string_view name);
  next_step take_turn(const std::string& text);
  void finish_turn(const answer&);
  void prompt();
  void say(std::string_view sentence);
  void reset();

  front_door& door_;
  const sampling_flags& sampling_;
  console& io_;
  signal_watch& signals_;
  line_input input_;
  std::vector<chat_message> messages_;
  bool failed_ = false;
};

} // namespace troupe
