#pragma once

#include "runtime/actor_tree.hpp"
#include "runtime/runtime_config.hpp"

#include <caf/actor_system.hpp>
#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <memory>

namespace troupe {

inline settings test_settings() {
  settings configuration;
  const char* path = std::getenv("TROUPE_TEST_MODEL");
  configuration.model_path = path ? path : "models/SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!std::filesystem::exists(configuration.model_path))
    FAIL("no test model at " << configuration.model_path << ": run deploy/fetch_model.sh");
  configuration.kv_cache_mib = 128;
  configuration.restart_intensity = 100;
  return configuration;
}

/// Greedy, with a short answer.
inline generation_request question(std::string id) {
  generation_request request;
  request.response_id = std::move(id);
  request.messages = {{"user", "What is the capital of France?"}};
  request.sampling.temperature = 0;
  request.max_tokens = 40;
  return request;
}

/// A node without sockets over the default model, loaded once for all tests of the program.
class test_node {
public:
  explicit test_node(const settings& configuration = test_settings())
      : config(configuration.actor_threads), system(config), numbers("test") {
    static const auto model = load_model(test_settings(), {});
    if (!model)
      FAIL(model.error().what());
    auto started = actor_tree::start(system, configuration, *model, numbers, {}, system_clock());
    if (!started)
      FAIL(started.error().what());
    tree = std::move(*started);
  }

  front_door& door() { return tree->door(); }

  /// Of the engine's actors, by themselves.
  double restarts() {
    double sum = 0;
    for (auto actor : {"executor", "batcher", "page_manager"})
      sum += numbers.actor_restarts_total.of(actor).Value();
    return sum;
  }

  runtime_config config;
  caf::actor_system system;
  metrics numbers;
  std::unique_ptr<actor_tree> tree;
};

} // namespace troupe
