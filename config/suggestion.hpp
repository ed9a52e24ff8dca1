#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// Insertions, deletions, replacements and swaps of neighbours that turn one into the other (optimal string
/// alignment).
size_t edit_distance(std::string_view, std::string_view);

/// The nearest of the known names, or empty if none is near: at most a third of the name's letters differ.
std::string nearest_name(std::string_view name, std::span<const std::string> known);

/// "; did you mean X?" or nothing.
std::string did_you_mean(std::string_view name, std::span<const std::string> known);

} // namespace troupe
