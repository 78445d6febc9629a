#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <drover/result.h>

#include "base/log/log.h"
#include "base/loop/loop.h"
#include "base/loop/random.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "base/loop/workers.h"
#include "server/commands/command.h"
#include "server/journal/journal.h"
#include "server/journal/snapshot_files.h"
#include "server/state/state.h"

namespace drover::server {

constexpr std::size_t requests_max = 65536;         ///< waiting for a turn; more are refused
constexpr std::size_t turn_requests_max = 8192;     ///< decided in one turn
constexpr std::size_t turn_bytes_max = 16 << 20;    ///< of records in one turn
constexpr Index snapshot_every = 20000;             ///< commands between snapshots
constexpr Duration lead_retry_delay = 1s;           ///< after the journal could not be taken over

/// A command that the journal holds and this server cannot apply: it is passed over and reported, never fatal.
struct Quarantined {
  Index index = 0;
  std::string reason;
};

/// The heart of the server: turns requests into commands, and commands into published states.
///
/// A turn decides all that is queued against the working state, applies it there at once, and appends it to the
/// journal with one append. When that is durable the state is published, its effects are told, and the requests are
/// answered: also those that were refused or changed nothing, for they may have seen what was not durable yet. When an
/// append is refused or its outcome is unknown, the working state is dropped and made anew from the journal.
/// On the loop, and for one owner.
class Turns {
 public:
  struct Parts {
    Loop& loop;
    Random& random;
    Journal& journal;
    SnapshotFiles& snapshots;
    const ServerConfig& config;
    Log log;
  };
  using Decide = std::function<Result<std::shared_ptr<proto::Command>>(const Deciding&)>;
  using Answered = std::function<void(Result<void>)>;
  /// Told on the loop what a published state has changed, in order, before the requests are answered. `anew`: the
  /// state was made from the journal, and anything may have changed. Without effects and not anew: as it was, but turns
  /// are taken again.
  using Listener = std::function<void(const SnapshotPtr& state, const Effects& effects, bool anew)>;

  explicit Turns(Parts parts);

  /// Listeners are told in the order in which they were added; before start().
  void listen(Listener listener) { listeners_.push_back(std::move(listener)); }

  /// Takes over the journal and makes the state from snapshot and records; then turns begin.
  Async<Result<void>> start();
  /// Refuses what is queued and waits for the append in flight.
  Async<void> stop();

  /// Queues a request. `answered` is called once, on the loop, never from within submit().
  void submit(Decide decide, Answered answered);

  /// The same for a request that has a decide() of its own.
  template <class Request>
  void ask(Request request, std::function<void(Result<decltype(decide(std::declval<Request>(), std::declval<Deciding>()).value().answer)>)> done) {
    using Answer = decltype(decide(std::declval<Request>(), std::declval<Deciding>()).value().answer);
    auto answer = std::make_shared<std::optional<Answer>>();
    Decide decide_it = [request = std::move(request), answer](const Deciding& deciding) -> Result<std::shared_ptr<proto::Command>> {
      DROVER_LET(auto decision, decide(request, deciding));
      answer->emplace(std::move(decision.answer));
      return std::move(decision.command);
    };
    submit(std::move(decide_it), [answer, done = std::move(done)](Result<void> result) {
      if (result) return done(std::move(**answer));
      done(std::move(result).error());
    });
  }

  /// All of it is durable.
  const SnapshotPtr& published() const { return published_; }
  /// Whether turns are being taken.
  bool leading() const { return leading_; }
  const std::vector<Quarantined>& quarantined() const { return quarantined_; }
  std::size_t queued() const { return queue_.size(); }

 private:
  struct Request {
    Decide decide;
    Answered answered;
  };
  struct Turn {
    Index first = 0;
    Batch records;
    std::size_t bytes = 0;
    Effects effects;
    std::vector<std::pair<Answered, Result<void>>> answers;
  };

  Async<void> run();
  Turn gather();
  Result<void> decide_one(const Request& request, Turn& turn);
  Async<void> commit(Turn turn);
  Async<Result<void>> make_state_anew();
  Async<void> recover();
  void replay_one(State& state, Index index, std::string_view record);
  void publish(const Effects& effects, bool anew);
  void refuse_queued(const Error& why);
  Async<void> save_snapshots();

  Parts parts_;
  std::vector<Listener> listeners_;
  State working_;
  SnapshotPtr published_ = std::make_shared<const Snapshot>();
  std::deque<Request> queue_;
  std::vector<Quarantined> quarantined_;
  Index saved_ = 0;  ///< of the newest snapshot
  bool told_ = false;    ///< listeners have been told of a state made from the journal
  bool leading_ = false;
  bool stopping_ = false;
  bool busy_ = false;  ///< a turn is being committed
  Signal queued_;
  Signal published_signal_;
  Signal idle_;
  Scope scope_;
};

}  // namespace drover::server
