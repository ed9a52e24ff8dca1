#include "cli/generate.hpp"

#include "base/utf8.hpp"
#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "cli/command_settings.hpp"
#include "cli/errors.hpp"
#include "cli/exit_code.hpp"
#include "cli/line_input.hpp"
#include "cli/local_node.hpp"
#include "cli/sampling_flags.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>

namespace troupe {

namespace {

constexpr size_t prompt_bytes_max = 16 << 20; // as server.body_bytes_max

constexpr const char* examples =
    R"(The answer goes to standard output as it comes, and nothing else does. At temperature 0, the
default, the same prompt gives the same answer.

Examples:
  troupe generate "Why is the sky blue?"
  troupe generate --raw "Once upon a time" --max-tokens 100 --temperature 0.8 --seed 7
  cat letter.txt | troupe generate - --system "Answer this letter in two sentences.")";

struct generate_arguments {
  flag_values flags;
  sampling_flags sampling{.params = {.temperature = 0.0f}, .system = {}, .max_tokens = {}, .seed = {}};
  std::optional<std::string> prompt;
  bool raw = false;
};

/// The argument, or standard input without its last line end.
result<std::string> prompt_of(const generate_arguments& arguments, console& io) {
  std::string text;
  if (arguments.prompt && *arguments.prompt != "-") {
    text = *arguments.prompt;
  } else if (!arguments.prompt && io.in_is_terminal) {
    return failure(cli_error::bad_usage,
                   "No prompt: pass one in quotes, or - to type it and end with Ctrl-D.");
  } else {
    auto all = read_all(io.in_fd, prompt_bytes_max);
    if (!all)
      return all;
    text = std::move(*all);
    if (text.ends_with('\n'))
      text.pop_back();
  }
  if (text.empty())
    return failure(cli_error::bad_usage, "The prompt is empty.");
  if (!is_utf8(text))
    return failure(cli_error::bad_usage, "The prompt is not UTF-8 text.");
  return text;
}

int generate(const generate_arguments& arguments, console& io) {
  auto values = local_settings_of(arguments.flags, io);
  if (!values)
    return values.error();
  if (auto ok = check(arguments.sampling); !ok) {
    fail(io, ok.error().message);
    return exit_usage;
  }
  auto prompt = prompt_of(arguments, io);
  if (!prompt) {
    fail(io, prompt.error().message);
    return prompt.error().is(cli_error::bad_usage) ? exit_usage : exit_failed;
  }
  generation_request request = arguments.sampling.request();
  if (arguments.raw) {
    request.prompt = std::move(*prompt);
  } else {
    if (!arguments.sampling.system.empty())
      request.messages.push_back({"system", arguments.sampling.system});
    request.messages.push_back({"user", std::move(*prompt)});
  }
  auto running = start_local_node(*values, io);
  if (!running)
    return fail(io, running.error().message);
  int code = write_answer((*running)->door(), std::move(request), io);
  (*running)->stop(0);
  return code;
}

} // namespace

int write_answer(front_door& door, generation_request request, console& io) {
  answer got = ask(door, std::move(request),
                   {.write = [&io](std::string_view delta) { return bool(io.out << delta << std::flush); }});
  if (got.end != answer_end::output_closed && !got.text.empty() && !got.text.ends_with('\n'))
    io.out << std::endl;
  switch (got.end) {
  case answer_end::completed:
    break;
  case answer_end::cut:
    if (io.err_is_terminal)
      io.err << fmt::format("(cut after {} tokens)", got.output_tokens) << std::endl;
    break;
  case answer_end::failed:
  case answer_end::rejected:
    return fail(io, got.problem);
  case answer_end::stopped:
    return exit_failed;
  case answer_end::output_closed:
    return fail(io, "The output could not be written any more, so the answer was stopped.");
  }
  return io.out ? exit_success : fail(io, "The end of the answer could not be written.");
}

void add_generate(CLI::App& parent, command& chosen) {
  auto arguments = std::make_shared<generate_arguments>();
  CLI::App* app = parent.add_subcommand("generate", "Answer one prompt on standard output.");
  app->footer(examples);
  app->add_option("PROMPT", arguments->prompt, "The prompt; - or nothing: read it from standard input.");
  app->add_flag("--raw", arguments->raw, "Continue the text as it is, without the model's chat template.");
  add_sampling_flags(*app, arguments->sampling);
  add_flags(*app, arguments->flags, local_setting_keys);
  app->callback([arguments, &chosen] {
    if (arguments->raw && !arguments->sampling.system.empty())
      throw CLI::ValidationError("--system", "needs the chat template, which --raw leaves out");
    chosen = [arguments](console& io) { return generate(*arguments, io); };
  });
}

} // namespace troupe
