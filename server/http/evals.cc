#include <algorithm>
#include <set>

#include "model/json/codec.h"
#include "model/proto/answers.pb.h"
#include "model/proto/evaluation.pb.h"
#include "server/http/alloc_stubs.h"
#include "server/http/handlers.h"
#include "server/http/json_body.h"

namespace drover::server {
namespace {

using Evals = std::vector<const model::Evaluation*>;

std::vector<WaitFor> all_evals(const api::Call&) { return {WaitFor{.topic = Topic::evals}}; }
std::vector<WaitFor> all_allocs(const api::Call&) { return {WaitFor{.topic = Topic::allocs}}; }
std::vector<WaitFor> this_eval(const api::Call& call) {
  return {WaitFor{.topic = Topic::evals, .id = id_of(call)}};
}

Evals listed_evals(const Snapshot& state, const api::Call& call) {
  const IdRange range = range_of(call.params.prefix);
  const std::string job = api::text_parameter(call.request, "job");
  const std::string status = api::text_parameter(call.request, "status");
  Evals rows;
  state.each_eval(range.first, [&](const model::Evaluation& eval) {
    if (!range.contains(parse_uuid(eval.id()))) return false;
    const bool wanted = (job.empty() || eval.job_id() == job) && (status.empty() || eval.status() == status);
    if (wanted && shows(call, eval.namespace_())) rows.push_back(&eval);
    return true;
  });
  if (call.params.prefix.empty()) {
    std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->create_index() < b->create_index(); });
  }
  if (call.params.reverse) std::reverse(rows.begin(), rows.end());
  return rows;
}

http::Response eval_page(const SnapshotPtr& state, const CallPtr& call, const api::Filter& filter) {
  const api::Params& params = call->params;
  return list_page(
      call, filter, listed_evals(*state, *call),
      [&params](const model::Evaluation* eval) { return index_token(eval->create_index(), eval->id(), params); },
      [&params](const model::Evaluation* eval, const std::string& token) { return before_index_token(eval->create_index(), eval->id(), token, params); },
      [](const model::Evaluation* eval) -> const model::Evaluation& { return *eval; },
      [state](std::string& out, const model::Evaluation* eval) { model::append_json(out, *eval); });
}

api::Found list_evals(SnapshotPtr state, CallPtr call) {
  const bool others = call->request.parameter("job") || call->request.parameter("status");
  if (!call->params.filter.empty() && others) return refused(400, "Filter expression cannot be used with other filter parameters");
  Result<api::Filter> filter = filter_of(*call);
  if (!filter) return refused(400, filter.error().message);
  const std::string problem = prefix_problem(call->params.prefix, "eval");
  if (!problem.empty()) return refused(500, problem);
  return found(state->index(Topic::evals), state, call,
               [filter = std::move(*filter)](const SnapshotPtr& s, const CallPtr& c) { return eval_page(s, c, filter); });
}

http::Response eval_count(const SnapshotPtr& state, const CallPtr& call, const api::Filter& filter) {
  std::uint64_t count = 0;
  for (const model::Evaluation* eval : listed_evals(*state, *call)) {
    const Result<bool> passed = filter.passes(*eval);
    if (!passed) return api::refuse(400, text("failed to read result page: {}", passed.error().message));
    count += *passed ? 1 : 0;
  }
  model::EvalCountResponse answer;
  answer.set_count(count);
  answer.set_index(state->index(Topic::evals));
  answer.set_known_leader(true);
  return api::json(answer, call->params.pretty);
}

api::Found count_evals(SnapshotPtr state, CallPtr call) {
  Result<api::Filter> filter = api::Filter::parse(call->params.filter);
  if (!filter) return refused(500, filter.error().message);
  const std::string problem = prefix_problem(call->params.prefix, "eval");
  if (!problem.empty()) return refused(500, problem);
  return found(state->index(Topic::evals), state, call,
               [filter = std::move(*filter)](const SnapshotPtr& s, const CallPtr& c) { return eval_count(s, c, filter); });
}

model::EvaluationStub stub_of(const model::Evaluation& eval) {
  model::EvaluationStub stub;
  stub.set_id(eval.id());
  stub.set_namespace_(eval.namespace_());
  stub.set_priority(eval.priority());
  stub.set_type(eval.type());
  stub.set_triggered_by(eval.triggered_by());
  stub.set_job_id(eval.job_id());
  stub.set_node_id(eval.node_id());
  stub.set_deployment_id(eval.deployment_id());
  stub.set_status(eval.status());
  stub.set_status_description(eval.status_description());
  stub.set_wait_until(eval.wait_until());
  stub.set_next_eval(eval.next_eval());
  stub.set_previous_eval(eval.previous_eval());
  stub.set_blocked_eval(eval.blocked_eval());
  stub.set_create_index(eval.create_index());
  stub.set_modify_index(eval.modify_index());
  stub.set_create_time(eval.create_time());
  stub.set_modify_time(eval.modify_time());
  return stub;
}

/// All evaluations that are tied to `eval` by next, previous and blocked, directly or through others.
void add_related(const Snapshot& state, model::Evaluation& eval) {
  std::set<std::string> seen = {eval.id(), ""};
  std::vector<std::string> todo = {eval.next_eval(), eval.previous_eval(), eval.blocked_eval()};
  while (!todo.empty()) {
    const std::string id = std::move(todo.back());
    todo.pop_back();
    if (!seen.insert(id).second) continue;
    const model::Evaluation* other = state.eval(parse_uuid(id));
    if (!other) continue;
    *eval.add_related_evals() = stub_of(*other);
    for (const std::string& next : {other->next_eval(), other->previous_eval(), other->blocked_eval()}) todo.push_back(next);
  }
}

api::Found read_eval(SnapshotPtr state, CallPtr call) {
  const Uuid id = id_of(*call);
  if (id.is_nil()) return refused(500, text("failed to lookup eval: eval lookup failed: {}", not_an_id));
  const model::Evaluation* eval = state->eval(id);
  if (!eval) return missing(state->index(Topic::evals), state, "eval not found");
  return message_found(eval->modify_index(), state, call, [eval](const Snapshot& s, const api::Call& c) {
    model::Evaluation answer = *eval;
    if (api::text_parameter(c.request, "related") == "true") add_related(s, answer);
    return answer;
  });
}

api::Found read_allocations(SnapshotPtr state, CallPtr call) {
  if (id_of(*call).is_nil()) return refused(500, std::string(not_an_id));
  return found(state->index(Topic::allocs), state, call, [](const SnapshotPtr& s, const CallPtr& c) {
    std::vector<const AllocRow*> rows;
    s->each_alloc_of_eval(id_of(*c), [&rows](const AllocRow& row) { return rows.push_back(&row), true; });
    return alloc_list(s, std::move(rows), {}, c->params.pretty);
  });
}

/// Evaluations are never deleted by hand: the broker works all the time, and what is old is collected.
Async<http::Response> delete_evals(HttpParts*, api::Call call) {
  Body body = body_of(call);
  if (body.refusal) co_return std::move(*body.refusal);
  const Value* ids = member(body.value, "EvalIDs");
  const bool by_id = ids && ids->is_list() && !ids->items().empty();
  const bool by_filter = !text_member(body.value, "Filter").empty() || !call.params.filter.empty();
  if (!by_id && !by_filter) co_return api::refuse(400, "evals must be deleted by either ID or filter");
  if (by_id && by_filter) co_return api::refuse(400, "evals cannot be deleted by both ID and filter");
  co_return api::refuse(500, "eval broker is enabled; eval broker must be paused to delete evals");
}

}  // namespace

void add_eval_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  routes.push_back(read_route(parts, "/v1/evaluations", "read-job", list_evals, all_evals));
  routes.push_back(write_route(parts, "DELETE", "/v1/evaluations", "management", delete_evals));
  routes.push_back(read_route(parts, "/v1/evaluations/count", "read-job", count_evals, all_evals));
  routes.push_back(read_route(parts, "/v1/evaluation/{id}", "read-job", read_eval, this_eval));
  routes.push_back(read_route(parts, "/v1/evaluation/{id}/allocations", "read-job", read_allocations, all_allocs));
}

}  // namespace drover::server
