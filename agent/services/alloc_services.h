#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/drivers/drivers.h"
#include "agent/probe.h"
#include "agent/services/offer.h"
#include "base/loop/loop.h"
#include "base/loop/random.h"
#include "base/loop/scope.h"

namespace drover::model {
class AllocServices;
}

namespace drover::agent {

/// Where a script of a check runs.
struct RunningTask {
  std::string driver;
  std::string task_id;
};

/// One check as the API shows it.
struct CheckReport {
  std::string service;
  std::string task;  ///< whose service it is; "" = the group's
  CheckSpec spec;
  CheckState state;
};

/// What the checks say about the health of the allocation.
struct ChecksHealth {
  std::size_t wanted = 0;         ///< checks that count
  std::vector<std::string> bad;  ///< "<service>: <check>" of those that are not good, with the last output
};

/// The services of one allocation: runs their checks while what they check on runs, and knows which instances are
/// ready. An instance is ready while its tasks run and none of its checks is pending or fails.
///
/// On the agent's loop. Await stop() before destroying it.
class AllocServices {
 public:
  /// What it asks of the allocation, and tells it.
  class Owner {
   public:
    virtual ~Owner() = default;
    /// registrations(), reports() or health() is not what it was.
    virtual void services_changed() = 0;
    /// Failures of a check ask for a restart of the task, or of all running tasks ("").
    virtual void restart_unhealthy(const std::string& task, const std::string& reason) = 0;
    /// Nothing while the task does not run.
    virtual std::optional<RunningTask> running_task(const std::string& task) const = 0;
  };
  struct Parts {
    Loop& loop;
    Random& random;
    Drivers& drivers;
    Probe& probe;
  };

  AllocServices(Parts parts, Owner& owner);
  AllocServices(const AllocServices&) = delete;
  AllocServices& operator=(const AllocServices&) = delete;

  /// What a task ("": the group) offers from now on. `running`: what its checks look at runs; each time that begins,
  /// they start anew. `resumed`: it ran before this agent did, and is taken for ready until a check says otherwise.
  void offer(const std::string& task, Offer offer, bool running, bool resumed);
  /// The task, or the group, offers nothing any more.
  void withdraw(const std::string& task);
  void withdraw_all();

  /// All instances, sorted by id.
  model::AllocServices registrations() const;
  bool empty() const { return offered_.empty(); }
  /// Some instance is ready: others may be talking to it.
  bool any_ready() const;
  std::vector<CheckReport> reports() const;
  ChecksHealth health() const;

  Async<void> stop();

 private:
  struct Watched {
    CheckSpec spec;
    CheckState state;
    std::uint64_t life = 0;  ///< of the coroutine that runs it
    std::function<void()> cancel;
  };
  struct Offered {
    Offer offer;
    bool running = false;
    bool resumed = false;
    std::map<std::string, Watched> checks;  ///< by id
  };

  void begin(const std::string& task, Offered& offered, const CheckSpec& spec);
  void end_checks(Offered& offered);
  Watched* find(const std::string& task, const std::string& id, std::uint64_t life);
  Async<void> run_check(std::string task, std::string id, std::uint64_t life);
  Async<std::optional<CheckOutcome>> run_once(CheckSpec spec);
  Async<std::optional<CheckOutcome>> run_http(CheckSpec spec);
  Async<std::optional<CheckOutcome>> run_script(CheckSpec spec);
  bool is_ready(const Offered& offered, const OfferedService& service) const;

  Parts parts_;
  Owner& owner_;
  std::map<std::string, Offered> offered_;  ///< by task; "" = the group
  std::uint64_t lives_ = 0;
  Scope scope_;
};

}  // namespace drover::agent
