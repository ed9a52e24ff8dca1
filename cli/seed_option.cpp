#include "cli/seed_option.hpp"

#include <charconv>
#include <CLI/CLI.hpp>

namespace troupe {

CLI::Option* add_seed_option(CLI::App& app, std::function<void(uint64_t)> store, std::string help) {
  auto parse = [store = std::move(store)](const std::string& text) {
    uint64_t seed = 0;
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seed);
    if (text.empty() || failed != std::errc() || end != text.data() + text.size())
      throw CLI::ValidationError("--seed",
                                 "must be a whole number from 0 to 18446744073709551615, got " + text);
    store(seed);
  };
  return app.add_option_function<std::string>("--seed", parse, std::move(help))->type_name("UINT");
}

} // namespace troupe
