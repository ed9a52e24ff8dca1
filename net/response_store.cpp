#include "net/response_store.hpp"

#include "base/check.hpp"

namespace troupe {

void response_store::add(record_pointer record) {
  TROUPE_CHECK(!places_.contains(record->id), "a response was stored twice");
  order_.push_front({std::move(record), 0, clock_.now()});
  places_.emplace(order_.front().record->id, order_.begin());
  recount(order_.front());
  make_room();
}

void response_store::changed(const response_record& record) {
  const auto found = places_.find(record.id);
  if (found == places_.end() || found->second->record.get() != &record)
    return;
  recount(*found->second);
  make_room();
}

response_store::record_pointer response_store::find(std::string_view id, std::string_view owner) {
  const auto found = places_.find(std::string(id));
  if (found == places_.end())
    return nullptr;
  const auto at = found->second;
  if (too_old(*at)) {
    drop(at);
    return nullptr;
  }
  if (at->record->erased || at->record->owner != owner)
    return nullptr;
  order_.splice(order_.begin(), order_, at);
  return at->record;
}

response_store::record_pointer response_store::find_by_item(std::string_view item_id,
                                                            std::string_view owner) {
  constexpr std::string_view prefix = "msg_";
  if (!item_id.starts_with(prefix))
    return nullptr;
  const auto digits = item_id.substr(prefix.size());
  return find("resp_" + std::string(digits.substr(0, digits.find('_'))), owner);
}

bool response_store::erase(std::string_view id, std::string_view owner) {
  const auto record = find(id, owner);
  if (!record)
    return false;
  record->erased = true;
  std::string().swap(record->object); // = {} would keep what was reserved
  std::string().swap(record->output);
  decltype(record->input)().swap(record->input);
  decltype(record->conversation)().swap(record->conversation);
  changed(*record);
  return true;
}

bool response_store::was_erased(std::string_view id) const {
  const auto found = places_.find(std::string(id));
  return found != places_.end() && found->second->record->erased;
}

void response_store::recount(place& one) {
  bytes_ -= one.counted;
  one.counted = one.record->bytes();
  bytes_ += one.counted;
}

void response_store::make_room() {
  while (!order_.empty() && (bytes_ > bytes_max_ || too_old(order_.back())))
    drop(std::prev(order_.end()));
}

void response_store::drop(order::iterator at) {
  bytes_ -= at->counted;
  places_.erase(at->record->id);
  order_.erase(at);
}

} // namespace troupe
