#pragma once

#include <string>
#include <string_view>

namespace drover::agent {

/// What is wrong with a write-ahead log of SQLite, as a sentence; "" for one that is whole, or empty.
///
/// SQLite takes a log up to the first record that does not fit and forgets the rest in silence: right after a power cut,
/// when that record was never finished, and a loss when the disk has changed what was written. A log is also what is
/// left of an earlier, longer one; those records bear other marks and are no damage.
std::string log_damage(std::string_view log);

}  // namespace drover::agent
