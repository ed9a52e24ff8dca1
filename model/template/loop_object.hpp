#pragma once

#include "model/template/value.hpp"

namespace troupe {

/// The name `loop` inside a for: index, first, last, previtem, cycle and so on.
class loop_object final : public template_object {
public:
  loop_object(std::vector<template_value> items, std::size_t depth)
      : items_(std::move(items)), depth_(depth) {}

  const std::vector<template_value>& items() const { return items_; }
  std::size_t index() const { return index_; }
  std::size_t depth() const { return depth_; }
  void advance() { ++index_; }

  std::string_view type_name() const override { return "LoopContext"; }
  const template_value* attribute(std::string_view name) override;

private:
  template_value cycle() const;
  template_value changed();

  std::vector<template_value> items_;
  std::size_t index_ = 0;
  std::size_t depth_; // 1: not inside another loop
  template_value found_;
  std::shared_ptr<template_value> changed_from_; // what changed() was asked last
};

/// 1 more than the loop that `loop` names, 1 outside of all.
std::size_t loop_depth_of(const template_value* loop);

} // namespace troupe
