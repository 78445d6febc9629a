#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <drover/result.h>

#include "server/state/state.h"

namespace drover::server {

/// The format of what serialize() writes. restore() reads this one and refuses others by name.
constexpr std::uint32_t snapshot_format = 1;

/// Writes the state as bytes, piece by piece: equal states give equal bytes. `write` returns an error to give up.
Result<void> serialize(const Snapshot& state, const std::function<Result<void>(std::string_view)>& write);
/// The same in one text; for tests and comparisons.
std::string serialize(const Snapshot& state);

/// The state that was serialised. What is cut short or not ours is an error that names the record.
Result<State> restore(std::string_view bytes);

}  // namespace drover::server
