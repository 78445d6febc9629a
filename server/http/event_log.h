#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/loop/loop.h"
#include "base/loop/signal.h"
#include "server/server.h"

namespace drover::server {

constexpr std::size_t event_indexes_max = 100;  ///< how many changes are kept for those who come late

/// What the commands of one index have changed.
struct EventEntry {
  Index index = 0;
  SnapshotPtr before;  ///< for what is gone by now
  SnapshotPtr after;   ///< for what is there
  Effects effects;
};

/// The last changes of the state, for the event stream. On the HTTP server's loop, but for follow().
///
/// Nothing is made of a change before somebody reads it: what is kept are states and effects.
class EventLog : public std::enable_shared_from_this<EventLog> {
 public:
  using Number = std::uint64_t;

  explicit EventLog(Loop& loop) : loop_(loop), added_(loop) {}

  /// Hears of all changes of `server` from now on. Before server.start(); this and its loop outlive the server.
  void follow(Server& server);

  /// Where a reader begins: at the first entry of `index` or later; at the oldest for index 0; at the next one to come
  /// when there is none.
  Number number_of(Index index) const;
  /// The entry with this number. Null: not there yet (`lost()` false), or dropped already (true).
  std::shared_ptr<const EventEntry> entry(Number number) const;
  bool lost(Number number) const { return number < first_; }
  /// Until something was added or `limit` has passed; false when cancelled.
  Async<bool> wait_for(Duration limit) { return added_.wait_for(limit); }

  /// What a turn has changed; several indexes make several entries.
  void add(const SnapshotPtr& before, const SnapshotPtr& after, const Effects& effects);

 private:
  Loop& loop_;
  Signal added_;
  std::deque<std::shared_ptr<const EventEntry>> entries_;
  Number first_ = 0;  // of entries_.front()
};

/// What a reader of the stream wants.
struct EventFilter {
  struct Wanted {
    std::string topic;  ///< "*": all
    std::string key;    ///< "*": all
  };
  std::vector<Wanted> topics;
  std::string ns;  ///< "*": all

  bool wants(std::string_view topic) const;
  bool wants(std::string_view topic, std::string_view key, const std::vector<std::string>& more_keys) const;
};

/// One line of the stream, without its end; "" when nothing of the entry is wanted.
std::string event_line(const EventEntry& entry, const EventFilter& filter);

}  // namespace drover::server
