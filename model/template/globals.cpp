#include "model/template/globals.hpp"

#include "model/template/operators.hpp"
#include "model/template/text_tools.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr int64_t range_max = 100'000; // the sandbox's own bound

template_value range(template_meter& meter, const call_arguments& arguments) {
  const auto bound = bind_arguments(arguments, "range", {"start", "stop", "step"}, 1);
  const int64_t one = integer_argument(*bound[0], "range");
  const int64_t start = bound[1] != nullptr ? one : 0;
  const int64_t stop = bound[1] != nullptr ? integer_argument(*bound[1], "range") : one;
  const int64_t step = bound[2] != nullptr ? integer_argument(*bound[2], "range") : 1;
  if (step == 0)
    template_fail("range() needs a step other than 0");
  const double count = (static_cast<double>(stop) - static_cast<double>(start)) / static_cast<double>(step);
  if (count > static_cast<double>(range_max))
    template_over_limit(fmt::format("range() of more than {} numbers", range_max));
  meter.steps(static_cast<uint64_t>(std::max(count, 0.0)) + 1);
  return make_range(start, stop, step);
}

/// dict(mapping or pairs, name=value...).
template_value dict(template_meter& meter, const call_arguments& arguments) {
  auto made = std::make_shared<template_dict>();
  if (arguments.positional.size() > 1)
    template_fail("dict() takes at most one argument by position");
  for (const template_value& from : arguments.positional) {
    if (from.is_dict()) {
      meter.steps(from.dict().entries().size());
      *made = from.dict();
      continue;
    }
    for (const template_value& pair : items_of(meter, from)) {
      const std::vector<template_value> two = items_of(meter, pair);
      if (two.size() != 2)
        template_fail("dict() needs pairs");
      made->set(two[0], two[1]);
    }
  }
  for (const auto& [name, value] : arguments.named)
    made->set(marked_text(name, false), value);
  return made;
}

template_value make_namespace(template_meter& meter, const call_arguments& arguments, namespace_pool& pool) {
  const template_value first = dict(meter, arguments);
  auto made = std::make_shared<namespace_object>();
  for (const auto& [name, value] : first.dict().entries()) {
    if (!name.is_text()) // nothing could ask for it
      continue;
    const std::string& text = name.bytes();
    if (text.starts_with('_'))
      template_fail(fmt::format("a namespace cannot hold '{}'", text));
    made->names[text] = value;
  }
  pool.push_back(made);
  return template_value::object_ptr(std::move(made));
}

template_value raise_exception(template_meter&, const call_arguments& arguments) {
  const auto bound = bind_arguments(arguments, "raise_exception", {"message"}, 1);
  const bool text = bound[0]->is_text();
  throw template_failure{model_error::template_raised,
                         text ? bound[0]->bytes() : "the template raised an error"};
}

template_value strftime_now(template_meter& meter, const call_arguments& arguments, int64_t now) {
  const auto bound = bind_arguments(arguments, "strftime_now", {"format"}, 1);
  std::string format = text_argument(*bound[0], "strftime_now").bytes();
  // As Python's datetime has them: no zone, no parts of a second.
  for (std::size_t at = format.find('%'); at != std::string::npos; at = format.find('%', at)) {
    const char letter = at + 1 < format.size() ? format[at + 1] : ' ';
    const bool gone = letter == 'z' || letter == 'Z';
    if (gone || letter == 'f')
      format.replace(at, 2, gone ? "" : "000000");
    else
      at += 2;
  }
  if (format.size() > 256 || format.find('\0') != std::string::npos)
    template_fail("strftime_now() takes a format of up to 256 bytes");
  const time_t seconds = now;
  std::tm parts{};
  char buffer[4096];
  if (gmtime_r(&seconds, &parts) == nullptr)
    template_fail("strftime_now() got a time out of range");
  const std::size_t size = std::strftime(buffer, sizeof buffer, format.c_str(), &parts);
  meter.text(size);
  return marked_text(std::string_view(buffer, size), false);
}

/// Gives its separator on every call but the first.
template_value joiner(template_meter&, const call_arguments& arguments) {
  const auto bound = bind_arguments(arguments, "joiner", {"sep"});
  const marked_text separator =
      bound[0] != nullptr ? text_argument(*bound[0], "joiner") : marked_text(", ", false);
  return make_callable("joiner", [separator, used = false](template_meter&, const call_arguments&) mutable {
    const bool first = !std::exchange(used, true);
    return template_value(first ? marked_text() : separator);
  });
}

/// dict.fromkeys(keys, value).
template_value from_keys(template_meter& meter, const call_arguments& arguments) {
  const auto bound = bind_arguments(arguments, "fromkeys", {"iterable", "value"}, 1);
  auto made = std::make_shared<template_dict>();
  for (template_value& key : items_of(meter, *bound[0]))
    made->set(std::move(key), bound[1] != nullptr ? *bound[1] : template_value());
  return made;
}

template_value make_dict_function() {
  template_value made = make_callable("dict", dict);
  made.as<callable_object>()->attributes["fromkeys"] = make_callable("fromkeys", from_keys);
  return made;
}

/// cycler(a, b, ...): next() goes through them again and again, current is the one that next() gives.
struct cycler_object final : template_object {
  std::shared_ptr<const std::vector<template_value>> items;
  std::shared_ptr<std::size_t> at = std::make_shared<std::size_t>(0);
  template_value found;

  std::string_view type_name() const override { return "Cycler"; }
  const template_value* attribute(std::string_view name) override {
    if (name == "current")
      found = (*items)[*at];
    else if (name == "next")
      found = make_callable("next", [list = items, place = at](template_meter&, const call_arguments&) {
        const std::size_t index = *place;
        *place = (index + 1) % list->size();
        return (*list)[index];
      });
    else if (name == "reset")
      found = make_callable("reset", [place = at](template_meter&, const call_arguments&) {
        *place = 0;
        return template_value();
      });
    else
      return nullptr;
    return &found;
  }
};

template_value cycler(template_meter& meter, const call_arguments& arguments) {
  if (arguments.positional.empty() || !arguments.named.empty())
    template_fail("cycler() needs at least one item");
  meter.steps(arguments.positional.size());
  auto made = std::make_shared<cycler_object>();
  made->items = std::make_shared<const std::vector<template_value>>(arguments.positional);
  return template_value::object_ptr(std::move(made));
}

template_value lipsum(template_meter&, const call_arguments&) {
  template_fail("lipsum() is refused: the same messages must give the same prompt");
}

} // namespace

void define_globals(template_scope& scope, int64_t now, namespace_pool& pool) {
  scope.set("range", make_callable("range", range));
  scope.set("dict", make_dict_function());
  scope.set("lipsum", make_callable("lipsum", lipsum));
  scope.set("cycler", make_callable("cycler", cycler));
  scope.set("raise_exception", make_callable("raise_exception", raise_exception));
  scope.set("joiner", make_callable("joiner", joiner));
  scope.set("namespace",
            make_callable("namespace", [&pool](template_meter& meter, const call_arguments& arguments) {
              return make_namespace(meter, arguments, pool);
            }));
  scope.set("strftime_now",
            make_callable("strftime_now", [now](template_meter& meter, const call_arguments& arguments) {
              return strftime_now(meter, arguments, now);
            }));
}

} // namespace troupe
