#pragma once

#include "net/field_reader.hpp"

#include <string>
#include <utility>
#include <vector>

/// What the chat door and the responses door read alike.
namespace troupe {

/// Largest text field of a request; the body's limit is usually smaller.
inline constexpr size_t text_bytes_max = 256 * 1024 * 1024;

/// priority and cache_salt.
void read_scheduling(field_reader&, generation_request&);

/// A string, or a list of parts of one of the given types, each with a `text`; several parts are joined by a
/// line feed, as other servers do.
std::optional<std::string> read_content(field_reader&, std::string_view name,
                                        std::initializer_list<const char*> part_types);

/// At most 16 pairs of strings; keys up to 64, values up to 512 characters.
std::vector<std::pair<std::string, std::string>> read_metadata(field_reader&);

/// A string of at most 64 characters that has no effect here, or only goes back.
std::optional<std::string> read_short_text(field_reader&, const char* name);

/// Refuses any but {"type": "text"}, which is what we do anyway.
void read_text_format(field_reader&, const char* name);

/// Characters (code points) of UTF-8 text.
size_t character_count(std::string_view text);

/// "system" for "developer", which chat templates do not know; other roles as they are.
std::string template_role(std::string_view role);

} // namespace troupe
