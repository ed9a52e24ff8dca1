#include "runtime/actor_tree.hpp"

#include "model/detokenizer.hpp"
#include "observe/log.hpp"
#include "runtime/engine_parts.hpp"
#include "runtime/node_table.hpp"
#include "runtime/runtime_config.hpp"
#include "runtime/started_engine.hpp"
#include "supervision/engine_proxy.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <fmt/format.h>
#include <thread>

namespace troupe {

namespace {

constexpr milliseconds drain_poll{10};
constexpr milliseconds last_words{200};  // for errors of what could not finish
constexpr milliseconds end_wait{30'000}; // an engine's supervisor gives a stuck executor up after 15 s

make_text_decoder decoder_of(std::shared_ptr<const tokenizer> tokens) {
  return [tokens]() -> text_decoder {
    auto decoder = std::make_shared<detokenizer>(tokens);
    return [decoder](std::optional<token_id> token) {
      return token ? decoder->push(*token) : decoder->finish();
    };
  };
}

/// What a tree knows of its engine, wherever that runs.
struct known_engine {
  engine_loaded facts;
  spawn_engine spawn;
  std::shared_ptr<directory_tier> tier; // in this process; null: none
};

result<known_engine> engine_here(const settings& configuration, std::shared_ptr<const language_model> weights,
                                 metrics& numbers, const time_source& clock,
                                 const std::shared_ptr<const void>& kept,
                                 std::shared_ptr<actor_census> census) {
  const auto window = weights->shape().window;
  known_engine out{.facts = {.numeric_class = weights->numeric_class(),
                             .weight_bytes = weights->weight_bytes(),
                             .window_positions = window.positions,
                             .window_sinks = window.sinks},
                   .spawn = {},
                   .tier = {}};
  auto parts = make_engine_parts(configuration, std::move(weights), numbers, clock, kept,
                                 std::make_shared<step_record>());
  if (!parts)
    return forward_error(parts);
  parts->options.census = std::move(census);
  out.facts.context_tokens = parts->context.tokens;
  out.facts.pages = parts->context.pages;
  out.tier = std::move(parts->tier);
  out.spawn = [options = std::move(parts->options)](caf::actor_system& system, const ledger_actor& ledger,
                                                    metrics& counts) -> engine_actor {
    return system.spawn<engine_supervisor>(options, ledger, counts);
  };
  return out;
}

result<known_engine> engine_elsewhere(const settings& configuration,
                                      const std::shared_ptr<started_engine>& engine,
                                      const time_source& clock) {
  engine_proxy_options options{
      .start = [engine](uint64_t life, const engine_setup& setup) { return engine->next(life, setup); },
      .record = engine->record(),
      .numeric_class = engine->facts().numeric_class,
      .watch = {.step_deadline = milliseconds(configuration.step_deadline_ms)},
      .intensity = {configuration.restart_intensity, configuration.restart_period_ms},
      .epochs = std::make_shared<epoch_source>(0),
      .clock = &clock};
  return known_engine{.facts = engine->facts(),
                      .spawn = [options](caf::actor_system& system, const ledger_actor& ledger,
                                         metrics& counts) -> engine_actor {
                        return system.spawn<engine_proxy>(options, ledger, counts);
                      },
                      .tier = {}};
}

} // namespace

class actor_tree::impl {
public:
  impl(caf::actor_system& system, metrics& numbers) : metrics_(numbers), system_(system) {}

  ~impl() { stop(end_wait); }

  bool stop(milliseconds limit) {
    // Everybody else lives below the front. The bridge itself goes last: listeners call it until the end.
    if (!bridge_)
      return census_->living() == 0;
    bridge_->close();
    if (tier_)
      tier_->close();
    caf::anon_send_exit(front_, caf::exit_reason::user_shutdown);
    front_ = nullptr;
    const bool all_ended = census_->wait(limit);
    if (!all_ended) {
      // A thread cannot be ended. What its actor may still call lives as long as it does.
      log_event(log_level::error, "actors_left_behind", {{"actors", census_->living()}});
      census_->keep(std::move(bridge_));
    }
    bridge_.reset();
    return all_ended;
  }

  void start(node_parts parts, const settings& configuration, served_model model, post_function post,
             const time_source& clock) {
    auto health = parts.health;
    front_options options{.table = node_table(system_, std::move(parts), metrics_),
                          .intensity = {configuration.restart_intensity, configuration.restart_period_ms},
                          .health = health,
                          .clock = &clock,
                          .census = census_};
    front_ = system_.spawn<front>(std::move(options), metrics_);
    census_->watch(caf::actor_cast<caf::actor>(front_));
    bridge_ = std::make_shared<actor_bridge>(
        system_, front_, health, std::move(model), std::move(post),
        bridge_options{static_cast<size_t>(configuration.requests_max), &metrics_, census_}, clock);
  }

  void drain(int64_t drain_ms, const time_source& clock) {
    bridge_->close_door();
    const auto end = clock.now() + milliseconds(drain_ms);
    const auto wait_until = [&](steady_time limit) {
      while (bridge_->open_streams() > 0 && clock.now() < limit)
        std::this_thread::sleep_for(drain_poll);
    };
    wait_until(end);
    bridge_->end_streams("the server was shut down before the answer ended: ask again");
    wait_until(end + last_words);
  }

  metrics& metrics_;
  caf::actor_system& system_;
  std::shared_ptr<actor_census> census_ = std::make_shared<actor_census>();
  front_actor front_;
  std::shared_ptr<actor_bridge> bridge_;
  const time_source* clock_ = nullptr;
  std::shared_ptr<directory_tier> tier_; // null: none
};

actor_tree::actor_tree(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
actor_tree::~actor_tree() = default;

front_door& actor_tree::door() {
  return *impl_->bridge_;
}

bool actor_tree::stop(milliseconds limit) {
  return impl_->stop(limit);
}

void actor_tree::close_door() {
  impl_->bridge_->close_door();
}

size_t actor_tree::open_streams() const {
  return impl_->bridge_->open_streams();
}

front_actor actor_tree::handle() const {
  return impl_->front_;
}

void actor_tree::drain(int64_t drain_ms) {
  impl_->drain(drain_ms, *impl_->clock_);
}

result<std::unique_ptr<actor_tree>> actor_tree::start(caf::actor_system& system,
                                                      const settings& configuration, loaded_model model,
                                                      metrics& numbers, post_function post,
                                                      const time_source& clock,
                                                      std::shared_ptr<const void> kept) {
  if (!shares_scheduler(system.config()))
    log_event(log_level::warn, "scheduler_polls", {{"set", "scheduler.policy = sharing"}});
  auto made = std::make_unique<impl>(system, numbers);
  made->census_->keep(kept);
  auto engine = model.engine ? engine_elsewhere(configuration, model.engine, clock)
                             : engine_here(configuration, model.weights, numbers, clock, kept, made->census_);
  if (!engine)
    return forward_error(engine);
  const auto& facts = engine->facts;
  log_event(log_level::info, "model_loaded",
            {{"model", model.name},
             {"device", model.weights ? model.weights->device() : std::string_view(configuration.device)},
             {"weight_bytes", facts.weight_bytes},
             {"numeric_class", fmt::format("{:016x}", facts.numeric_class)},
             {"max_model_len", facts.context_tokens},
             {"attention_window", facts.window_positions},
             {"attention_sinks", facts.window_sinks},
             {"kv_pages", facts.pages}});
  node_parts parts;
  parts.engine = std::move(engine->spawn);
  parts.ledger = {.entries_max = static_cast<size_t>(configuration.requests_max),
                  .entries_per_tenant_max = static_cast<size_t>(configuration.requests_per_key_max),
                  .unsent_bytes_max = configuration.unsent_bytes_max,
                  .resume_window = milliseconds(configuration.resume_window_ms),
                  .kept_bytes_max = configuration.resume_log_mib << 20};
  parts.decoder = decoder_of(model.tokens);
  parts.token_bytes = [tokens = model.tokens](token_id token) {
    return std::string(tokens->token_bytes(token));
  };
  parts.preparer = std::make_shared<const request_preparer>(
      request_limits{model.name, facts.context_tokens, configuration.request_timeout_ms}, model.tokens,
      model.messages, clock);
  parts.health = std::make_shared<node_health>();
  parts.health_interval = milliseconds(configuration.health_interval_ms);
  parts.clock = &clock;
  made->clock_ = &clock;
  made->tier_ = std::move(engine->tier);
  made->start(std::move(parts), configuration, {model.name, clock.unix_seconds(), facts.context_tokens},
              std::move(post), clock);
  return std::unique_ptr<actor_tree>(new actor_tree(std::move(made)));
}

} // namespace troupe
