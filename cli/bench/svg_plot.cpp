#include "cli/bench/svg_plot.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace troupe {

namespace {

constexpr double width = 560, height = 260;
constexpr double left = 52, right = 14, top = 12, bottom = 38; // margins around the plot itself

/// One axis with its range settled.
class scale {
public:
  scale(const plot_axis& axis, double low, double high, double from, double to)
      : axis_(axis), from_(from), to_(to) {
    const bool given = axis.maximum > axis.minimum;
    low_ = given ? axis.minimum : low;
    high_ = given ? axis.maximum : high;
    if (axis.logarithmic) { // whole steps of 1, 2, 5
      low_ = std::max(low_, 1e-9);
      const auto marks = steps();
      low_ = *std::prev(std::upper_bound(marks.begin(), marks.end(), low_ * (1 + 1e-12)));
      high_ = *std::lower_bound(marks.begin(), marks.end(), std::max(high_, low_) * (1 - 1e-12));
    } else if (!given) {
      low_ = 0;
    }
    if (!(high_ > low_))
      high_ = axis.logarithmic ? low_ * 10 : low_ + 1;
  }

  bool takes(double value) const { return std::isfinite(value) && (!axis_.logarithmic || value > 0); }

  double at(double value) const {
    const double share =
        axis_.logarithmic ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
    return from_ + (to_ - from_) * std::clamp(share, 0.0, 1.0);
  }

  double low() const { return low_; }
  double high() const { return high_; }

  std::vector<double> ticks() const {
    std::vector<double> out;
    if (axis_.logarithmic) {
      const bool many = high_ / low_ > 1000;
      for (const double mark : steps())
        if (mark >= low_ * (1 - 1e-12) && mark <= high_ * (1 + 1e-12) && (!many || is_decade(mark)))
          out.push_back(mark);
      return out;
    }
    const double raw = (high_ - low_) / 5;
    const double decade = std::pow(10, std::floor(std::log10(raw)));
    const double factor = raw / decade;
    const double step = decade * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
    for (double mark = std::ceil(low_ / step - 1e-9) * step; mark <= high_ * (1 + 1e-9); mark += step)
      out.push_back(mark);
    return out;
  }

private:
  static bool is_decade(double mark) {
    const double exponent = std::log10(mark);
    return std::abs(exponent - std::round(exponent)) < 1e-9;
  }

  static std::vector<double> steps() {
    std::vector<double> out;
    for (int exponent = -9; exponent <= 12; ++exponent)
      for (const double factor : {1.0, 2.0, 5.0})
        out.push_back(factor * std::pow(10, exponent));
    return out;
  }

  const plot_axis& axis_;
  double low_, high_, from_, to_;
};

std::string number(double value) {
  if (std::abs(value) >= 1e6)
    return fmt::format("{:g}M", value / 1e6);
  if (std::abs(value) >= 1e4)
    return fmt::format("{:g}k", value / 1e3);
  return fmt::format("{:g}", std::abs(value) < 1e-9 ? 0 : value);
}

/// Around the points of all series; of nothing, 1 to 1.
scale make_scale(const plot& what, const plot_axis& axis, bool is_x, double from, double to) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const plot_series& series : what.series)
    for (const auto& [x, y] : series.points) {
      const double value = is_x ? x : y;
      if (!std::isfinite(value) || (axis.logarithmic && value <= 0))
        continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  if (low > high)
    low = high = 1;
  return {axis, low, high, from, to};
}

void draw_axes(const plot& what, const scale& x, const scale& y, std::string& out) {
  for (const auto& [from, to] : what.shaded)
    out += fmt::format(R"(<rect class="shade" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>)", x.at(from),
                       top, std::max(0.0, x.at(to) - x.at(from)), height - top - bottom);
  for (const double mark : y.ticks())
    out += fmt::format(R"(<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>)"
                       R"(<text x="{}" y="{:.1f}" text-anchor="end">{}</text>)",
                       left, width - right, y.at(mark), y.at(mark), left - 7, y.at(mark) + 3.5, number(mark));
  for (const double mark : x.ticks())
    out += fmt::format(R"(<line class="tick" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>)"
                       R"(<text x="{0:.1f}" y="{3}" text-anchor="middle">{4}</text>)",
                       x.at(mark), height - bottom, height - bottom + 4, height - bottom + 16, number(mark));
  out += fmt::format(R"(<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>)", left, width - right,
                     height - bottom, height - bottom);
  out += fmt::format(R"(<text class="unit" x="{}" y="{}" text-anchor="end">{}</text>)", width - right,
                     height - 6, html_text(what.x.unit));
}

void draw_series(const plot_series& series, size_t place, const scale& x, const scale& y, std::string& out) {
  out += fmt::format(R"(<g class="s{}">)", place);
  std::string path;
  double first_x = 0, last_x = 0;
  for (const auto& [px, py] : series.points) {
    if (!x.takes(px) || !y.takes(py))
      continue;
    if (series.mark == plot_mark::dots) {
      out += fmt::format(R"(<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="1.8"/>)", x.at(px), y.at(py));
      continue;
    }
    last_x = x.at(px);
    if (path.empty())
      first_x = last_x;
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", last_x, y.at(py));
  }
  if (!path.empty() && series.mark == plot_mark::area)
    out += fmt::format(R"(<path class="area" d="{}L{:.1f} {}L{:.1f} {}Z"/>)", path, last_x, height - bottom,
                       first_x, height - bottom);
  if (!path.empty())
    out += fmt::format(R"(<path class="curve" d="{}"/>)", path);
  for (const plot_note& note : series.notes)
    if (x.takes(note.x) && y.takes(note.y))
      out += fmt::format(R"(<circle class="note" cx="{:.1f}" cy="{:.1f}" r="4"><title>{}</title></circle>)",
                         x.at(note.x), y.at(note.y), html_text(note.text));
  out += "</g>";
}

} // namespace

std::string html_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\'':
      out += "&#39;";
      break;
    default:
      out += c;
    }
  }
  return out;
}

std::string svg_of(const plot& what) {
  const scale x = make_scale(what, what.x, true, left, width - right);
  const scale y = make_scale(what, what.y, false, height - bottom, top);
  std::string out = fmt::format(R"(<svg viewBox="0 0 {} {}" role="img">)", width, height);
  draw_axes(what, x, y, out);
  for (size_t i = 0; i < what.series.size(); ++i)
    draw_series(what.series[i], i + 1, x, y, out);
  out += "</svg>";
  std::string legend;
  for (size_t i = 0; i < what.series.size(); ++i)
    if (!what.series[i].name.empty())
      legend += fmt::format(R"(<span class="s{}"><i></i>{}</span>)", i + 1, html_text(what.series[i].name));
  return legend.empty() ? out : out + "<p class=\"legend\">" + legend + "</p>";
}

} // namespace troupe
