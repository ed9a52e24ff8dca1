#include "model/tokenizer_merges.hpp"

#include "model/byte_level.hpp"
#include "model/errors.hpp"

#include <fmt/format.h>
#include <string>
#include <string_view>
#include <unordered_map>

namespace troupe {

namespace {

constexpr std::string_view merges_key = "tokenizer.ggml.merges";
constexpr size_t merges_max = 1'048'576; // known vocabularies have up to 450,000

} // namespace

result<tokenizer_merges> read_merges(const gguf_file& file) {
  const auto texts = file.get_strings("tokenizer.ggml.tokens");
  const auto lines = texts ? file.get_strings(merges_key) : texts;
  if (!lines)
    return forward_error(lines);
  if (lines->size() > merges_max)
    return failure(model_error::bad_vocabulary, fmt::format("{} has {} merges, at most {} are read",
                                                            merges_key, lines->size(), merges_max));
  std::unordered_map<std::string_view, token_id> ids;
  ids.reserve(texts->size());
  for (size_t i = 0; i < texts->size(); ++i)
    ids.emplace((*texts)[i], static_cast<token_id>(i));
  const auto id_of = [&](std::string_view text) {
    const auto found = ids.find(text);
    return found == ids.end() || text.empty() ? -1 : found->second;
  };

  tokenizer_merges made{bpe_merges(lines->size()), {}};
  for (size_t byte = 0; byte < 256; ++byte)
    made.byte_tokens[byte] = id_of(byte_level_characters()[byte]);
  std::string joined;
  for (size_t rank = 0; rank < lines->size(); ++rank) {
    const auto line = (*lines)[rank];
    const size_t space = line.find(' ', 1); // a part has at least one byte
    const auto left = line.substr(0, space);
    const auto right = space == line.npos ? std::string_view() : line.substr(space + 1);
    joined.assign(left).append(right);
    const token_id ids_of_merge[] = {id_of(left), id_of(right), id_of(joined)};
    for (const auto id : ids_of_merge)
      if (id < 0)
        return failure(
            model_error::bad_vocabulary,
            fmt::format("{}: the merge number {} ({}) joins or makes something that is no token; convert the "
                        "model again",
                        merges_key, rank, printable(line)));
    made.merges.add(ids_of_merge[0], ids_of_merge[1], ids_of_merge[2]);
  }
  return made;
}

} // namespace troupe
