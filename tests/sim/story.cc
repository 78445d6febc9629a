#include "tests/sim/story.h"

#include "model/proto/node.pb.h"
#include "tests/sim/cluster_lives.h"

namespace drover::sim {

namespace {

class Story {
 public:
  explicit Story(const RunOptions& options)
      : options_(options), cluster_(ClusterOptions{options.seed, options.agents}), checks_(cluster_), random_(options.seed) {
    if (options.on_line) cluster_.trace.listen(options.on_line);
  }

  RunResult run() {
    start_all();
    pass(2s);
    for (const auto& [id, kind] : simulated_jobs()) register_one(id, kind);
    const Duration end = cluster_.time.elapsed() + options_.trouble;
    while (cluster_.time.elapsed() < end && fine()) {
      pass(Duration(static_cast<std::int64_t>(random_.below(6'000'000'000))));
      if (fine()) trouble();
    }
    if (fine()) heal();
    if (fine()) wait_until_settled();
    return result();
  }

 private:
  using Event = void (Story::*)();
  struct Chance {
    int weight;
    Event event;
  };

  bool fine() const { return cluster_.violations.empty(); }
  AgentHost& any_host() { return *cluster_.hosts[random_.below(cluster_.hosts.size())]; }
  bool one_in(std::uint64_t n) { return random_.below(n) == 0; }

  /// Lets time pass, with a look after every event.
  void pass(Duration by) {
    cluster_.time.run_until([this] {
      checks_.look();
      return !fine();
    }, by);
  }

  void trouble() {
    static constexpr Chance chances[] = {
        {30, &Story::change_job},      {8, &Story::stop_job},        {8, &Story::stop_an_alloc}, {10, &Story::kill_or_start_agent},
        {3, &Story::reboot_machine},   {8, &Story::kill_server},     {12, &Story::cut_or_mend},  {6, &Story::reset_connections},
        {6, &Story::kill_driver},      {6, &Story::trouble_disk},    {4, &Story::change_node},   {2, &Story::collect_garbage},
        {3, &Story::fill_agent_disk},  {4, &Story::drain_node},
    };
    int total = 0;
    for (const Chance& chance : chances) total += chance.weight;
    auto drawn = static_cast<int>(random_.below(static_cast<std::uint64_t>(total)));
    for (const Chance& chance : chances) {
      drawn -= chance.weight;
      if (drawn >= 0) continue;
      (this->*chance.event)();
      break;
    }
    cluster_.time.run_until_idle();
    if (!cluster_.server_up() && one_in(2)) cluster_.start_server();
  }

  void start_all() {
    cluster_.start_server();
    for (const auto& host : cluster_.hosts) cluster_.start_agent(*host);
  }

  void register_one(const std::string& id, JobKind kind) {
    if (cluster_.server()) cluster_.register_job(draw(id, kind, cluster_.ledger.next_revision(), random_));
  }

  void change_job() {
    const auto& [id, kind] = simulated_jobs()[random_.below(simulated_jobs().size())];
    register_one(id, kind);
  }

  void stop_job() { cluster_.deregister_job(simulated_jobs()[random_.below(simulated_jobs().size())].first); }

  void stop_an_alloc() {
    if (!cluster_.server()) return;
    std::vector<Uuid> live;
    cluster_.server()->snapshot()->each_alloc({}, [&live](const server::AllocRow& row) {
      if (!row.terminal()) live.push_back(row.id);
      return true;
    });
    if (!live.empty()) cluster_.stop_alloc(live[random_.below(live.size())]);
  }

  void kill_or_start_agent() {
    AgentHost& host = any_host();
    if (!host.life) {
      cluster_.start_agent(host);
      return;
    }
    ++crashes_;
    cluster_.crash_agent(host);
    if (!one_in(3)) cluster_.start_agent(host);
  }

  void reboot_machine() {
    AgentHost& host = any_host();
    ++crashes_;
    cluster_.reboot(host);
    if (!one_in(3)) cluster_.start_agent(host);
  }

  void kill_server() {
    if (!cluster_.server_up()) return cluster_.start_server();
    ++crashes_;
    cluster_.crash_server();
    if (one_in(2)) cluster_.start_server();
  }

  void cut_or_mend() {
    AgentHost& host = any_host();
    const bool cut = !cluster_.net.cut(host.number);
    cluster_.trace.add("net", text("{} {}", host.name, cut ? "is cut off" : "is reachable again"));
    cluster_.net.set_cut(host.number, cut);
  }

  void reset_connections() {
    AgentHost& host = any_host();
    cluster_.trace.add("net", "loses what is under way to and from " + host.name);
    cluster_.net.reset(host.number);
  }

  void kill_driver() {
    AgentHost& host = any_host();
    cluster_.trace.add(host.name, "its driver is killed");
    host.machine.kill_driver("mock_driver", Duration(static_cast<std::int64_t>(random_.below(10'000'000'000))));
  }

  void trouble_disk() {
    server::MemoryDisk& disk = cluster_.disk;
    if (disk.refuse) {
      cluster_.trace.add("disk", "has room again");
      disk.refuse.reset();
    } else if (one_in(3)) {
      cluster_.trace.add("disk", "is full");
      disk.refuse = fail(Code::exhausted, "the disk is full");
    } else if (one_in(2)) {
      cluster_.trace.add("disk", "does not answer the next append");
      (one_in(2) ? disk.unknown_lost : disk.unknown_stored) = true;
    } else {
      disk.append_delay = one_in(2) ? Duration(2ms) : Duration(static_cast<std::int64_t>(random_.below(200'000'000)));
      cluster_.trace.add("disk", text("takes {} us for an append", std::chrono::duration_cast<std::chrono::microseconds>(disk.append_delay).count()));
    }
  }

  void fill_agent_disk() {
    AgentHost& host = any_host();
    host.disk.full = !host.disk.full;
    cluster_.trace.add(host.name, host.disk.full ? "its disk is full" : "its disk has room again");
  }

  std::optional<Uuid> any_node() {
    std::vector<Uuid> nodes;
    if (!cluster_.server()) return std::nullopt;
    cluster_.server()->snapshot()->each_node({}, [&nodes](const model::Node& node) {
      nodes.push_back(parse_uuid(node.id()));
      return true;
    });
    if (nodes.empty()) return std::nullopt;
    return nodes[random_.below(nodes.size())];
  }

  void change_node() {
    if (const auto node = any_node()) cluster_.set_eligibility(*node, !one_in(3));
  }

  void drain_node() {
    const auto node = any_node();
    if (!node) return;
    std::optional<Duration> deadline;
    if (!one_in(3)) deadline = Duration(static_cast<std::int64_t>(1 + random_.below(300'000'000'000)));
    cluster_.drain(*node, deadline);
  }

  void collect_garbage() {
    if (cluster_.server()) cluster_.collect_garbage();
  }

  void heal() {
    cluster_.trace.add("story", "everything is healed");
    cluster_.disk.refuse.reset();
    cluster_.disk.unknown_lost = cluster_.disk.unknown_stored = false;
    cluster_.disk.append_delay = 2ms;
    cluster_.net.calm();
    for (const auto& host : cluster_.hosts) {
      host->disk.full = false;
      cluster_.net.set_cut(host->number, false);
    }
    start_all();
    pass(2s);
    if (!cluster_.server()) return;
    cluster_.server()->snapshot()->each_node({}, [this](const model::Node& node) {
      node.has_drain_strategy() ? cluster_.drain(parse_uuid(node.id()), std::nullopt) : cluster_.set_eligibility(parse_uuid(node.id()), true);
      return true;
    });
  }

  void wait_until_settled() {
    const Duration end = cluster_.time.elapsed() + options_.patience;
    std::optional<std::string> unsettled;
    int calm_looks = 0;  // settled, and stays so for a while
    while (fine() && cluster_.time.elapsed() < end) {
      pass(unsettled ? Duration(5s) : Duration(20s));
      unsettled = what_is_unsettled(cluster_);
      calm_looks = unsettled ? 0 : calm_looks + 1;
      if (calm_looks == 5) return;
    }
    if (!fine()) return;
    tell_jobs();
    cluster_.violate("the healed cluster does not settle: " + unsettled.value_or("it goes to and fro"));
  }

  void tell_jobs() {
    if (!cluster_.server()) return;
    const server::SnapshotPtr state = cluster_.server()->snapshot();
    for (const auto& [id, kind] : simulated_jobs()) {
      for (const std::string& line : describe_job(*state, id)) cluster_.trace.add(id, line);
    }
  }

  RunResult result() {
    RunResult result;
    result.seed = options_.seed;
    result.violations = cluster_.violations;
    result.trace_hash = cluster_.trace.hash();
    result.trace_lines = cluster_.trace.size();
    result.acknowledged = cluster_.ledger.acknowledged_count();
    result.crashes = crashes_;
    for (const auto& host : cluster_.hosts) result.starts += host->machine.starts.size();
    result.tail.assign(cluster_.trace.tail().begin(), cluster_.trace.tail().end());
    return result;
  }

  RunOptions options_;
  Cluster cluster_;
  Checks checks_;
  SeededRandom random_;
  std::uint64_t crashes_ = 0;
};

}  // namespace

RunResult run_story(RunOptions options) {
  Story story(options);
  return story.run();
}

}  // namespace drover::sim
