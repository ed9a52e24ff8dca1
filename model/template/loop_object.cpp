#include "model/template/loop_object.hpp"

#include "model/template/operators.hpp"

namespace troupe {

template_value loop_object::cycle() const {
  return make_callable("cycle", [index = index_](template_meter&, const call_arguments& given) {
    if (given.positional.empty())
      template_fail("loop.cycle() needs something to cycle through");
    return given.positional[index % given.positional.size()];
  });
}

template_value loop_object::changed() {
  if (changed_from_ == nullptr)
    changed_from_ = std::make_shared<template_value>(template_value::undefined("never asked"));
  return make_callable("changed", [last = changed_from_](template_meter& meter, const call_arguments& given) {
    const template_value now = make_list(given.positional, list_flavor::tuple);
    const bool differs = !is_equal(meter, *last, now);
    *last = now;
    return template_value(differs);
  });
}

template_value loop_object::call(template_meter& meter, const call_arguments& arguments) {
  if (!recurse_)
    template_fail("the loop must have the 'recursive' marker to be called recursively");
  return recurse_(meter, arguments);
}

marked_text loop_object::shown(template_meter&) {
  return {"<LoopContext " + std::to_string(index_ + 1) + "/" + std::to_string(items_.size()) + ">", false};
}

const template_value* loop_object::attribute(std::string_view name) {
  const std::size_t count = items_.size();
  if (name == "index")
    found_ = template_value::count(index_ + 1);
  else if (name == "index0")
    found_ = template_value::count(index_);
  else if (name == "revindex")
    found_ = template_value::count(count - index_);
  else if (name == "revindex0")
    found_ = template_value::count(count - index_ - 1);
  else if (name == "first")
    found_ = index_ == 0;
  else if (name == "last")
    found_ = index_ + 1 == count;
  else if (name == "length")
    found_ = template_value::count(count);
  else if (name == "depth")
    found_ = depth0_ + 1;
  else if (name == "depth0")
    found_ = depth0_;
  else if (name == "previtem")
    found_ = index_ > 0 ? items_[index_ - 1] : template_value::undefined("there is no previous item");
  else if (name == "nextitem")
    found_ = index_ + 1 < count ? items_[index_ + 1] : template_value::undefined("there is no next item");
  else if (name == "cycle")
    found_ = cycle();
  else if (name == "changed")
    found_ = changed();
  else
    return nullptr;
  return &found_;
}

} // namespace troupe
