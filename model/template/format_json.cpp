#include "model/template/format.hpp"
#include "model/template/operators.hpp"
#include "model/template/unicode.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace troupe {

namespace {

/// One call of to_json: walks the value, appends to out.
class json_writer {
public:
  json_writer(template_meter& meter, const json_style& style) : meter_(meter), style_(style) {}

  void value(const template_value& item) {
    meter_.steps(1);
    const std::size_t before = out_.size();
    if (item.is_text())
      string(item.text());
    else if (item.is_list() &&
             (item.list().flavor == list_flavor::list || item.list().flavor == list_flavor::tuple))
      list(item.list());
    else if (item.is_dict())
      dict(item.dict());
    else
      out_.append(scalar(item), false);
    if (!item.is_list() && !item.is_dict())
      meter_.text(out_.size() - before);
  }

  marked_text take() { return std::move(out_); }

private:
  static std::string scalar(const template_value& item) {
    if (item.is_none())
      return "null";
    if (item.is_bool())
      return item.boolean() ? "true" : "false";
    if (item.is_integer())
      return std::to_string(item.integer());
    if (!item.is_float())
      template_fail(fmt::format("a value of type {} cannot be written as JSON", item.type_name()));
    if (std::isnan(item.number()))
      return "NaN";
    if (std::isinf(item.number()))
      return item.number() < 0 ? "-Infinity" : "Infinity";
    return float_repr(item.number());
  }

  std::string escaped(uint32_t c) const {
    switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    default:
      break;
    }
    if (c < 0x20 || (style_.ascii_only && c > 0x7E && c < 0x10000))
      return fmt::format("\\u{:04x}", c);
    if (style_.ascii_only && c >= 0x10000)
      return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((c - 0x10000) >> 10),
                         0xDC00 + ((c - 0x10000) & 0x3FF));
    std::string bytes;
    append_code_point(bytes, c);
    return bytes;
  }

  void string(const marked_text& text) {
    out_.append("\"", false);
    text.for_each_run([&](std::string_view bytes, bool plain) {
      std::string run;
      for (std::size_t at = 0; at < bytes.size();)
        run += escaped(next_code_point(bytes, at));
      out_.append(run, plain);
    });
    out_.append("\"", false);
  }

  void new_line(uint32_t level) {
    if (!style_.indented)
      return;
    meter_.text(style_.indent.size() * level + 1);
    out_.append("\n", false);
    for (uint32_t i = 0; i < level; ++i)
      out_.append(style_.indent);
  }

  void list(const template_list& items) {
    out_.append("[", false);
    ++level_;
    for (std::size_t i = 0; i < items.items.size(); ++i) {
      if (i > 0)
        out_.append(style_.item_separator);
      new_line(level_);
      value(items.items[i]);
    }
    --level_;
    if (!items.items.empty())
      new_line(level_);
    out_.append("]", false);
  }

  void dict(const template_dict& items) {
    std::vector<const template_dict::entry*> order;
    for (const auto& entry : items.entries())
      order.push_back(&entry);
    if (style_.sort_keys)
      std::stable_sort(order.begin(), order.end(),
                       [this](const auto* a, const auto* b) { return is_less(meter_, a->first, b->first); });
    out_.append("{", false);
    ++level_;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i > 0)
        out_.append(style_.item_separator);
      new_line(level_);
      const template_value& key = order[i]->first;
      string(key.is_text() ? key.text() : marked_text(scalar(key), false));
      out_.append(style_.key_separator);
      value(order[i]->second);
    }
    --level_;
    if (!order.empty())
      new_line(level_);
    out_.append("}", false);
  }

  template_meter& meter_;
  const json_style& style_;
  marked_text out_;
  uint32_t level_ = 0;
};

} // namespace

marked_text to_json(template_meter& meter, const template_value& value, const json_style& style) {
  json_writer writer(meter, style);
  writer.value(value);
  marked_text out = writer.take();
  meter.text(out.size());
  return out;
}

} // namespace troupe
