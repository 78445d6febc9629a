#include <algorithm>
#include <functional>
#include <map>

#include "base/json/json.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "server/http/handlers.h"
#include "server/http/json_body.h"
#include "server/http/scaling_policies.h"

/// /v1/search and /v1/search/fuzzy: things by the beginning of their id, and by any part of their name.
namespace drover::server {
namespace {

constexpr std::size_t prefix_matches_max = 20;   ///< in one context
constexpr std::size_t fuzzy_matches_max = 100;   ///< in one context
constexpr std::size_t fuzzy_text_min = 2;

/// What can be searched, in the order in which errors name them.
constexpr std::string_view contexts[] = {"allocs",  "jobs",    "nodes",          "node_pools", "evals",      "deployment",
                                         "plugins", "volumes", "scaling_policy", "vars",       "namespaces", "host_volumes"};

std::optional<http::Response> refuse_context(const std::string& context) {
  if (context == "all" || std::ranges::find(contexts, context) != std::end(contexts)) return std::nullopt;
  std::string names;
  for (const std::string_view name : contexts) names += (names.empty() ? "" : " ") + std::string(name);
  return api::refuse(500, text("context must be one of [{}] or 'all' for all contexts; got \"{}\"", names, context));
}

Index index_of(const Snapshot& state, std::string_view context) {
  if (context == "allocs") return state.index(Topic::allocs);
  if (context == "jobs") return state.index(Topic::jobs);
  if (context == "scaling_policy") return scaling_policies(state).empty() ? 0 : state.index(Topic::jobs);
  if (context == "nodes") return state.index(Topic::nodes);
  if (context == "evals") return state.index(Topic::evals);
  if (context == "deployment") return state.index(Topic::deployments);
  return context == "node_pools" || context == "namespaces" ? 1 : 0;  // the built-in ones
}

http::Response answer(const Snapshot& state, const api::Call& call, const std::string& context, Value matches, Value truncations) {
  Index index = 0;
  for (const std::string_view name : contexts) {
    if (context == "all" || context == name) index = std::max(index, index_of(state, name));
  }
  Value out = Value::map();
  out.set("Index", static_cast<std::int64_t>(index));
  out.set("KnownLeader", true);
  out.set("LastContact", 0);
  out.set("Matches", std::move(matches));
  out.set("NextToken", "");
  out.set("Truncations", std::move(truncations));
  http::Response response = api::json(json::write(out), call.params.pretty);
  api::set_index(response, index);
  return response;
}

// By prefix.

using Ids = std::vector<std::string>;

/// False when the bound is reached: one more is kept, which tells that there are more.
bool keep(Ids& ids, std::string id) {
  ids.push_back(std::move(id));
  return ids.size() <= prefix_matches_max;
}

/// The ids that can begin so; nothing when none can. An id cut in the middle of a byte counts without its last digit.
std::optional<IdRange> ids_beginning(std::string prefix) {
  const auto digits = std::count_if(prefix.begin(), prefix.end(), [](char c) { return c != '-'; });
  if (digits % 2 != 0) prefix.pop_back();
  return ids_with_prefix(prefix);
}

/// Ids of a table of UUIDs; nothing when no UUID begins so.
template <class EachFrom>
std::optional<Ids> uuids(const std::string& prefix, EachFrom each_from) {
  const auto range = ids_beginning(prefix);
  if (!range) return std::nullopt;
  Ids ids;
  each_from(range->first, [&ids, &range](const Uuid& id) { return range->contains(id) && keep(ids, to_text(id)); });
  return ids;
}

Ids named(std::initializer_list<std::string_view> names, const std::string& prefix) {
  Ids ids;
  for (const std::string_view name : names) {
    if (name.starts_with(prefix)) ids.emplace_back(name);
  }
  return ids;
}

Ids job_ids(const Snapshot& state, const api::Call& call, const std::string& prefix) {
  Ids ids;
  const JobKey from = call.params.any_namespace() ? JobKey{} : JobKey{.ns = call.params.ns, .id = prefix};
  state.each_job(from, [&](const JobRow& row) {
    const JobKey& key = state.name_of(row);
    if (!call.params.any_namespace() && (key.ns != call.params.ns || !key.id.starts_with(prefix))) return false;
    return !key.id.starts_with(prefix) || keep(ids, key.id);
  });
  return ids;
}

std::optional<Ids> ids_in(const Snapshot& state, const api::Call& call, std::string_view context, const std::string& prefix) {
  using Take = std::function<bool(const Uuid&)>;
  if (context == "jobs") return job_ids(state, call, prefix);
  if (context == "allocs") {
    return uuids(prefix, [&](const Uuid& from, const Take& take) {
      state.each_alloc(from, [&](const AllocRow& row) { return !shows(call, state.job_of(row).ns) || take(row.id); });
    });
  }
  if (context == "nodes") {
    return uuids(prefix, [&](const Uuid& from, const Take& take) {
      state.each_node(from, [&](const model::Node& node) { return take(parse_uuid(node.id())); });
    });
  }
  if (context == "evals") {
    return uuids(prefix, [&](const Uuid& from, const Take& take) {
      state.each_eval(from, [&](const model::Evaluation& eval) { return !shows(call, eval.namespace_()) || take(parse_uuid(eval.id())); });
    });
  }
  if (context == "deployment") {
    return uuids(prefix, [&](const Uuid& from, const Take& take) {
      state.each_deployment(from, [&](const model::Deployment& one) { return !shows(call, one.namespace_()) || take(parse_uuid(one.id())); });
    });
  }
  if (context == "node_pools") return named({"all", "default"}, prefix);
  if (context == "namespaces") return named({api::default_namespace}, prefix);
  if (context == "scaling_policy") {
    Ids ids;
    for (const ScalingPolicyRow& policy : scaling_policies(state)) {
      if (shows(call, policy.ns) && policy.id.starts_with(prefix) && !keep(ids, policy.id)) break;
    }
    return ids;
  }
  return Ids{};
}

Async<http::Response> search(HttpParts* parts, api::Call call) {
  Body body = body_of(call);
  if (body.refusal) co_return std::move(*body.refusal);
  if (const auto params = api::parse_params(call.request); !params) co_return api::refuse(400, params.error().message);
  const std::string context = text_member(body.value, "Context");
  const std::string prefix = text_member(body.value, "Prefix");
  if (auto refusal = refuse_context(context)) co_return std::move(*refusal);
  const SnapshotPtr state = parts->server.snapshot();
  Value matches = Value::map();
  Value truncations = Value::map();
  for (const std::string_view name : contexts) {
    if (context != "all" && context != name) continue;
    std::optional<Ids> ids = ids_in(*state, call, name, prefix);
    if (!ids) continue;
    const bool truncated = ids->size() > prefix_matches_max;
    if (truncated) ids->resize(prefix_matches_max);
    Value list;
    for (std::string& id : *ids) list.push(std::move(id));
    matches.set(name, std::move(list));
    truncations.set(name, truncated);
  }
  co_return answer(*state, call, context, std::move(matches), std::move(truncations));
}

// By any part.

struct Match {
  std::size_t at = 0;  ///< where the text was found
  std::string id;
  std::vector<std::string> scope;
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

/// Collects what holds the text, by kind.
class Finder {
 public:
  explicit Finder(std::string_view wanted) : wanted_(lower(wanted)) {}

  void look(std::string_view kind, const std::string& name, std::vector<std::string> scope) {
    const std::size_t at = lower(name).find(wanted_);
    if (at != std::string::npos) found_[std::string(kind)].push_back({at, name, std::move(scope)});
  }
  /// Named in the answer even when nothing is found.
  void name(std::string_view kind) { found_[std::string(kind)]; }

  /// Earliest match first, then the shorter name, then by name.
  void write(Value& matches, bool& truncated) {
    for (auto& [kind, rows] : found_) {
      std::ranges::stable_sort(rows, [](const Match& a, const Match& b) {
        return std::tuple(a.at, a.id.size(), std::cref(a.id).get()) < std::tuple(b.at, b.id.size(), std::cref(b.id).get());
      });
      truncated = truncated || rows.size() > fuzzy_matches_max;
      if (rows.size() > fuzzy_matches_max) rows.resize(fuzzy_matches_max);
      Value list = Value::list();
      for (Match& match : rows) {
        Value scope;
        for (std::string& part : match.scope) scope.push(std::move(part));
        Value one = Value::map();
        one.set("ID", std::move(match.id));
        one.set("Scope", std::move(scope));
        list.push(std::move(one));
      }
      matches.set(kind, std::move(list));
    }
  }

 private:
  std::string wanted_;
  std::map<std::string, std::vector<Match>> found_;
};

void look_in_task(Finder& finder, const JobKey& job, const std::string& group, const model::Task& task) {
  finder.look("tasks", task.name(), {job.ns, job.id, group});
  for (const auto& service : task.services()) finder.look("services", service.name(), {job.ns, job.id, group, task.name()});
  const Result<Value> config = json::parse(task.config());
  if (!config) return;
  const std::vector<std::string> scope = {job.ns, job.id, group, task.name()};
  if (task.driver() == "docker") finder.look("images", text_member(*config, "image"), scope);
  if (task.driver() == "exec" || task.driver() == "raw_exec") finder.look("commands", text_member(*config, "command"), scope);
  if (task.driver() == "java") finder.look("classes", text_member(*config, "class"), scope);
}

void look_in_jobs(Finder& finder, const Snapshot& state, const api::Call& call) {
  state.each_job(JobKey{}, [&](const JobRow& row) {
    const JobKey& key = state.name_of(row);
    if (!shows(call, key.ns)) return true;
    const model::Job& spec = *state.current(row)->spec;
    finder.look("jobs", spec.name(), {key.ns, key.id});
    for (const auto& group : spec.task_groups()) {
      finder.look("groups", group.name(), {key.ns, key.id});
      for (const auto& service : group.services()) finder.look("services", service.name(), {key.ns, key.id, group.name()});
      for (const auto& task : group.tasks()) look_in_task(finder, key, group.name(), task);
    }
    return true;
  });
}

void look_in(Finder& finder, const Snapshot& state, const api::Call& call, std::string_view context, const std::string& wanted) {
  if (context == "jobs") return look_in_jobs(finder, state, call);
  if (context == "allocs") {
    state.each_alloc(Uuid{}, [&](const AllocRow& row) {
      if (shows(call, state.job_of(row).ns)) finder.look(context, state.name_of(row), {state.job_of(row).ns, to_text(row.id)});
      return true;
    });
  } else if (context == "nodes") {
    state.each_node(Uuid{}, [&](const model::Node& node) { return finder.look(context, node.name(), {node.id()}), true; });
  } else if (context == "node_pools") {
    for (const char* name : {"all", "default"}) finder.look(context, name, {name});
  } else if (context == "namespaces") {
    finder.look(context, std::string(api::default_namespace), {});
  } else if (context != "plugins" && context != "vars") {  // what has ids alone: by their beginning
    finder.name(context);
    const auto ids = ids_in(state, call, context, wanted);
    for (const std::string& id : ids.value_or(Ids{})) finder.look(context, id, {});
  }
}

Async<http::Response> search_fuzzily(HttpParts* parts, api::Call call) {
  Body body = body_of(call);
  if (body.refusal) co_return std::move(*body.refusal);
  if (const auto params = api::parse_params(call.request); !params) co_return api::refuse(400, params.error().message);
  const std::string context = text_member(body.value, "Context");
  const std::string wanted = text_member(body.value, "Text");
  if (wanted.size() < fuzzy_text_min) {
    co_return api::refuse(500, text("fuzzy search query must be at least {} characters, got {}", fuzzy_text_min, wanted.size()));
  }
  if (auto refusal = refuse_context(context)) co_return std::move(*refusal);
  const SnapshotPtr state = parts->server.snapshot();
  Value matches = Value::map();
  Value truncations = Value::map();
  for (const std::string_view name : contexts) {
    if (context != "all" && context != name) continue;
    Finder finder(wanted);
    look_in(finder, *state, call, name, wanted);
    bool truncated = false;
    finder.write(matches, truncated);
    truncations.set(name, truncated);
  }
  co_return answer(*state, call, context, std::move(matches), std::move(truncations));
}

}  // namespace

void add_search_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  // What is found is filtered by what the token may see, context by context.
  routes.push_back(write_route(parts, "PUT|POST", "/v1/search", "", search));
  routes.push_back(write_route(parts, "PUT|POST", "/v1/search/fuzzy", "", search_fuzzily));
}

}  // namespace drover::server
