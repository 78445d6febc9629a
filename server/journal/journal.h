#pragma once

#include <drover/result.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/loop/async.h"
#include "server/journal/index.h"

namespace drover::server {

/// Records with following indexes.
using Batch = std::vector<std::string>;

/// What became of an append.
struct Appended {
  enum class Outcome : std::uint8_t {
    durable,  ///< all of the batch survives any crash
    refused,  ///< nothing of it is there, nor will be
    unknown,  ///< all or nothing of it is there: lead() again to find out
  };
  Outcome outcome = Outcome::durable;
  Error error;  ///< why, unless durable: `exhausted` (disk full), `conflict` (another leads), …

  bool durable() const { return outcome == Outcome::durable; }
};

constexpr std::size_t journal_record_bytes_max = 64 << 20;  ///< a longer record is refused
constexpr std::size_t journal_batch_records_max = 65536;    ///< a longer batch is refused

/// The server's only durable truth: commands, numbered without gaps. On the server's loop.
///
/// One leader at a time: lead() fences all others, whose appends are refused from then on. One append is in flight at
/// most. A coroutine that is cancelled while it waits gets unknown / Code::cancelled; the work itself goes on.
class Journal {
 public:
  virtual ~Journal() = default;

  /// Takes over and gives the index of the last record (0: none was ever written). Also after a refused or unknown
  /// append. Errors (`internal`) name file, record and cure when acknowledged records are damaged or missing.
  virtual Async<Result<Index>> lead() = 0;

  /// Makes the batch durable, whole or not at all; `first` is head + 1, anything else is refused (`conflict`).
  virtual Async<Appended> append(Index first, Batch batch) = 0;

  /// Calls `visit` on the loop for each record from `from` on, in order; an error of it ends the replay. `not_found`
  /// when records from there on have been trimmed.
  virtual Async<Result<void>> replay(Index from, std::function<Result<void>(Index, std::string_view)> visit) = 0;

  /// Forgets the records up to and including `to`; the head stays. Appends go on meanwhile.
  virtual Async<Result<void>> trim(Index to) = 0;
};

}  // namespace drover::server
