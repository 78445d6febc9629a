#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/loop/loop.h"

namespace drover {

class VirtualLoop;

/// The clock that several VirtualLoops share, and what drives them: one OS thread, the same order in every run.
///
/// Loops take turns in the order they were made; alarms go off by (time, order of setting). Time moves only here.
/// A coroutine that spins, so that time cannot move, is noticed: after `handlers_max` handlers at one instant the
/// program aborts, or calls what was given to on_spin() and runs nothing more.
class VirtualTime {
 public:
  static constexpr std::size_t handlers_max = 5'000'000;

  /// `start` is what wall clocks show at first.
  explicit VirtualTime(Instant start = Instant(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)));
  VirtualTime(const VirtualTime&) = delete;
  VirtualTime& operator=(const VirtualTime&) = delete;
  ~VirtualTime();

  /// What to do instead of aborting when a coroutine spins.
  void on_spin(std::function<void()> report) { on_spin_ = std::move(report); }

  /// Since the start.
  Duration elapsed() const { return elapsed_; }

  /// Runs everything that can run without time passing.
  void run_until_idle();
  /// Runs what can run, then moves to the next alarm and runs what that woke; false when no alarm is set.
  bool step();
  /// Lets so much time pass, alarm by alarm.
  void advance(Duration by);
  /// Steps until `condition` holds; false when `limit` has passed without it.
  bool run_until(const std::function<bool()>& condition, Duration limit);

 private:
  friend class VirtualLoop;
  friend class VirtualWaiter;
  using Alarm = std::pair<Duration, std::uint64_t>;

  void count_handlers(std::size_t ran);
  /// Moves to the next alarm if it is due by `until`.
  bool ring_next(Duration until);

  Instant start_;
  Duration elapsed_{0};
  std::uint64_t alarms_set_ = 0;
  std::size_t handlers_now_ = 0;  ///< that ran since time moved last
  bool spun_ = false;
  std::function<void()> on_spin_;
  std::map<Alarm, class VirtualWaiter*> alarms_;
  std::vector<VirtualLoop*> loops_;
};

/// A loop on virtual time, for tests and the simulator. All its functions, post() as well, on the one OS thread.
class VirtualLoop final : public Loop {
 public:
  explicit VirtualLoop(VirtualTime& time);
  ~VirtualLoop() override;
  VirtualLoop(const VirtualLoop&) = delete;
  VirtualLoop& operator=(const VirtualLoop&) = delete;

  /// Destroys every frame and everything posted, as a kill of the process would; the loop never runs again and drops
  /// what is posted to it. Not from a handler of this loop. Destroy the role's objects after this, then the loop.
  void crash();
  bool crashed() const { return crashed_; }

  /// What this loop's wall clock shows beside the true time.
  void set_clock_offset(Duration offset) { clock_offset_ = offset; }

  Executor executor() override;
  Instant now() const override;
  Duration uptime() const override;
  void post(std::function<void()> work) override;
  Async<bool> sleep(Duration delay) override;
  std::unique_ptr<Waiter> make_waiter() override;

 private:
  friend class VirtualTime;
  std::size_t poll();

  struct Context;
  VirtualTime& time_;
  std::unique_ptr<Context> context_;
  Duration clock_offset_{0};
  bool crashed_ = false;
  bool running_ = false;
};

}  // namespace drover
