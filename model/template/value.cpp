#include "model/template/value.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace troupe {

template_value template_value::undefined(std::string reason) {
  return undefined_value{std::make_shared<const std::string>(std::move(reason))};
}

int64_t template_value::integer() const {
  return is_bool() ? int64_t{boolean()} : std::get<int64_t>(data_);
}

double template_value::number() const {
  return is_float() ? std::get<double>(data_) : static_cast<double>(integer());
}

std::string_view template_value::type_name() const {
  switch (data_.index()) {
  case 0:
    return "NoneType";
  case 1:
    return "Undefined";
  case 2:
    return "bool";
  case 3:
    return "int";
  case 4:
    return "float";
  case 5:
    return "str";
  case 6:
    switch (list().flavor) {
    case list_flavor::list:
      return "list";
    case list_flavor::tuple:
      return "tuple";
    case list_flavor::range:
      return "range";
    case list_flavor::keys:
      return "dict_keys";
    case list_flavor::values:
      return "dict_values";
    case list_flavor::entries:
      return "dict_items";
    case list_flavor::iterator:
      return "generator";
    }
    return "list";
  case 7:
    return "dict";
  default:
    return std::get<object_ptr>(data_)->type_name();
  }
}

bool template_value::same_as(const template_value& other) const {
  if (data_.index() != other.data_.index())
    return false;
  if (is_text())
    return bytes() == other.bytes();
  if (is_undefined())
    return std::get<undefined_value>(data_).reason == std::get<undefined_value>(other.data_).reason;
  return std::visit(
      [&](const auto& mine) {
        using type = std::decay_t<decltype(mine)>;
        if constexpr (std::is_same_v<type, undefined_value>)
          return false;
        else
          return mine == std::get<type>(other.data_);
      },
      data_);
}

uint32_t template_value::depth() const {
  return is_list() ? list().depth : is_dict() ? dict().depth() : 0;
}

namespace {

uint32_t deeper(uint32_t depth, const template_value& child) {
  const uint32_t with_child = std::max(depth, child.depth() + 1);
  if (with_child > value_depth_max)
    template_over_limit("a value nests deeper than " + std::to_string(value_depth_max));
  return with_child;
}

constexpr std::size_t key_bytes_max = 1 << 20;

/// Equal keys encode alike: 1, 1.0 and true are one key, as in Python.
void encode_key(std::string& out, const template_value& key) {
  if (key.is_text()) {
    out += 's' + std::to_string(key.bytes().size()) + ':' + key.bytes();
  } else if (key.is_float() &&
             (key.number() != std::floor(key.number()) || std::abs(key.number()) > 0x1p62)) {
    out += 'f' + std::to_string(std::bit_cast<uint64_t>(key.number()));
  } else if (key.is_float()) {
    out += 'i' + std::to_string(static_cast<int64_t>(key.number()));
  } else if (key.is_number()) {
    out += 'i' + std::to_string(key.integer());
  } else if (key.is_none()) {
    out += 'n';
  } else if (key.is_undefined()) {
    out += 'u';
  } else if (key.is_list() && key.list().flavor == list_flavor::range) {
    const auto& items = key.list().items; // ranges of the same numbers are equal
    out += 'r' + std::to_string(items.size());
    for (std::size_t i = 0; i < std::min<std::size_t>(items.size(), 2); ++i)
      out += ',' + std::to_string(items[i].integer());
  } else if (key.is_list() && key.list().flavor == list_flavor::tuple) {
    out += '(';
    for (const template_value& item : key.list().items) {
      encode_key(out, item);
      if (out.size() > key_bytes_max) // tuples that share tuples would take exponential time
        template_over_limit("a tuple is too long for a key of a dict");
    }
    out += ')';
  } else {
    template_fail("a " + std::string(key.type_name()) + " cannot be a key of a dict");
  }
}

} // namespace

template_value make_list(std::vector<template_value> items, list_flavor flavor) {
  auto made = std::make_shared<template_list>();
  for (const template_value& item : items)
    made->depth = deeper(made->depth, item);
  made->hashable =
      flavor == list_flavor::range ||
      (flavor == list_flavor::tuple && std::all_of(items.begin(), items.end(), template_dict::is_key));
  made->items = std::move(items);
  made->flavor = flavor;
  return made;
}

template_value make_range(int64_t start, int64_t stop, int64_t step) {
  std::vector<template_value> items;
  for (int64_t at = start; step > 0 ? at < stop : at > stop;) {
    items.emplace_back(at);
    if (__builtin_add_overflow(at, step, &at))
      break;
  }
  template_value made = make_list(std::move(items), list_flavor::range);
  made.list().start = start;
  made.list().stop = stop;
  made.list().step = step;
  return made;
}

bool template_dict::is_key(const template_value& value) {
  if (value.is_list())
    return value.list().hashable;
  return !value.is_dict() && value.as<template_object>() == nullptr;
}

void template_dict::set(template_value key, template_value value) {
  depth_ = deeper(deeper(depth_, value), key);
  std::string encoded;
  encode_key(encoded, key);
  const auto [found, added] = index_.try_emplace(std::move(encoded), entries_.size());
  if (added)
    entries_.emplace_back(std::move(key), std::move(value));
  else
    entries_[found->second].second = std::move(value);
}

const template_value* template_dict::find(const template_value& key) const {
  std::string encoded;
  encode_key(encoded, key);
  const auto found = index_.find(encoded);
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

const template_value* template_dict::find(std::string_view key) const {
  return find(template_value(marked_text(key, false)));
}

const template_value* namespace_object::attribute(std::string_view name) {
  const auto found = names.find(name);
  return found == names.end() ? nullptr : &found->second;
}

template_value template_object::call(template_meter&, const call_arguments&) {
  template_fail("a " + std::string(type_name()) + " cannot be called");
}

marked_text template_object::shown(template_meter&) {
  return {"<" + std::string(type_name()) + ">", false};
}

const template_value* callable_object::attribute(std::string_view wanted) {
  const auto found = attributes.find(wanted);
  return found == attributes.end() ? nullptr : &found->second;
}

marked_text callable_object::shown(template_meter&) {
  if (is_anonymous)
    return {"<Macro anonymous>", false};
  return {is_macro ? "<Macro '" + name + "'>" : "<function " + name + ">", false};
}

template_value make_callable(std::string name, template_function function) {
  auto made = std::make_shared<callable_object>();
  made->name = std::move(name);
  made->function = std::move(function);
  return template_value::object_ptr(std::move(made));
}

std::vector<const template_value*> bind_arguments(const call_arguments& arguments, std::string_view function,
                                                  std::initializer_list<std::string_view> names,
                                                  std::size_t required) {
  std::vector<const template_value*> bound(names.size(), nullptr);
  if (arguments.positional.size() > names.size())
    template_fail(std::string(function) + "() takes at most " + std::to_string(names.size()) +
                  " arguments, got " + std::to_string(arguments.positional.size()));
  for (std::size_t i = 0; i < arguments.positional.size(); ++i)
    bound[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find(names.begin(), names.end(), name);
    const auto index = static_cast<std::size_t>(found - names.begin());
    if (found == names.end() || bound[index] != nullptr)
      template_fail(std::string(function) + "() got an unexpected or doubled argument '" + name + "'");
    bound[index] = &value;
  }
  for (std::size_t i = 0; i < required; ++i)
    if (bound[i] == nullptr)
      template_fail(std::string(function) + "() needs the argument '" + std::string(names.begin()[i]) + "'");
  return bound;
}

} // namespace troupe
