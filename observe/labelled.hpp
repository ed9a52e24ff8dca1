#pragma once

#include <initializer_list>
#include <prometheus/family.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// The children of a family over one label whose values are known beforehand. All exist from the start, so a
/// series reads 0 before its first event; every unknown value counts as "other", so nobody outside makes
/// series.
template <class Metric>
class labelled {
public:
  labelled(prometheus::Family<Metric>& family, const std::string& label,
           std::initializer_list<const char*> values, bool with_other = true) {
    for (const char* value : values)
      children_.emplace_back(value, &family.Add({{label, value}}));
    if (with_other)
      children_.emplace_back("other", &family.Add({{label, "other"}}));
  }

  /// The child of a value, else the last one ("other").
  Metric& of(std::string_view value) {
    for (auto& [name, child] : children_)
      if (name == value)
        return *child;
    return *children_.back().second;
  }

  /// Every child, "other" too, always in the same order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [name, child] : children_)
      visit(*child);
  }

private:
  std::vector<std::pair<std::string, Metric*>> children_;
};

} // namespace troupe
