#pragma once

#include "base/clock.hpp"
#include "config/settings.hpp"
#include "net/actor_bridge.hpp"
#include "observe/metrics.hpp"
#include "runtime/actor_tree.hpp"

#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace caf {
class actor_system;
}

namespace troupe {

/// The models of one node, each with supervised actors of its own, behind one front door: a request goes to
/// the model that it names, everything later about its response to where it went. Models come, are replaced
/// and go while others answer: one that goes gets no new requests, and ends when its last answer has.
/// Thread-safe.
class model_set final : public front_door {
public:
  /// numbers shows the metrics of all models. system, numbers and clock must outlive the set.
  model_set(caf::actor_system& system, settings configuration, std::shared_ptr<metrics> numbers,
            post_function post, const time_source& clock);

  /// Ends everything at once, if drain() did not.
  ~model_set() override;

  /// Serves one more model. Errors: those of load_model and actor_tree.
  result<void> add(const settings& configuration, const load_progress& progress);

  void submit(generation_request request, std::shared_ptr<stream_listener> listener) override;
  void acknowledge(std::string_view response_id, int64_t sequence_number) override;
  void cancel(std::string_view response_id) override;
  void stop(std::string_view response_id) override;
  void detach(std::string_view response_id, std::shared_ptr<stream_listener> listener) override;
  void attach(attach_reader reader, std::shared_ptr<stream_listener> listener) override;
  node_status status() const override;
  std::vector<served_model> models() const override;
  void load(std::string path, std::string name, model_outcome done) override;
  void unload(std::string name, model_outcome done) override;
  void inject(const inject_fault& fault) override;

  /// Takes no more requests, waits until the running ones ended, at most drain_ms. Idempotent.
  void drain(int64_t drain_ms);

private:
  struct served {
    served_model about;
    std::shared_ptr<metrics> numbers;
    std::unique_ptr<actor_tree> actors;
  };
  using served_pointer = std::shared_ptr<served>;
  class retirement;

  result<served_pointer> start(const settings& configuration, const load_progress& progress);
  void run_load(const settings& wanted, const model_outcome& done);
  void serve(served_pointer made, std::unique_lock<std::shared_mutex>& lock);
  void retire(served_pointer old);
  void show_metrics();
  size_t held() const { return serving_.size() + retiring_.size(); }
  served_pointer find(std::string_view name) const;
  void remember(const std::string& response_id, const served_pointer& model);
  template <class Call>
  void at_home_of(std::string_view response_id, Call call) const;
  void answer(const model_outcome& done, tl::expected<served_model, rejection> outcome) const;

  caf::actor_system& system_;
  const settings configuration_;
  std::shared_ptr<metrics> numbers_;
  post_function post_;
  const time_source& clock_;

  // Shared by those who look a model up and send to it: once a writer has taken a model out, nobody is still
  // on the way to it.
  mutable std::shared_mutex mutex_;
  std::vector<served_pointer> serving_; // the first answers requests without a model
  std::list<served_pointer> retiring_;
  std::unordered_map<std::string, std::weak_ptr<served>> homes_; // of responses, the latest homes_max
  std::deque<std::string> homes_order_;
  bool loading_ = false;
  bool closed_ = false;

  std::thread loader_;
  std::mutex retirements_mutex_;
  std::list<std::unique_ptr<retirement>> retirements_;
};

} // namespace troupe
