#pragma once

#include <string>
#include <utility>
#include <vector>

namespace troupe {

enum class plot_mark { line, area, dots };

/// A dot that tells something when it is pointed at.
struct plot_note {
  double x = 0;
  double y = 0;
  std::string text;
};

/// One curve. It takes its colour from the page's style sheet: .s1, .s2, … in this order.
struct plot_series {
  std::string name; // for the legend; empty: not in it
  plot_mark mark = plot_mark::line;
  std::vector<std::pair<double, double>> points; // x ascending, but for dots
  std::vector<plot_note> notes;
};

struct plot_axis {
  std::string unit; // under the ticks
  bool logarithmic = false;
  double minimum = 0; // equal to the maximum: what the points need
  double maximum = 0;
};

struct plot {
  plot_axis x;
  plot_axis y;
  std::vector<plot_series> series;
  std::vector<std::pair<double, double>> shaded; // ranges of x behind it all
};

/// An <svg> element of 560 x 260 units that scales with its place. Points that are not finite, or not above
/// zero on a logarithmic axis, are left out.
std::string svg_of(const plot&);

/// The text with &, <, >, " and ' escaped.
std::string html_text(const std::string&);

} // namespace troupe
