#pragma once

#include "actors/directory_tier.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "observe/metrics.hpp"

#include <memory>

namespace troupe {

/// What settings.kv_directory asks for: null where it is empty or the prefix cache is off. numbers and clock
/// must outlive `kept`, which the directory's thread holds. Errors: bad_directory.
result<std::shared_ptr<directory_tier>>
open_kv_directory(const settings& configuration, uint64_t numeric_class, std::shared_ptr<kv_store> pages,
                  metrics& numbers, const time_source& clock, std::shared_ptr<const void> kept);

} // namespace troupe
