#include <algorithm>

#include "model/json/codec.h"
#include "model/old_resources.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/answers.pb.h"
#include "model/proto/job.pb.h"
#include "server/http/alloc_stubs.h"
#include "server/http/handlers.h"

namespace drover::server {

namespace {

/// Every task has a life cycle, if only an empty one, which is shown as null.
void name_lifecycles(model::AllocatedResources& resources) {
  for (const auto& [task, given] : resources.tasks()) (*resources.mutable_task_lifecycles())[task];
}

}  // namespace

model::Allocation shown_alloc(const Snapshot& state, const AllocRow& row) {
  model::Allocation alloc = state.message(row);
  *alloc.mutable_job() = to_message(state.version_of(row));
  model::add_old_resources(alloc);
  if (alloc.has_allocated_resources()) name_lifecycles(*alloc.mutable_allocated_resources());
  if (alloc.desired_transition().ByteSizeLong() == 0) alloc.clear_desired_transition();
  return alloc;
}

void append_stub(std::string& out, const Snapshot& state, const AllocRow& row, StubOptions options) {
  model::AllocListStub stub = state.stub(row, options.task_states, options.resources);
  if (stub.has_allocated_resources()) name_lifecycles(*stub.mutable_allocated_resources());
  model::append_json(out, stub);
}

http::Response alloc_list(const SnapshotPtr& state, std::vector<const AllocRow*> rows, StubOptions options, bool pretty) {
  const std::size_t count = rows.size();
  api::AppendElement append = [state, rows = std::move(rows), options](std::string& out, std::size_t i) { append_stub(out, *state, *rows[i], options); };
  return api::list(count, std::move(append), pretty);
}

namespace {

std::vector<WaitFor> all_allocs(const api::Call&) { return {WaitFor{.topic = Topic::allocs}}; }

std::vector<WaitFor> this_alloc(const api::Call& call) {
  return {WaitFor{.topic = Topic::allocs, .id = id_of(call)}};
}

std::vector<const AllocRow*> listed_allocs(const Snapshot& state, const api::Call& call) {
  const IdRange range = range_of(call.params.prefix);
  std::vector<const AllocRow*> rows;
  state.each_alloc(range.first, [&](const AllocRow& row) {
    if (!range.contains(row.id)) return false;
    if (shows(call, state.job_of(row).ns)) rows.push_back(&row);
    return true;
  });
  if (call.params.prefix.empty()) {
    std::stable_sort(rows.begin(), rows.end(), [](const AllocRow* a, const AllocRow* b) { return a->create_index < b->create_index; });
  }
  if (call.params.reverse) std::reverse(rows.begin(), rows.end());
  return rows;
}

/// What a filter looks at; the job only when it asks for it.
model::Allocation filtered_alloc(const Snapshot& state, const AllocRow& row, bool with_job) {
  model::Allocation alloc = state.message(row);
  if (with_job) *alloc.mutable_job() = to_message(state.version_of(row));
  return alloc;
}

http::Response alloc_page(const SnapshotPtr& state, const CallPtr& call, const api::Filter& filter, StubOptions options) {
  const api::Params& params = call->params;
  const bool with_job = filter.mentions("Job");
  return list_page(
      call, filter, listed_allocs(*state, *call),
      [&params](const AllocRow* row) { return index_token(row->create_index, to_text(row->id), params); },
      [&params](const AllocRow* row, const std::string& token) { return before_index_token(row->create_index, to_text(row->id), token, params); },
      [&state, with_job](const AllocRow* row) { return filtered_alloc(*state, *row, with_job); },
      [state, options](std::string& out, const AllocRow* row) { append_stub(out, *state, *row, options); });
}

api::Found list_allocs(SnapshotPtr state, CallPtr call) {
  Result<api::Filter> filter = filter_of(*call);
  if (!filter) return refused(400, filter.error().message);
  const Result<bool> resources = api::bool_parameter(call->request, "resources");
  if (!resources) return refused(500, resources.error().message);
  const Result<bool> states = api::bool_parameter(call->request, "task_states", true);
  if (!states) return refused(500, states.error().message);
  const std::string problem = prefix_problem(call->params.prefix, "alloc");
  if (!problem.empty()) return refused(500, problem);

  const StubOptions options{.task_states = *states, .resources = *resources};
  return found(state->index(Topic::allocs), state, call,
               [filter = std::move(*filter), options](const SnapshotPtr& s, const CallPtr& c) { return alloc_page(s, c, filter, options); });
}

api::Found read_alloc(SnapshotPtr state, CallPtr call) {
  const Uuid id = id_of(*call);
  if (id.is_nil()) {
    if (call->capture().find('/') != std::string::npos) return refused(404, "resource not found");
    return refused(500, text("alloc lookup failed: {}", not_an_id));
  }
  const AllocRow* row = state->alloc(id);
  if (!row) return missing(state->index(Topic::allocs), state, "alloc not found");
  return message_found(row->modify_index, state, call, [row](const Snapshot& s, const api::Call&) {
    return shown_alloc(s, *row);
  });
}

Async<http::Response> stop_alloc(HttpParts* parts, api::Call call) {
  const Result<bool> no_delay = api::bool_parameter(call.request, "no_shutdown_delay");
  if (!no_delay) co_return api::refuse(500, no_delay.error().message);
  const Result<bool> reschedule = api::bool_parameter(call.request, "reschedule");
  if (!reschedule) co_return api::refuse(500, reschedule.error().message);
  StopAlloc request;
  request.alloc = id_of(call);
  request.reschedule = *reschedule;
  request.no_shutdown_delay = *no_delay;
  if (request.alloc.is_nil()) co_return api::refuse(500, text("alloc lookup failed: {}", not_an_id));
  if (!parts->server.snapshot()->alloc(request.alloc)) co_return api::refuse(404, "allocation not found");

  const Result<AllocStopped> stopped = co_await parts->server.stop_alloc(std::move(request));
  if (!stopped) co_return api::refuse(stopped.error());
  model::AllocStopResponse answer;
  answer.set_eval_id(stopped->eval_id);
  answer.set_index(stopped->index);
  http::Response response = api::json(answer, call.params.pretty);
  api::set_write_index(response, stopped->index);
  co_return response;
}

}  // namespace

void add_alloc_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  routes.push_back(read_route(parts, "/v1/allocations", "read-job", list_allocs, all_allocs));
  routes.push_back(read_route(parts, "/v1/allocation/{id}", "read-job", read_alloc, this_alloc));
  routes.push_back(write_route(parts, "PUT|POST", "/v1/allocation/{id}/stop", "alloc-lifecycle", stop_alloc));
}

}  // namespace drover::server
