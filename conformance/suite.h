#pragma once

#include <functional>
#include <string>
#include <vector>

#include "conformance/check.h"

namespace drover::conformance {

enum class Verdict : std::uint8_t { passed, failed, skipped };

struct Outcome {
  const Check* check = nullptr;
  Verdict verdict = Verdict::passed;
  std::string why;  ///< of a failure or a skip
  double seconds = 0;
};

struct Selection {
  std::vector<Level> levels;      ///< empty = all
  std::vector<std::string> only;  ///< ids, or beginnings of ids with a dot at the end; empty = all
};

/// Why a check with those needs is skipped where `has` is all there is; empty: it is not. Both are sets of Need.
std::string why_skipped(unsigned needs, unsigned has);

/// Whether a check is meant.
bool is_selected(const Check& check, const Selection& selection);

struct Judgement {
  std::string driver;  ///< name and version, as it says
  std::vector<Outcome> outcomes;
  std::vector<std::string> left;  ///< what the whole run left behind: processes, mounts, control groups

  std::size_t count(Verdict verdict) const;
  /// No MUST failed, and nothing was left.
  bool conforms() const;
};

/// Runs the checks one after the other; `told` hears of each. An error: the driver cannot be judged at all.
Result<Judgement> judge(Bench& bench, const std::vector<Check>& checks, const Selection& selection,
                        const std::function<void(const Outcome&)>& told);

}  // namespace drover::conformance
