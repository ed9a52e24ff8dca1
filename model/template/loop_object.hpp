#pragma once

#include "model/template/value.hpp"

namespace troupe {

/// The name `loop` inside a for: index, first, last, previtem, cycle and so on.
class loop_object final : public template_object {
public:
  explicit loop_object(std::vector<template_value> items) : items_(std::move(items)) {}

  const std::vector<template_value>& items() const { return items_; }
  std::size_t index() const { return index_; }
  void advance() { ++index_; }

  std::string_view type_name() const override { return "LoopContext"; }
  const template_value* attribute(std::string_view name) override;

private:
  template_value cycle() const;
  template_value changed();

  std::vector<template_value> items_;
  std::size_t index_ = 0;
  template_value found_;                         // the attribute given last
  std::shared_ptr<template_value> changed_from_; // what changed() was asked last
};

} // namespace troupe
