#pragma once

#include "model/template/value.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

/// Names of one block: a loop's turn, a macro's call, the template itself. Inner scopes see outer ones and
/// set only their own.
class template_scope {
public:
  explicit template_scope(std::shared_ptr<template_scope> outer) : outer_(std::move(outer)) {}

  void set(const std::string& name, template_value value) {
    for (auto& [known, held] : names_) {
      if (known == name) {
        held = std::move(value);
        return;
      }
    }
    names_.emplace_back(name, std::move(value));
  }

  const template_value* find(std::string_view name) const {
    for (const template_scope* scope = this; scope != nullptr; scope = scope->outer_.get())
      for (const auto& [known, held] : scope->names_)
        if (known == name)
          return &held;
    return nullptr;
  }

  /// Breaks cycles: a macro holds the scope that holds it.
  void clear() { names_.clear(); }

private:
  std::shared_ptr<template_scope> outer_;
  std::vector<std::pair<std::string, template_value>> names_;
};

using scope_ptr = std::shared_ptr<template_scope>;

} // namespace troupe
