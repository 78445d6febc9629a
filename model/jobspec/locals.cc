#include <algorithm>
#include <deque>
#include <set>

#include "model/jobspec/variables.h"

namespace drover::model::jobspec {

using hcl::Datum;

namespace {

using Names = std::set<std::string>;
using Graph = std::map<std::string, Names>;

/// What a local's value refers to: other locals by name, or all of them at once (`local[x]`).
struct Needs {
  Names locals;
  bool all = false;
  bool unknown = false;  ///< a name that is no local
};

using Locals = std::map<std::string, hcl::FoundAttribute, std::less<>>;

Needs needs_of(const hcl::FoundAttribute& local, const Locals& locals) {
  Needs out;
  std::vector<const hcl::Expression*> references;
  hcl::collect_references(*local.value, references);
  for (const hcl::Expression* e : references) {
    const auto& reference = std::get<hcl::Reference>(e->node);
    if (reference.root != "local") continue;
    if (reference.steps.empty() || reference.steps[0].kind == hcl::Step::Kind::number) {
      out.all = true;
    } else if (locals.contains(reference.steps[0].name)) {
      out.locals.insert(reference.steps[0].name);
    } else {
      out.unknown = true;
    }
  }
  return out;
}

/// The circle that `from` is part of, or that it leads to, beginning and ending with the same name.
std::vector<std::string> circle_from(const std::string& from, const Graph& needs, const Names& left) {
  std::vector<std::string> path{from};
  for (;;) {
    const Names& here = needs.at(path.back());
    const auto next = std::ranges::find_if(here, [&left](const std::string& name) { return left.contains(name); });
    if (next == here.end()) return {};
    const auto seen = std::ranges::find(path, *next);
    const bool closed = seen != path.end();
    if (closed) path.erase(path.begin(), seen);
    path.push_back(*next);
    if (closed) return path;
  }
}

std::string circle_text(const std::vector<std::string>& circle) {
  std::string out = "local." + circle[0];
  for (std::size_t i = 1; i < circle.size(); ++i) out += text("{} local.{}", i == 1 ? " needs" : ", which needs", circle[i]);
  return out;
}

}  // namespace

/// Each local after those that it refers to. What is left then is part of a circle, waits for one, or asks for all.
void Variables::resolve_locals(hcl::Scope& scope) {
  Graph graph;
  std::map<std::string, std::vector<std::string>> users;
  std::map<std::string, std::size_t> unmet;
  Names left, asks_for_unknown;
  std::deque<std::string> ready;
  for (const auto& [name, local] : locals_) {
    Needs needs = needs_of(local, locals_);
    left.insert(name);
    if (needs.unknown) asks_for_unknown.insert(name);
    for (const std::string& needed : needs.locals) users[needed].push_back(name);
    unmet[name] = needs.locals.size() + (needs.all ? 1 : 0);
    if (unmet[name] == 0) ready.push_back(name);
    graph.emplace(name, std::move(needs.locals));
  }

  Datum::Map values;
  for (; !ready.empty(); ready.pop_front()) {
    const std::string& name = ready.front();
    Datum::Map seen;  // what it asks for, and no copy of all the others
    for (const std::string& needed : graph[name]) seen.emplace(needed, values.at(needed));
    scope.set("local", Datum::object(asks_for_unknown.contains(name) ? values : std::move(seen)));
    values.insert_or_assign(name, hcl::evaluate(*locals_.at(name).value, &scope, out_));
    left.erase(name);
    for (const std::string& user : users[name])
      if (--unmet[user] == 0) ready.push_back(user);
  }
  scope.set("local", Datum::object(std::move(values)));
  if (!left.empty()) resolve_circles(scope, std::move(left), graph);
}

/// What try() makes of a reference that is not there yet may be enough: those that evaluate so are kept, until no more
/// do. The rest is told, one error a circle.
void Variables::resolve_circles(hcl::Scope& scope, Names left, const Graph& needs) {
  Datum::Map values = scope.find("local")->members();
  for (bool progress = true; progress && !left.empty();) {
    progress = false;
    for (auto name = left.begin(); name != left.end();) {
      hcl::Diagnostics errors;
      Datum value = hcl::evaluate(*locals_.at(*name).value, &scope, errors);
      if (hcl::has_errors(errors)) {
        ++name;
        continue;
      }
      values.insert_or_assign(*name, std::move(value));
      name = left.erase(name);
      progress = true;
    }
    scope.set("local", Datum::object(values));
  }
  for (const std::string& name : left) values.insert_or_assign(name, Datum::unknown());
  scope.set("local", Datum::object(std::move(values)));
  Names told;
  for (const std::string& name : left) {
    const std::vector<std::string> circle = circle_from(name, needs, left);
    if (circle.empty()) hcl::evaluate(*locals_.at(name).value, &scope, out_);
    if (std::ranges::find(circle, name) == circle.end() || told.contains(name)) continue;
    told.insert(circle.begin(), circle.end());
    add_error(out_, locals_.at(name).value->range, "Locals that need each other",
              circle_text(circle) + ". None of them can be the first: give one of them a value that does not refer to the others.");
  }
}

}  // namespace drover::model::jobspec
