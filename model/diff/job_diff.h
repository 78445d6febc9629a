#pragma once

#include "model/fwd.h"

namespace drover::model {

class JobDiff;
class PlanAnnotations;

/// What differs between two jobs that are in stored form (complete_for_store). `before` or `after` may be null: then all
/// of the other is deleted or added. In objects, members that are equal are shown too, as their surroundings.
JobDiff diff_jobs(const Job* before, const Job* after);

/// Notes in a diff what would be done: counts for each group, and what each change forces. A hint, not a promise.
void annotate(JobDiff& diff, const PlanAnnotations& plan);

}  // namespace drover::model
