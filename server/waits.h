#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <vector>

#include "base/loop/call.h"
#include "base/loop/loop.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "server/server.h"
#include "server/state/snapshot.h"

namespace drover::server {

constexpr std::size_t waits_max = 100000;  ///< parked readers; more are refused

/// Readers that wait for a change (blocking queries). On the server's loop.
class Waits {
 public:
  explicit Waits(Loop& loop) : loop_(loop), changed_(loop), scope_(loop) {}

  void start() { scope_.spawn(keep_time()); }
  Async<void> stop();

  /// Answers when anything of `what` has changed after `after`, or at the end of `limit` with the state as it is.
  void add(std::vector<WaitFor> what, Index after, Duration limit, const SnapshotPtr& state, Done<SnapshotPtr> done, std::weak_ptr<const void> wanted);
  /// Answers when the state has come to `index`; `timeout` when it has not within `limit`.
  void add_for_index(Index index, Duration limit, const SnapshotPtr& state, Done<SnapshotPtr> done);

  void published(const SnapshotPtr& state, const Effects& effects, bool anew);
  std::size_t size() const { return waiting_.size(); }

 private:
  using Key = std::tuple<Topic, Uuid, JobKey>;
  using Number = std::uint64_t;
  struct Waiting {
    std::vector<Key> keys;
    Index index = 0;  ///< waits for this index instead
    Duration ends{};
    Done<SnapshotPtr> done;
    std::weak_ptr<const void> wanted;
  };

  void park(Waiting waiting);
  void answer(Number number, const Result<SnapshotPtr>& result);
  void forget_unwanted();
  Async<void> keep_time();

  Loop& loop_;
  SnapshotPtr state_;
  std::map<Number, Waiting> waiting_;
  std::set<std::pair<Key, Number>> by_key_;
  std::set<std::pair<Index, Number>> by_index_;
  std::set<std::pair<Duration, Number>> by_end_;
  Number last_ = 0;
  std::size_t forget_at_ = 1024;
  Signal changed_;
  Scope scope_;
};

}  // namespace drover::server
