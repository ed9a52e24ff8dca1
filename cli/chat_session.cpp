#include "cli/chat_session.hpp"

#include "base/utf8.hpp"
#include "cli/await.hpp"
#include "cli/exit_code.hpp"

#include <fmt/format.h>

namespace troupe {

namespace {

constexpr const char* help = "/reset  forget the conversation\n"
                             "/help   these lines\n"
                             "/exit   end (also Ctrl-D)\n"
                             "Ctrl-C  stop the answer";

/// A lone word with a slash in front; "/usr/bin holds programs" is a turn.
bool is_command(std::string_view line) {
  return line.starts_with('/') && line.find_first_of(" \t") == std::string_view::npos;
}

} // namespace

chat_session::chat_session(front_door& door, const sampling_flags& sampling, console& io,
                           signal_watch& signals)
    : door_(door), sampling_(sampling), io_(io), signals_(signals), input_(io.in_fd) {
  reset();
}

int chat_session::run() {
  if (io_.in_is_terminal)
    io_.out << door_.models().front().id << ": /help lists the commands, Ctrl-D ends." << std::endl;
  while (auto line = read_line())
    if (handle(*line) == next_step::end)
      break;
  if (!io_.out)
    return exit_failed;
  return failed_ && !io_.in_is_terminal ? exit_failed : exit_success;
}

std::optional<std::string> chat_session::read_line() {
  prompt();
  for (;;) {
    if (auto line = input_.next())
      return line;
    if (input_.ended()) {
      if (io_.in_is_terminal)
        io_.out << std::endl;
      return std::nullopt;
    }
    if (await_readable({signals_.fd(), input_.fd()}) == signals_.fd()) {
      signals_.take();
      input_.drop_partial();
      io_.out << "\n(Ctrl-D or /exit ends)" << std::endl;
      prompt();
    } else if (auto ok = input_.fill(); !ok) {
      say(ok.error().message);
      failed_ = true;
      return std::nullopt;
    }
  }
}

chat_session::next_step chat_session::handle(const std::string& line) {
  if (line.find_first_not_of(" \t") == std::string::npos)
    return next_step::go_on;
  if (is_command(line))
    return run_command(line);
  if (!is_utf8(line)) {
    say("This line is not UTF-8 text.");
    failed_ = true;
    return next_step::go_on;
  }
  return take_turn(line);
}

chat_session::next_step chat_session::run_command(std::string_view name) {
  if (name == "/exit" || name == "/quit")
    return next_step::end;
  if (name == "/reset") {
    reset();
    say("The conversation is forgotten.");
  } else if (name == "/help") {
    say(help);
  } else {
    say(fmt::format("There is no command {}: /help lists them.", name));
    failed_ = true;
  }
  return next_step::go_on;
}

chat_session::next_step chat_session::take_turn(const std::string& text) {
  messages_.push_back({"user", text});
  generation_request request = sampling_.request();
  request.messages = messages_;
  answer got = ask(door_, std::move(request),
                   {.write = [this](std::string_view delta) { return bool(io_.out << delta << std::flush); },
                    .stop = &signals_});
  if (got.end == answer_end::output_closed)
    return next_step::end;
  io_.out << std::endl;
  finish_turn(got);
  return next_step::go_on;
}

void chat_session::finish_turn(const answer& got) {
  // A turn without an answer must not stay: templates want user and assistant in turn.
  if (got.text.empty())
    messages_.pop_back();
  else
    messages_.push_back({"assistant", got.text});
  int32_t context = door_.models().front().max_model_len;
  switch (got.end) {
  case answer_end::cut:
    if (got.accepted.prompt_tokens + got.output_tokens >= context)
      say(fmt::format("The conversation fills the context of {} tokens: /reset starts a new one.", context));
    else
      say(fmt::format("(cut after {} tokens)", got.output_tokens));
    break;
  case answer_end::rejected:
  case answer_end::failed:
    failed_ = true;
    if (got.error == request_error::context_length_exceeded)
      say(fmt::format("The conversation no longer fits the context of {} tokens: /reset starts a new one.",
                      context));
    else
      say(got.problem);
    break;
  case answer_end::stopped:
    say("(stopped)");
    break;
  case answer_end::completed:
  case answer_end::output_closed:
    break;
  }
}

void chat_session::prompt() {
  if (io_.in_is_terminal)
    io_.out << "> " << std::flush;
}

void chat_session::say(std::string_view sentence) {
  (io_.in_is_terminal ? io_.out : io_.err) << sentence << std::endl;
}

void chat_session::reset() {
  messages_.clear();
  if (!sampling_.system.empty())
    messages_.push_back({"system", sampling_.system});
}

} // namespace troupe
