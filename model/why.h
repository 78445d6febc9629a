#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/fwd.h"

/// Why something is not running, for people: one sentence with what is exhausted or ruled out, on how many nodes, and the
/// next step. Pure, any thread.
namespace drover::model {

struct Why {
  std::string subject;   ///< "group web", "task server of web.app[0]"
  std::string sentence;  ///< "3 allocations wait for memory: …", without a full stop
  std::string next_step; ///< what to do about it, in the imperative
  friend bool operator==(const Why&, const Why&) = default;

  /// "group web: 3 allocations … Next: …"
  std::string text() const;
};

/// Why a job as such has nothing to run: it was stopped, or waits for its time or for a dispatch, or asks for nothing.
std::optional<Why> why_at_rest(const Job& job);

/// What an evaluation could not place, one entry for each group, in order of names. Empty when it placed everything.
/// `job` may be null; with it the sentences name what was asked for.
std::vector<Why> why_unplaced(const Evaluation& eval, const Job* job);

/// Why tasks of an allocation do not run: the last thing that happened to each. Empty when they run or have done their
/// work.
std::vector<Why> why_not_running(const Allocation& alloc);

}  // namespace drover::model
