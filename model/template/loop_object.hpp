#pragma once

#include "model/template/value.hpp"

namespace troupe {

/// The name `loop` inside a for: index, first, last, previtem, cycle and so on. In a recursive loop it can be
/// called with the items of the next level.
class loop_object final : public template_object {
public:
  /// recurse: renders the loop's body for other items, one level deeper; empty if the loop is not recursive.
  loop_object(std::vector<template_value> items, int64_t depth0, template_function recurse)
      : items_(std::move(items)), depth0_(depth0), recurse_(std::move(recurse)) {}

  const std::vector<template_value>& items() const { return items_; }
  std::size_t index() const { return index_; }
  void advance() { ++index_; }

  std::string_view type_name() const override { return "LoopContext"; }
  const template_value* attribute(std::string_view name) override;
  bool is_callable() const override { return true; }
  template_value call(template_meter& meter, const call_arguments& arguments) override;
  marked_text shown(template_meter& meter) override;

private:
  template_value cycle() const;
  template_value changed();

  std::vector<template_value> items_;
  int64_t depth0_;
  template_function recurse_;
  std::size_t index_ = 0;
  template_value found_;                         // the attribute given last
  std::shared_ptr<template_value> changed_from_; // what changed() was asked last
};

} // namespace troupe
