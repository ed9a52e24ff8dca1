#include "supervision/actor_census.hpp"

namespace troupe {

void actor_census::watch(const caf::actor& started) {
  {
    const std::scoped_lock lock(mutex_);
    ++living_;
  }
  // The functor goes with the actor's last act, and its share of this object with it.
  started->attach_functor([self = shared_from_this()] { self->leave(); });
}

void actor_census::leave() {
  std::vector<std::shared_ptr<const void>> needed_no_more; // dropped without the lock: it may be anything
  const std::scoped_lock lock(mutex_);
  if (--living_ == 0) {
    over_ = true;
    needed_no_more.swap(kept_);
  }
  changed_.notify_all();
}

void actor_census::keep(std::shared_ptr<const void> needed) {
  const std::scoped_lock lock(mutex_);
  if (!over_)
    kept_.push_back(std::move(needed));
}

bool actor_census::wait(milliseconds limit) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return living_ == 0; });
}

size_t actor_census::living() const {
  const std::scoped_lock lock(mutex_);
  return living_;
}

} // namespace troupe
