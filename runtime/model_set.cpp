#include "runtime/model_set.hpp"

#include "net/json_reader.hpp"
#include "observe/log.hpp"
#include "runtime/loaded_model.hpp"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <utility>

namespace troupe {

namespace {

constexpr size_t homes_max = 65'536; // of responses: as many as can wait for a reader to come back, and more
constexpr milliseconds retire_poll{20};

rejection refused(request_error code, std::string message, std::string param = "") {
  return {code, std::move(message), std::move(param), code == request_error::too_many_requests ? 1 : 0};
}

} // namespace

/// Waits on a thread of its own until a model that was taken out has answered everything, then ends it.
class model_set::retirement {
public:
  retirement(model_set& owner, served_pointer old)
      : thread_([this, &owner, old = std::move(old)]() mutable { run(owner, std::move(old)); }) {}
  ~retirement() {
    leave_ = true;
    thread_.join();
  }

  bool done() const { return done_; }

private:
  void run(model_set& owner, served_pointer old) {
    auto& actors = *old->actors;
    actors.close_door();
    // Streams that have ended can be read again for the resume window.
    auto quiet_since = owner.clock_.now();
    const milliseconds window(owner.configuration_.resume_window_ms);
    while (!leave_ && owner.clock_.now() - quiet_since < window) {
      if (actors.open_streams() > 0)
        quiet_since = owner.clock_.now();
      std::this_thread::sleep_for(retire_poll);
    }
    if (!leave_) {
      const std::unique_lock lock(owner.mutex_);
      owner.retiring_.remove(old);
      owner.show_metrics();
      log_event(log_level::info, "model_unloaded", {{"model", old->about.id}});
    }
    old.reset();
    done_ = true;
  }

  std::atomic<bool> leave_{false};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

model_set::model_set(caf::actor_system& system, settings configuration, std::shared_ptr<metrics> numbers,
                     post_function post, const time_source& clock)
    : system_(system), configuration_(std::move(configuration)), numbers_(std::move(numbers)),
      post_(std::move(post)), clock_(clock) {}

model_set::~model_set() {
  drain(0);
}

result<model_set::served_pointer> model_set::start(const settings& configuration,
                                                   const load_progress& progress) {
  auto model = load_model(configuration, progress);
  if (!model)
    return forward_error(model);
  auto made = std::make_shared<served>();
  made->numbers = std::make_shared<metrics>(model->name);
  made->about = {model->name, clock_.unix_seconds(), 0};
  auto actors = actor_tree::start(system_, configuration, std::move(*model), *made->numbers, post_, clock_,
                                  made->numbers);
  if (!actors)
    return forward_error(actors);
  made->actors = std::move(*actors);
  made->about = made->actors->door().models().front();
  return made;
}

result<void> model_set::add(const settings& configuration, const load_progress& progress) {
  auto made = start(configuration, progress);
  if (!made)
    return forward_error(made);
  std::unique_lock lock(mutex_);
  serve(std::move(*made), lock);
  return {};
}

/// In the place of the model of that name, if there is one.
void model_set::serve(served_pointer made, std::unique_lock<std::shared_mutex>& lock) {
  served_pointer before = find(made->about.id);
  if (before)
    *std::ranges::find(serving_, before) = std::move(made);
  else
    serving_.push_back(std::move(made));
  if (before)
    retiring_.push_back(before);
  show_metrics();
  lock.unlock();
  if (before)
    retire(std::move(before));
}

void model_set::retire(served_pointer old) {
  const std::lock_guard lock(retirements_mutex_);
  retirements_.remove_if([](const auto& each) { return each->done(); });
  retirements_.push_back(std::make_unique<retirement>(*this, std::move(old)));
}

/// With the lock held. Of two with one name the newer is shown.
void model_set::show_metrics() {
  std::vector<std::shared_ptr<metrics>> shown;
  for (const auto& each : serving_)
    shown.push_back(each->numbers);
  for (const auto& each : retiring_)
    if (!find(each->about.id))
      shown.push_back(each->numbers);
  if (!shown.empty())
    numbers_->show_models(std::move(shown));
}

/// With the lock held. An empty name: the first one.
model_set::served_pointer model_set::find(std::string_view name) const {
  if (name.empty())
    return serving_.empty() ? nullptr : serving_.front();
  const auto found = std::ranges::find_if(serving_, [&](const auto& each) { return each->about.id == name; });
  return found == serving_.end() ? nullptr : *found;
}

// -- requests
// ------------------------------------------------------------------------------------------------------

void model_set::submit(generation_request request, std::shared_ptr<stream_listener> listener) {
  std::vector<std::string> names;
  {
    const std::unique_lock lock(mutex_);
    if (auto model = find(request.model)) {
      remember(request.response_id, model);
      return model->actors->door().submit(std::move(request), std::move(listener));
    }
    for (const auto& each : serving_)
      names.push_back(each->about.id);
  }
  auto why = names.empty()
                 ? refused(request_error::not_ready, "no model is loaded: load one with POST /admin/models")
                 : refused(request_error::model_not_found,
                           fmt::format("the model '{}' does not exist here; this server serves '{}'",
                                       shown_name(request.model), fmt::join(names, "', '")),
                           "model");
  numbers_->requests_rejected_total.of(to_string(why.code)).Increment();
  auto refuse = [listener = std::move(listener), why = std::move(why)] { listener->on_rejected(why); };
  post_ ? post_(std::move(refuse)) : refuse();
}

void model_set::remember(const std::string& response_id, const served_pointer& model) {
  if (!homes_.insert_or_assign(response_id, model).second)
    return;
  homes_order_.push_back(response_id);
  if (homes_order_.size() > homes_max) {
    homes_.erase(homes_order_.front());
    homes_order_.pop_front();
  }
}

/// The door of the model that has the response; every door where nobody remembers it: others do not mind.
template <class Call>
void model_set::at_home_of(std::string_view response_id, Call call) const {
  const std::shared_lock lock(mutex_);
  if (const auto known = homes_.find(std::string(response_id)); known != homes_.end()) {
    if (const auto model = known->second.lock())
      call(model->actors->door());
    return;
  }
  for (const auto& each : serving_)
    call(each->actors->door());
  for (const auto& each : retiring_)
    call(each->actors->door());
}

void model_set::acknowledge(std::string_view response_id, int64_t sequence_number) {
  at_home_of(response_id, [&](front_door& door) { door.acknowledge(response_id, sequence_number); });
}

void model_set::cancel(std::string_view response_id) {
  at_home_of(response_id, [&](front_door& door) { door.cancel(response_id); });
}

void model_set::stop(std::string_view response_id) {
  at_home_of(response_id, [&](front_door& door) { door.stop(response_id); });
}

void model_set::detach(std::string_view response_id, std::shared_ptr<stream_listener> listener) {
  at_home_of(response_id, [&](front_door& door) { door.detach(response_id, listener); });
}

void model_set::attach(attach_reader reader, std::shared_ptr<stream_listener> listener) {
  {
    const std::shared_lock lock(mutex_);
    const auto known = homes_.find(reader.response_id);
    if (const auto model = known == homes_.end() ? nullptr : known->second.lock())
      return model->actors->door().attach(std::move(reader), std::move(listener));
  }
  auto refuse = [listener = std::move(listener)] {
    listener->on_rejected(refused(request_error::response_not_found,
                                  "there is no such response, or the time for resuming it is over: ask again",
                                  "id"));
  };
  post_ ? post_(std::move(refuse)) : refuse();
}

node_status model_set::status() const {
  const std::shared_lock lock(mutex_);
  if (closed_)
    return {.live = true, .ready = false, .reason = "the server is shutting down"};
  if (serving_.empty())
    return {.live = true, .ready = false, .reason = "no model is loaded"};
  for (const auto& each : serving_)
    if (auto now = each->actors->door().status(); !now.ready)
      return now;
  return {.live = true, .ready = true, .reason = {}};
}

std::vector<served_model> model_set::models() const {
  const std::shared_lock lock(mutex_);
  std::vector<served_model> out;
  for (const auto& each : serving_)
    out.push_back(each->about);
  return out;
}

void model_set::inject(const inject_fault& fault) {
  const std::shared_lock lock(mutex_);
  if (!serving_.empty())
    serving_.front()->actors->door().inject(fault);
}

// -- models
// --------------------------------------------------------------------------------------------------------

void model_set::answer(const model_outcome& done, tl::expected<served_model, rejection> outcome) const {
  auto call = [done, outcome = std::move(outcome)] { done(outcome); };
  post_ ? post_(std::move(call)) : call();
}

void model_set::load(std::string path, std::string name, model_outcome done) {
  auto wanted = configuration_;
  wanted.model_path = std::move(path);
  wanted.served_model_name = std::move(name);
  std::unique_lock lock(mutex_);
  const auto refuse = [&](std::string why) {
    lock.unlock();
    answer(done, tl::unexpected(refused(request_error::too_many_requests, std::move(why))));
  };
  if (closed_ || loading_)
    return refuse(closed_ ? "the server is shutting down"
                          : "a model is being loaded: retry when it is there");
  if (held() >= static_cast<size_t>(configuration_.models_max))
    return refuse(fmt::format("{} models are held, the limit (models_max): unload one, or wait for the last "
                              "answers of one that goes",
                              held()));
  loading_ = true;
  if (loader_.joinable())
    loader_.join(); // it has ended, or is about to: loading_ was false
  loader_ =
      std::thread([this, wanted = std::move(wanted), done = std::move(done)] { run_load(wanted, done); });
}

void model_set::run_load(const settings& wanted, const model_outcome& done) {
  auto made = start(wanted, {});
  std::unique_lock lock(mutex_);
  loading_ = false;
  const bool closed = closed_;
  if (made && !closed) {
    const auto about = (*made)->about;
    serve(std::move(*made), lock);
    return answer(done, about);
  }
  lock.unlock();
  if (made)
    return answer(done, tl::unexpected(refused(request_error::not_ready, "the server is shutting down")));
  log_event(log_level::warn, "model_not_loaded", {{"reason", made.error().message}});
  answer(done, tl::unexpected(refused(request_error::invalid_value, made.error().message, "path")));
}

void model_set::unload(std::string name, model_outcome done) {
  std::unique_lock lock(mutex_);
  const auto model = name.empty() ? nullptr : find(name);
  if (!model)
    return answer(done, tl::unexpected(refused(request_error::model_not_found,
                                               fmt::format("no model '{}' is served here", shown_name(name)),
                                               "model")));
  std::erase(serving_, model);
  retiring_.push_back(model);
  show_metrics();
  lock.unlock();
  answer(done, model->about);
  retire(model);
}

void model_set::drain(int64_t drain_ms) {
  std::thread loader; // who begins one later finds the set closed
  {
    const std::unique_lock lock(mutex_);
    if (std::exchange(closed_, true))
      return;
    loader = std::move(loader_);
  }
  if (loader.joinable())
    loader.join();
  {
    const std::lock_guard lock(retirements_mutex_);
    retirements_.clear();
  }
  // The models of those are drained here with the others.
  std::vector<served_pointer> all(serving_.begin(), serving_.end());
  all.insert(all.end(), retiring_.begin(), retiring_.end());
  for (const auto& each : all)
    each->actors->close_door();
  const auto end = clock_.now() + milliseconds(drain_ms);
  for (const auto& each : all) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - clock_.now()).count();
    each->actors->drain(std::max<int64_t>(left, 0));
  }
}

} // namespace troupe
