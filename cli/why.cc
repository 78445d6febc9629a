#include "cli/why.h"

#include <algorithm>
#include <map>

#include "base/json/json.h"
#include "model/json/codec.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/why.h"

namespace drover::cli {
namespace {

constexpr std::size_t reasons_shown_max = 5;

template <class Message>
Result<Message> as_message(const Value& value) {
  Message message;
  DROVER_TRY(model::from_json(json::write(value), message));
  return message;
}

/// The newest evaluation that could not place something, unless all of it has found a place since.
const Value* unplaced(const Value::List& evals, const Value& summary) {
  std::int64_t queued = 0;
  for (const auto& [group, counts] : map_of(summary, "Summary")) queued += integer_of(counts, "Queued");
  const Value* newest = nullptr;
  for (const Value& eval : evals) {
    if (map_of(eval, "FailedTGAllocs").empty()) continue;
    if (!newest || integer_of(eval, "CreateIndex") > integer_of(*newest, "CreateIndex")) newest = &eval;
  }
  return queued > 0 ? newest : nullptr;
}

/// Allocations that should run and that nothing has replaced.
bool is_wanted(const Value& alloc) {
  return text_of(alloc, "NextAllocation").empty() && (text_of(alloc, "DesiredStatus") == "run" || text_of(alloc, "ClientStatus") == "failed");
}

}  // namespace

Result<std::string> explain_job(Context& context, const std::string& job_id, bool at_rest) {
  const std::string path = "/v1/job/" + encode(job_id);
  DROVER_LET(const Value job_value, context.api.get(path));
  DROVER_LET(const model::Job job, as_message<model::Job>(job_value));
  if (const auto rests = model::why_at_rest(job)) return at_rest ? rests->text() : "";

  DROVER_LET(const Value evals, context.api.get(path + "/evaluations"));
  DROVER_LET(const Value allocs, context.api.get(path + "/allocations"));
  DROVER_LET(const Value summary, context.api.get(path + "/summary"));
  std::vector<std::string> lines;
  if (const Value* eval = unplaced(evals.items(), summary)) {
    DROVER_LET(const auto message, as_message<model::Evaluation>(*eval));
    for (const model::Why& why : model::why_unplaced(message, &job)) lines.push_back(why.text());
  }
  std::map<std::string, std::size_t> alike;  // equal sentences of a group's allocations are said once
  for (const Value& alloc : allocs.items()) {
    if (!is_wanted(alloc)) continue;
    DROVER_LET(const auto message, as_message<model::Allocation>(alloc));
    for (const model::Why& why : model::why_not_running(message)) {
      if (alike[text_of(alloc, "TaskGroup") + '\n' + why.sentence]++ == 0) lines.push_back(why.text());
    }
  }
  std::size_t left_out = 0;
  for (const auto& [sentence, times] : alike) left_out += times - 1;
  if (lines.size() > reasons_shown_max) {
    left_out += lines.size() - reasons_shown_max;
    lines.resize(reasons_shown_max);
  }
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  if (left_out > 0) text += drover::text("\n({} more like these; drover job status {} lists all)", left_out, job_id);
  return text;
}

}  // namespace drover::cli
