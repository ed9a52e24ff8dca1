#include "runtime/actor_tree.hpp"

#include "model/detokenizer.hpp"
#include "observe/log.hpp"
#include "runtime/errors.hpp"
#include "runtime/node_table.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <fmt/format.h>
#include <thread>

namespace troupe {

namespace {

constexpr milliseconds drain_poll{10};

struct tree_config : caf::actor_system_config {
  explicit tree_config(const settings& configuration) {
    // `stealing` workers poll: a message after a pause would wait up to 100 µs.
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", static_cast<size_t>(configuration.actor_threads));
  }
};

int32_t context_of(const settings& configuration, const model_shape& shape) {
  const auto trained = static_cast<int64_t>(shape.context_length);
  return static_cast<int32_t>(
      configuration.max_model_len == 0 ? trained : std::min(configuration.max_model_len, trained));
}

/// All pages the setting pays for, but no more than max_batch_size sequences of full length can fill.
result<int32_t> page_count_of(const settings& configuration, const language_model& model, int32_t context) {
  const auto bytes = static_cast<size_t>(configuration.kv_cache_mib) << 20;
  const auto affordable = static_cast<int64_t>(bytes / model.page_bytes()) - 1; // one is the canary's
  const auto useful = configuration.max_batch_size * pages_of(context);
  const auto count = std::min<int64_t>({affordable, useful, INT32_MAX});
  if (count < 1)
    return failure(runtime_error::no_room,
                   fmt::format("kv_cache_mib = {} holds no two pages of {} KiB: raise it",
                               configuration.kv_cache_mib, model.page_bytes() >> 10));
  return static_cast<int32_t>(count);
}

make_text_decoder decoder_of(std::shared_ptr<const tokenizer> tokens) {
  return [tokens]() -> text_decoder {
    auto decoder = std::make_shared<detokenizer>(tokens);
    return [decoder](std::optional<token_id> token) {
      return token ? decoder->push(*token) : decoder->finish();
    };
  };
}

planner_limits limits_of(const settings& configuration, page_id canary_page) {
  return {.max_batch_size = static_cast<int32_t>(configuration.max_batch_size),
          .max_batch_tokens = static_cast<int32_t>(configuration.max_batch_tokens),
          .step_time_max = milliseconds(configuration.step_time_max_ms),
          .batch_window = milliseconds(configuration.batch_window_ms),
          .canary_page = canary_page};
}

int threads_of(const settings& configuration) {
  if (configuration.threads > 0)
    return static_cast<int>(configuration.threads);
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

} // namespace

class actor_tree::impl {
public:
  impl(const settings& configuration, metrics& numbers)
      : metrics_(numbers), config_(configuration), system_(config_) {}

  ~impl() {
    bridge_.reset();
    // Everybody else is linked below the front.
    caf::anon_send_exit(front_, caf::exit_reason::user_shutdown);
    front_ = nullptr;
    system_.await_all_actors_done();
  }

  void start(node_parts parts, const settings& configuration, served_model model, post_function post,
             const time_source& clock) {
    auto health = parts.health;
    front_options options{.table = node_table(system_, std::move(parts), metrics_),
                          .intensity = {configuration.restart_intensity, configuration.restart_period_ms},
                          .health = health,
                          .clock = &clock};
    front_ = system_.spawn<front>(std::move(options), metrics_);
    bridge_ =
        std::make_unique<actor_bridge>(system_, front_, health, std::move(model), std::move(post), clock);
  }

  void drain(int64_t drain_ms, const time_source& clock) {
    bridge_->close_door();
    const auto end = clock.now() + milliseconds(drain_ms);
    while (metrics_.ledger_entries.Value() > 0 && clock.now() < end)
      std::this_thread::sleep_for(drain_poll);
  }

  metrics& metrics_;
  tree_config config_;
  caf::actor_system system_;
  front_actor front_;
  std::unique_ptr<actor_bridge> bridge_;
  const time_source* clock_ = nullptr;
};

actor_tree::actor_tree(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
actor_tree::~actor_tree() = default;

front_door& actor_tree::door() {
  return *impl_->bridge_;
}

void actor_tree::drain(int64_t drain_ms) {
  impl_->drain(drain_ms, *impl_->clock_);
}

result<std::unique_ptr<actor_tree>> actor_tree::start(const settings& configuration, loaded_model model,
                                                      metrics& numbers, post_function post,
                                                      const time_source& clock) {
  const auto context = context_of(configuration, model.weights->shape());
  const auto page_count = page_count_of(configuration, *model.weights, context);
  if (!page_count)
    return forward_error(page_count);
  auto pages = kv_store::create(*page_count + 1, model.weights->page_bytes());
  if (!pages)
    return forward_error(pages);
  log_event(log_level::info, "model_loaded",
            {{"model", model.name},
             {"weight_bytes", model.weights->weight_bytes()},
             {"numeric_class", fmt::format("{:016x}", model.weights->numeric_class())},
             {"max_model_len", context},
             {"kv_pages", *page_count}});
  node_parts parts;
  parts.engine.resources = {.model = model.weights,
                            .pages = *pages,
                            .threads = std::make_shared<thread_pool>(threads_of(configuration)),
                            .record = std::make_shared<step_record>(),
                            .clock = &clock};
  parts.engine.page_count = *page_count;
  parts.engine.batching = {limits_of(configuration, *page_count),
                           milliseconds(configuration.step_deadline_ms)};
  parts.engine.intensity = {configuration.restart_intensity, configuration.restart_period_ms};
  parts.engine.epochs = std::make_shared<epoch_source>(0);
  parts.ledger = {static_cast<size_t>(configuration.requests_max), configuration.unsent_bytes_max};
  parts.decoder = decoder_of(model.tokens);
  parts.preparer = std::make_shared<const request_preparer>(
      request_limits{model.name, context, *page_count * page_tokens, configuration.request_timeout_ms},
      model.tokens, model.messages, clock);
  parts.health = std::make_shared<node_health>();
  parts.health_interval = milliseconds(configuration.health_interval_ms);
  parts.clock = &clock;
  auto made = std::make_unique<impl>(configuration, numbers);
  made->clock_ = &clock;
  made->start(std::move(parts), configuration, {model.name, clock.unix_seconds(), context}, std::move(post),
              clock);
  return std::unique_ptr<actor_tree>(new actor_tree(std::move(made)));
}

} // namespace troupe
