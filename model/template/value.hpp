#pragma once

#include "model/template/marked_text.hpp"
#include "model/template/meter.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace troupe {

class template_value;
struct template_list;
class template_dict;
struct template_object;

/// What a missing name or attribute gives: empty when printed or looped over, an error when used otherwise.
struct undefined_value {
  std::shared_ptr<const std::string> reason; // "'tools' is undefined"
};

/// A value of the template language, with Python's meaning. Copies are cheap and share; only namespaces
/// change.
class template_value {
public:
  using text_ptr = std::shared_ptr<const marked_text>;
  using list_ptr = std::shared_ptr<template_list>;
  using dict_ptr = std::shared_ptr<template_dict>;
  using object_ptr = std::shared_ptr<template_object>;

  template_value() = default; // None
  template_value(undefined_value value) : data_(std::move(value)) {}
  template_value(bool value) : data_(value) {}
  template_value(int64_t value) : data_(value) {}
  template_value(double value) : data_(value) {}
  template_value(marked_text text) : data_(std::make_shared<const marked_text>(std::move(text))) {}
  template_value(list_ptr value) : data_(std::move(value)) {}
  template_value(dict_ptr value) : data_(std::move(value)) {}
  template_value(object_ptr value) : data_(std::move(value)) {}
  template_value(const void*) = delete; // a pointer is not a bool

  static template_value undefined(std::string reason);
  static template_value count(std::size_t number) { return static_cast<int64_t>(number); }

  bool is_undefined() const { return std::holds_alternative<undefined_value>(data_); }
  bool is_none() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_integer() const { return std::holds_alternative<int64_t>(data_); } // without bool
  bool is_float() const { return std::holds_alternative<double>(data_); }
  bool is_number() const { return is_bool() || is_integer() || is_float(); }
  bool is_text() const { return std::holds_alternative<text_ptr>(data_); }
  bool is_list() const { return std::holds_alternative<list_ptr>(data_); }
  bool is_dict() const { return std::holds_alternative<dict_ptr>(data_); }

  bool boolean() const { return std::get<bool>(data_); }
  int64_t integer() const; // of an integer or bool
  double number() const;   // of any number
  const marked_text& text() const { return *std::get<text_ptr>(data_); }
  const std::string& bytes() const { return text().bytes(); }
  template_list& list() const { return *std::get<list_ptr>(data_); }
  template_dict& dict() const { return *std::get<dict_ptr>(data_); }

  /// The reason why it is undefined.
  const std::string& reason() const { return *std::get<undefined_value>(data_).reason; }

  /// The object if it is one of that type, else null.
  template <class Object>
  Object* as() const {
    const auto* object = std::get_if<object_ptr>(&data_);
    return object ? dynamic_cast<Object*>(object->get()) : nullptr;
  }

  /// Python's name of the type, for errors.
  std::string_view type_name() const;

  /// Whether both share one object, or are equal None, bool, small numbers or strings.
  bool same_as(const template_value& other) const;

  /// How deeply lists and dicts nest in it.
  uint32_t depth() const;

private:
  std::variant<std::monostate, undefined_value, bool, int64_t, double, text_ptr, list_ptr, dict_ptr,
               object_ptr>
      data_;
};

enum class list_flavor {
  list,
  tuple,
  range,
  keys, // views of a dict: they have a length, but no items by number
  values,
  entries,
  iterator, // what map or select gives: no length, always true, read once
};

/// What Python counts as a sequence: has a length and items by number.
constexpr bool is_sequence(list_flavor flavor) {
  return flavor == list_flavor::list || flavor == list_flavor::tuple || flavor == list_flavor::range;
}

struct template_list {
  std::vector<template_value> items;
  list_flavor flavor = list_flavor::list;
  uint32_t depth = 1;
  bool hashable = false;                 // a tuple of what can be a key
  bool is_group = false;                 // a pair that groupby gives: also .grouper and .list
  int64_t start = 0, stop = 0, step = 1; // of a range
};

/// Lists and dicts deeper than this are refused, so that walking them is safe.
inline constexpr uint32_t value_depth_max = 100;

template_value make_list(std::vector<template_value> items, list_flavor flavor = list_flavor::list);

/// The numbers from start up to stop, which must not be more than a caller has counted.
template_value make_range(int64_t start, int64_t stop, int64_t step);

/// Keeps the order of insertion. Keys are strings, numbers, None or tuples of those.
class template_dict {
public:
  using entry = std::pair<template_value, template_value>;

  const std::vector<entry>& entries() const { return entries_; }
  uint32_t depth() const { return depth_; }

  /// Replaces the value of an equal key. Fails on a key that cannot be one.
  void set(template_value key, template_value value);

  /// Whether it can be a key: no list or dict, nor a tuple that holds one.
  static bool is_key(const template_value& value);

  const template_value* find(const template_value& key) const;
  const template_value* find(std::string_view key) const;

private:
  std::vector<entry> entries_;
  std::unordered_map<std::string, std::size_t> index_; // encoded key -> entry
  uint32_t depth_ = 1;
};

struct call_arguments {
  std::vector<template_value> positional;
  std::vector<std::pair<std::string, template_value>> named;
};

struct template_object {
  virtual ~template_object() = default;
  virtual std::string_view type_name() const = 0;

  /// An attribute, or null if it has none of that name.
  virtual const template_value* attribute(std::string_view) { return nullptr; }

  virtual bool is_callable() const { return false; }
  virtual template_value call(template_meter& meter, const call_arguments& arguments);

  /// What printing it gives.
  virtual marked_text shown(template_meter& meter);
};

/// What namespace() makes: the only thing a template can change.
struct namespace_object final : template_object {
  std::map<std::string, template_value, std::less<>> names;

  std::string_view type_name() const override { return "Namespace"; }
  const template_value* attribute(std::string_view name) override;
};

using template_function = std::function<template_value(template_meter&, const call_arguments&)>;

/// A macro, a global function or a method bound to its value.
struct callable_object final : template_object {
  std::string name;
  template_function function;
  std::map<std::string, template_value, std::less<>> attributes;
  bool is_macro = false;
  bool is_anonymous = false; // the body of a call block

  std::string_view type_name() const override { return is_macro ? "Macro" : "function"; }
  const template_value* attribute(std::string_view wanted) override;
  bool is_callable() const override { return true; }
  template_value call(template_meter& meter, const call_arguments& arguments) override {
    return function(meter, arguments);
  }
  marked_text shown(template_meter& meter) override;
};

template_value make_callable(std::string name, template_function function);

/// Arguments by parameter name: null where not given. Fails on too many, unknown, doubled or missing ones.
std::vector<const template_value*> bind_arguments(const call_arguments& arguments, std::string_view function,
                                                  std::initializer_list<std::string_view> names,
                                                  std::size_t required = 0);

/// Strings inside become plain text. Fails beyond value_depth_max.
template_value value_from_json(template_meter& meter, const nlohmann::ordered_json& json);

} // namespace troupe
