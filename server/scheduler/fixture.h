#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "model/canonicalize.h"
#include "model/json/codec.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/spec.h"
#include "server/scheduler/scheduler.h"

/// A small cluster for tests of the scheduler: nodes, a job, what runs already, and one pass at a time.
namespace drover::server::tests {

struct NodeSpec {
  std::string name;
  std::int64_t cpu = 1000;
  std::int64_t memory_mb = 1000;
  std::string datacenter = "dc1";
  std::string status = "ready";
  std::string eligibility = "eligible";
  std::string rack;
  bool driver = true;
};

inline std::shared_ptr<model::Node> make_node(const NodeSpec& spec, const Uuid& id) {
  auto node = std::make_shared<model::Node>();
  node->set_id(to_text(id));
  node->set_name(spec.name);
  node->set_datacenter(spec.datacenter);
  node->set_node_pool("default");
  node->set_status(spec.status);
  node->set_scheduling_eligibility(spec.eligibility);
  node->set_http_addr("10.0.0.1:4646");
  auto& has = *node->mutable_node_resources();
  has.mutable_cpu()->set_cpu_shares(spec.cpu);
  has.mutable_memory()->set_memory_mb(spec.memory_mb);
  has.mutable_disk()->set_disk_mb(100000);
  (*node->mutable_attributes())["kernel.name"] = "linux";
  if (!spec.rack.empty()) (*node->mutable_meta())["rack"] = spec.rack;
  auto& driver = (*node->mutable_drivers())["mock"];
  driver.set_detected(spec.driver);
  driver.set_healthy(spec.driver);
  return node;
}

/// The id of the n-th node: ascending.
inline Uuid node_id(std::uint32_t n) {
  Uuid id;
  id.bytes[0] = 1;
  id.bytes[14] = static_cast<std::uint8_t>(n >> 8);
  id.bytes[15] = static_cast<std::uint8_t>(n);
  return id;
}

/// A job of one group "g" with one task of 100 MHz and 100 MB. `edit` is JSON of the group's further members.
inline std::shared_ptr<model::Job> make_job(std::string_view type, int count, std::string_view group_members = "", std::string_view job_members = "") {
  auto job = std::make_shared<model::Job>();
  const std::string json = text(
      R"({"ID": "web", "Type": "{}", {} "TaskGroups": [{"Name": "g", "Count": {}, {} "Tasks": [{"Name": "t", "Driver": "mock", "Resources": {"CPU": 100, "MemoryMB": 100}}]}]})",
      type, job_members, count, group_members);
  const auto read = model::from_json(json, *job);
  INFO(json);
  REQUIRE((read.ok() ? "" : read.error().message) == "");
  model::canonicalize(*job);
  model::complete_for_store(*job);
  return job;
}

class Cluster {
 public:
  explicit Cluster(std::vector<NodeSpec> specs, std::uint64_t seed = 1) : random_(seed) {
    for (const NodeSpec& spec : specs) add(spec);
  }

  void add(const NodeSpec& spec) { nodes_.push_back(make_node(spec, node_id(static_cast<std::uint32_t>(nodes_.size())))); }
  model::Node& node(std::size_t n) { return *nodes_[n]; }

  void set_job(std::shared_ptr<model::Job> job) {
    if (job && job_) job->set_version(job_->version() + 1);
    for (ExistingAlloc& alloc : allocs_) {
      if (!alloc.current) continue;
      alloc.current = false;
      alloc.job = job_;
      fill_message(alloc);
    }
    job_ = std::move(job);
  }
  const model::Job& job() const { return *job_; }

  std::vector<ExistingAlloc>& allocs() { return allocs_; }
  /// Running, not stopped: "web.g[0]@n1" in order of names.
  std::vector<std::string> running() const {
    std::vector<std::string> out;
    for (const ExistingAlloc& alloc : allocs_) {
      if (!alloc.server_terminal() && !alloc.client_terminal()) out.push_back(text("g[{}]@{}", alloc.index, name_of(alloc.node)));
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  model::Evaluation eval(std::string trigger = "job-register") {
    model::Evaluation eval;
    eval.set_id(to_text(random_.uuid()));
    eval.set_namespace_("default");
    eval.set_job_id("web");
    eval.set_type(job_ ? job_->type() : "service");
    eval.set_priority(50);
    eval.set_triggered_by(std::move(trigger));
    eval.set_status("pending");
    return eval;
  }

  Scheduled pass() { return pass(eval()); }
  Scheduled pass(const model::Evaluation& evaluation) {
    NodeTable table;
    for (const auto& node : nodes_) table.add(node);
    for (const ExistingAlloc& alloc : allocs_) {
      const auto at = table.find(alloc.node);
      if (at && !alloc.client_terminal()) table.take(*at, alloc.takes, alloc.ports);
    }
    for (const Other& other : others) table.take(other.node, other.what.takes, other.what.ports);
    const Displacing::Find displaceable = [this](NodeAt node) {
      std::vector<Displaceable> found;
      for (const Other& other : others) {
        if (other.node == node) found.push_back(other.what);
      }
      return found;
    };
    return schedule({.eval = evaluation, .job = job_, .nodes = table, .allocs = allocs_, .snapshot_index = 7, .now = now, .settings = settings,
                     .displaceable = displaceable},
                    random_);
  }

  /// Makes a plan true: stopped ones end, placed ones run.
  void commit(const Scheduled& scheduled) {
    for (const auto& stop : scheduled.plan.stops()) {
      ExistingAlloc& alloc = find(stop.id());
      if (!stop.followup_eval_id().empty()) alloc.followup_eval = parse_uuid(stop.followup_eval_id());
      if (stop.desired_status().empty()) continue;
      alloc.desired = DesiredStatus::stop;
      if (alloc.client != ClientStatus::failed) alloc.client = stop.client_status() == "lost" ? ClientStatus::lost : ClientStatus::complete;
    }
    for (const auto& placed : scheduled.plan.placements()) place(placed);
  }
  Scheduled run() {
    auto scheduled = pass();
    commit(scheduled);
    return scheduled;
  }

  /// The allocation has ended badly, now.
  void fail(std::size_t n) {
    allocs_[n].client = ClientStatus::failed;
    fill_message(allocs_[n]);
  }

  /// An allocation of another job.
  struct Other {
    NodeAt node = 0;
    Displaceable what;
  };
  std::vector<Other> others;
  Instant now = Instant(std::chrono::hours(1000));
  SchedulerSettings settings;

 private:
  std::string name_of(const Uuid& id) const {
    for (const auto& node : nodes_) {
      if (node->id() == to_text(id)) return node->name();
    }
    return "?";
  }
  ExistingAlloc& find(const std::string& id) {
    for (ExistingAlloc& alloc : allocs_) {
      if (to_text(alloc.id) == id) return alloc;
    }
    FAIL("no allocation " << id);
    return allocs_.front();
  }
  void fill_message(ExistingAlloc& alloc) {
    model::Allocation message = messages_[to_text(alloc.id)];
    message.set_modify_time(to_ns(now));
    alloc.message = std::make_shared<const model::Allocation>(message);
  }
  void place(const model::Allocation& placed) {
    messages_[placed.id()] = placed;
    for (ExistingAlloc& alloc : allocs_) {
      if (to_text(alloc.id) == placed.previous_allocation()) alloc.next = parse_uuid(placed.id());
      if (to_text(alloc.id) != placed.id()) continue;
      alloc.current = true;
      alloc.job = nullptr;
      return;
    }
    ExistingAlloc alloc{.id = parse_uuid(placed.id()), .node = parse_uuid(placed.node_id()), .group = placed.task_group()};
    const auto open = placed.name().rfind('[');
    alloc.index = static_cast<std::uint32_t>(std::stoul(placed.name().substr(open + 1)));
    alloc.client = ClientStatus::running;
    alloc.takes = model::capacity_of(placed.allocated_resources());
    for (const auto& port : placed.allocated_resources().shared().ports()) alloc.ports.push_back(static_cast<std::uint16_t>(port.value()));
    allocs_.push_back(alloc);
  }

  std::vector<std::shared_ptr<model::Node>> nodes_;
  std::shared_ptr<model::Job> job_;
  std::vector<ExistingAlloc> allocs_;
  std::map<std::string, model::Allocation> messages_;
  SeededRandom random_;
};

}  // namespace drover::server::tests
