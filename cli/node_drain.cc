#include <fmt/format.h>

#include <map>

#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/monitor.h"
#include "cli/output.h"
#include "model/json/text.h"

/// node drain: moves the work of a node elsewhere, and follows.
namespace drover::cli {
namespace {

constexpr Duration look_interval = 300ms;
constexpr std::int64_t hour_ns = 3'600'000'000'000, force_ns = -1'000'000'000;

/// Says what happens to the node and its allocations until the drain is over.
class DrainFollower {
 public:
  DrainFollower(Context& context, std::string node) : context_(context), node_(std::move(node)) {}

  int run() {
    context_.world.catch_interrupt();
    headline(context_, fmt::format("Monitoring node \"{}\": Ctrl-C to detach monitoring", node_));
    for (;;) {
      auto node = context_.api.get("/v1/node/" + node_);
      if (!node.ok()) return failed("Error monitoring drain", node.error());
      auto allocs = context_.api.get("/v1/node/" + node_ + "/allocations");
      if (!allocs.ok()) return failed("Error monitoring drain", allocs.error());
      const std::size_t left = look(allocs->items());
      if (!member_of(*node, "DrainStrategy").is_map()) return over(*node, left);
      context_.world.sleep(look_interval);
      if (context_.world.interrupted()) return 0;
    }
  }

 private:
  struct Known {
    std::string status;
    bool migrates = false;
  };

  /// Tells what changed; how many allocations are not over yet.
  std::size_t look(const Value::List& allocs) {
    std::size_t left = 0;
    for (const Value& alloc : allocs) {
      const std::string id = text_of(alloc, "ID"), status = text_of(alloc, "ClientStatus");
      const std::string name = short_id(id, context_.verbose());
      const bool migrates = bool_of(member_of(alloc, "DesiredTransition"), "Migrate"), over = status != "pending" && status != "running";
      if (!over) ++left;
      const auto [known, is_new] = allocs_.try_emplace(id, Known{status, false});
      if (is_new && over) continue;
      if (migrates && !known->second.migrates) detail(context_, fmt::format("Alloc \"{}\" marked for migration", name));
      if (status != known->second.status) detail(context_, fmt::format("Alloc \"{}\" status {} -> {}", name, known->second.status, status));
      known->second = Known{status, migrates};
    }
    return left;
  }

  int over(const Value& node, std::size_t left) {
    const std::string status = text_of(member_of(node, "LastDrain"), "Status");
    if (status == "canceled") {
      headline(context_, fmt::format("Drain of node \"{}\" was cancelled", node_));
      return 0;
    }
    headline(context_, status.empty() ? fmt::format("Node \"{}\" is not draining", node_) : fmt::format("Drain complete for node {}", node_));
    if (left == 0) headline(context_, fmt::format("All allocations on node \"{}\" have stopped", node_));
    return 0;
  }

  Context& context_;
  std::string node_;
  std::map<std::string, Known> allocs_;
};

/// What is wrong with the combination of flags; "" when nothing is.
std::string wrong_flags(const Flags& flags) {
  const bool enable = flags.is_on("enable"), disable = flags.is_on("disable"), monitor = flags.is_on("monitor");
  if ((enable && disable) || (!enable && !disable && !monitor)) return "Either the '-enable' or '-disable' flag must be set, unless using '-monitor'";
  if (flags.is_on("force") && flags.is_on("no-deadline")) return "-force and -no-deadline are mutually exclusive";
  if (flags.has("deadline") && (flags.is_on("force") || flags.is_on("no-deadline"))) return "-deadline can't be combined with -force or -no-deadline";
  const bool shapes_drain = flags.has("deadline") || flags.is_on("force") || flags.is_on("no-deadline") || flags.is_on("ignore-system");
  if (shapes_drain && !enable) return "-deadline, -force, -no-deadline and -ignore-system need -enable";
  if (flags.is_on("keep-ineligible") && !disable) return "-keep-ineligible can only be used with -disable";
  return "";
}

Result<Value> drain_spec(const Flags& flags) {
  std::int64_t deadline = hour_ns;
  if (flags.is_on("force")) deadline = force_ns;
  if (flags.is_on("no-deadline")) deadline = 0;
  if (flags.has("deadline")) {
    const auto parsed = model::parse_duration(flags.text("deadline"));
    if (!parsed || *parsed <= 0) return fail(Code::invalid, "Failed to parse deadline \"{}\": expected a duration such as 30m", flags.text("deadline"));
    deadline = *parsed;
  }
  Value spec = Value::map();
  spec.set("Deadline", deadline).set("IgnoreSystemJobs", flags.is_on("ignore-system"));
  return spec;
}

Result<Value> request_of(const Flags& flags, const std::string& node) {
  Value body = Value::map();
  body.set("NodeID", node).set("DrainSpec", Value()).set("MarkEligible", flags.is_on("disable") && !flags.is_on("keep-ineligible"));
  if (flags.is_on("enable")) {
    DROVER_LET(Value spec, drain_spec(flags));
    body.set("DrainSpec", std::move(spec));
  }
  Value meta = Value::map();
  if (flags.has("m")) meta.set("message", flags.text("m"));
  for (const std::string& pair : flags.all("meta")) {
    const auto equals = pair.find('=');
    meta.set(pair.substr(0, equals), equals == std::string::npos ? "" : pair.substr(equals + 1));
  }
  if (!meta.members().empty()) body.set("Meta", meta);
  return body;
}

int node_drain(Context& context) {
  const Flags& flags = context.flags;
  if (const std::string wrong = wrong_flags(flags); !wrong.empty()) return usage_error(context, wrong);
  const bool self = flags.is_on("self"), enable = flags.is_on("enable");
  if (self != context.args().empty()) return usage_error(context, "Node ID must be specified if -self isn't being used");
  const auto node = shown(self ? own_node(context) : find_node(context, context.args()[0]));
  if (!node) return 1;
  if (!enable && !flags.is_on("disable")) return DrainFollower(context, *node).run();
  auto body = request_of(flags, *node);
  if (!body.ok()) return usage_error(context, body.error().message);
  if (!confirmed(context, fmt::format("Are you sure you want to {} drain mode for node \"{}\"?", enable ? "enable" : "disable", *node))) {
    out("Canceling drain toggle");
    return context.world.in_is_terminal ? 0 : 1;
  }
  auto answer = context.api.put("/v1/node/" + *node + "/drain", *body);
  if (!answer.ok()) return failed("Error updating drain specification", answer.error());
  out(fmt::format("Node \"{}\" drain strategy {}", *node, enable ? "set" : "unset"));
  return enable && !flags.is_on("detach") ? DrainFollower(context, *node).run() : 0;
}

}  // namespace

void add_node_drain_commands(std::vector<Command>& rows) {
  const std::vector<Flag> flags = {{"enable", "", "drain: move everything elsewhere, take nothing new"}, {"disable", "", "stop draining; the node is eligible again"},
                                   {"monitor", "", "only follow a drain"}, {"detach", "", "do not follow"}, {"deadline", "<duration>", "how long moving may take, 1h unless given"},
                                   {"force", "", "stop everything now"}, {"no-deadline", "", "wait as long as it takes"}, {"ignore-system", "", "leave system jobs alone"},
                                   {"keep-ineligible", "", "with -disable: take nothing new"}, {"m", "<text>", "why, for those who look later"}, {"meta", "<key=value>", "metadata of the drain; repeatable"},
                                   {"self", "", "this agent's node"}, {"yes", "", "do not ask"}, {"verbose", "", "whole ids"}};
  rows.push_back({"node drain", "<node>", "moves the work of a node elsewhere", "drover node drain -enable -yes worker-1", flags, node_drain, 0, 1, "nodes"});
  rows.push_back({"node-drain", "<node>", "moves the work of a node elsewhere", "", flags, node_drain, 0, 1, "nodes", true});
}

}  // namespace drover::cli
