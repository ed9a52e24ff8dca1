#pragma once

#include "base/attention_window.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace troupe {

class gguf_file;

/// The layers' windows as the metadata has them. Empty: every layer sees everything.
/// ARCH.attention.sliding_window: positions that a query sees, its own included; absent or 0: all.
/// ARCH.attention.sliding_window_pattern: which layers have it; absent: all of them. Either one flag a layer,
/// or a number n: the last of each n layers sees everything (0: none does). Where it is absent and `period`
/// is not 0, the family's own number counts. Errors: wrong_type, bad_shape; they name the key. Source:
/// llama.cpp, src/llama-hparams.cpp (set_swa_pattern).
result<std::vector<attention_window>> read_attention_windows(const gguf_file& file,
                                                             std::string_view architecture, int32_t layers,
                                                             int64_t period = 0);

/// Narrows every layer that sees further than `limit`, which then has the limit's sinks too. A layer that was
/// trained with a narrower window keeps it, and gets no sinks. An unlimited `limit` changes nothing.
void limit_windows(std::vector<attention_window>& windows, attention_window limit, int32_t layers);

/// The one that the settings ask for.
attention_window window_of(const settings& configuration);

/// The least that holds everything any layer sees; unlimited if one layer is.
attention_window widest(std::span<const attention_window> windows);

} // namespace troupe
