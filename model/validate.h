#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/fwd.h"

/// What is wrong with a job. Pure, any thread.
namespace drover::model {

struct JobLimits {
  std::int64_t priority_max = 100;
  std::int64_t count_max = 50000;  ///< allocations over all groups
  bool memory_oversubscription = false;  ///< whether memory_max is heeded
};

struct Validation {
  std::vector<std::string> errors;  ///< each may have lines of its own, below what it belongs to
  std::string warnings;             ///< one text for the caller; "" when there are none

  bool ok() const { return errors.empty(); }
  /// "2 errors occurred:\n\t* …", as clients know it; "" when there are none.
  std::string text() const;
};

/// All problems of a job in stored form (canonicalize() and complete_for_store() done), not only the first.
Validation validate(const Job& job, const JobLimits& limits = {});

/// What speaks against registering `next` over `before`: type, periodic and parameterized stay as they are.
std::vector<std::string> problems_of_update(const Job& before, const Job& next);

}  // namespace drover::model
