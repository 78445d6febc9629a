#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "api/paging.h"
#include "model/json/codec.h"
#include "model/proto/registration.pb.h"
#include "server/http/handlers.h"

/// Services: who answers for a name. Instances that are not ready are shown only when asked for (health=any), or where
/// a job or an allocation is looked at.
namespace drover::server {
namespace {

using Instance = std::shared_ptr<const model::ServiceRegistration>;

bool shows_unready(const api::Call& call) { return api::text_parameter(call.request, "health") == "any"; }

/// As the API shows it: readiness is a word of ours, said only to those who ask about it.
Instance shown(const model::ServiceRegistration& service, const api::Call& call) {
  auto out = std::make_shared<model::ServiceRegistration>(service);
  if (!shows_unready(call)) out->clear_unready();
  return out;
}

http::Response instance_list(std::vector<Instance> rows, bool pretty) {
  const std::size_t count = rows.size();
  api::AppendElement append = [rows = std::move(rows)](std::string& out, std::size_t i) { model::append_json(out, *rows[i]); };
  return api::list(count, std::move(append), pretty);
}

// All services.

std::vector<WaitFor> any_service(const api::Call&) { return {WaitFor{.topic = Topic::services}}; }

using TagsByName = std::map<std::string, std::set<std::string>>;

std::map<std::string, TagsByName> names_of(const Snapshot& state, const api::Call& call) {
  std::map<std::string, TagsByName> by_namespace;
  const bool unready = shows_unready(call);
  state.each_service(ServiceKey{call.params.any_namespace() ? "" : call.params.ns, "", ""}, [&](const model::ServiceRegistration& service) {
    if (!shows(call, service.namespace_())) return call.params.any_namespace();
    if (service.unready() && !unready) return true;
    by_namespace[service.namespace_()][service.service_name()].insert(service.tags().begin(), service.tags().end());
    return true;
  });
  return by_namespace;
}

http::Response service_names(const SnapshotPtr& state, const CallPtr& call) {
  std::vector<model::ServiceRegistrationListStub> stubs;
  for (const auto& [ns, names] : names_of(*state, *call)) {
    model::ServiceRegistrationListStub& stub = stubs.emplace_back();
    stub.set_namespace_(ns);
    for (const auto& [name, tags] : names) {
      auto& service = *stub.add_services();
      service.set_service_name(name);
      for (const std::string& tag : tags) service.add_tags(tag);
    }
  }
  const std::size_t count = stubs.size();
  api::AppendElement append = [stubs = std::move(stubs)](std::string& out, std::size_t i) { model::append_json(out, stubs[i]); };
  return api::list(count, std::move(append), call->params.pretty);
}

api::Found list_services(SnapshotPtr state, CallPtr call) {
  if (!call->params.filter.empty()) return refused(400, "filter expressions are not supported yet on the names of services: ask for one service");
  return found(state->index(Topic::services), state, call, service_names);
}

// One service.

std::vector<WaitFor> this_service(const api::Call& call) {
  return {WaitFor{.topic = Topic::services, .id = {}, .job = {.ns = call.params.ns, .id = call.capture()}}};
}

std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char byte : bytes) hash = (hash ^ static_cast<std::uint8_t>(byte)) * 1099511628211ull;
  return hash;
}

struct Choice {
  std::size_t count = 0;
  std::string key;
};

Result<Choice> parse_choice(const std::string& text) {
  Choice choice;
  const auto bar = text.find('|');
  const char* end = text.data() + std::min(bar, text.size());
  const auto [at, problem] = std::from_chars(text.data(), end, choice.count);
  if (bar == std::string::npos || problem != std::errc() || at != end || bar + 1 == text.size()) {
    return fail(Code::invalid, "failed to choose services: Parameter for choose must be in form '<number>|<key>'");
  }
  choice.key = text.substr(bar + 1);
  return choice;
}

/// The instances that a key is sent to: always the same ones while they are there, and few others when one goes.
std::vector<Instance> choose(std::vector<Instance> rows, const Choice& choice) {
  std::stable_sort(rows.begin(), rows.end(), [&choice](const Instance& a, const Instance& b) {
    return fnv1a(choice.key + a->id()) > fnv1a(choice.key + b->id());
  });
  if (rows.size() > choice.count) rows.resize(choice.count);
  return rows;
}

http::Response instances(const SnapshotPtr& state, const CallPtr& call, const api::Filter& filter) {
  std::vector<Instance> rows;
  const bool unready = shows_unready(*call);
  state->each_instance(call->params.ns, call->capture(), [&](const model::ServiceRegistration& service) {
    if (!service.unready() || unready) rows.push_back(shown(service, *call));
    return true;
  });
  auto page = api::take_page(
      std::move(rows), call->params, [](const Instance& row) { return row->id(); },
      [](const Instance& row, const std::string& token) { return row->id() < token; },
      [&filter](const Instance& row) { return filter.passes(*row); });
  if (!page) return api::refuse(400, text("failed to read result page: {}", page.error().message));
  const std::string choice = api::text_parameter(call->request, "choose");
  if (!choice.empty()) page->rows = choose(std::move(page->rows), *parse_choice(choice));
  http::Response response = instance_list(std::move(page->rows), call->params.pretty);
  api::set_next_token(response, page->next_token);
  return response;
}

api::Found read_service(SnapshotPtr state, CallPtr call) {
  if (call->capture().empty()) return refused(400, "missing service name");
  Result<api::Filter> filter = filter_of(*call);
  if (!filter) return refused(400, filter.error().message);
  const std::string choice = api::text_parameter(call->request, "choose");
  if (!choice.empty()) {
    const Result<Choice> parsed = parse_choice(choice);
    if (!parsed) return refused(400, parsed.error().message);
  }
  return found(state->service_index(call->params.ns, call->capture()), state, call,
               [filter = std::move(*filter)](const SnapshotPtr& s, const CallPtr& c) { return instances(s, c, filter); });
}

// Of a job and of an allocation.

void add_of_alloc(const Snapshot& state, const Uuid& alloc, const api::Call& call, std::vector<Instance>& rows) {
  state.each_service_of_alloc(alloc, [&](const model::ServiceRegistration& service) {
    rows.push_back(shown(service, call));
    return true;
  });
}

http::Response instances_of_job(const SnapshotPtr& state, const CallPtr& call) {
  std::vector<Instance> rows;
  state->each_alloc_of_job(call->params.ns, call->capture(), [&](const AllocRow& row) {
    add_of_alloc(*state, row.id, *call, rows);
    return true;
  });
  return instance_list(std::move(rows), call->params.pretty);
}

api::Found of_job(SnapshotPtr state, CallPtr call) {
  if (!state->current(call->params.ns, call->capture())) return missing(0, state, "job not found");
  return found(state->index(Topic::services), state, call, instances_of_job);
}

http::Response instances_of_alloc(const SnapshotPtr& state, const CallPtr& call) {
  std::vector<Instance> rows;
  add_of_alloc(*state, id_of(*call), *call, rows);
  return instance_list(std::move(rows), call->params.pretty);
}

api::Found of_alloc(SnapshotPtr state, CallPtr call) {
  const Uuid id = id_of(*call);
  if (id.is_nil()) return refused(500, text("alloc lookup failed: {}", not_an_id));
  if (!state->alloc(id)) return missing(0, state, "allocation not found");
  return found(state->index(Topic::services), state, call, instances_of_alloc);
}

Async<http::Response> remove(HttpParts* parts, api::Call call) {
  const std::string name = call.capture(0), id = call.capture(1);
  if (name.empty()) co_return api::refuse(400, "missing service name");
  if (id.empty()) co_return api::refuse(400, "missing service id");
  RemoveService request{.service = {call.params.ns, name, id}};
  const Result<ServiceRemoved> removed = co_await parts->server.remove_service(std::move(request));
  if (!removed && removed.error().code == Code::not_found) co_return api::refuse(500, removed.error().message);
  if (!removed) co_return api::refuse(removed.error());
  http::Response response = api::empty();
  api::set_write_index(response, removed->index);
  co_return response;
}

}  // namespace

void add_service_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  routes.push_back(read_route(parts, "/v1/services", "read-job", list_services, any_service));
  routes.push_back(read_route(parts, "/v1/service/{name}", "read-job", read_service, this_service));
  routes.push_back(write_route(parts, "DELETE", "/v1/service/{name}/{id}", "submit-job|delete-service-registration", remove));
  routes.push_back(read_route(parts, "/v1/job/{id}/services", "read-job", of_job, any_service));
  routes.push_back(read_route(parts, "/v1/allocation/{id}/services", "read-job", of_alloc, any_service));
}

}  // namespace drover::server
