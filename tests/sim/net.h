#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/loop/duplex.h"
#include "base/loop/random.h"
#include "base/loop/signal.h"
#include "base/loop/virtual_loop.h"
#include "tests/sim/trace.h"

namespace drover::sim {

/// One side of a connection.
enum class Side : std::uint8_t { agent, server };
constexpr Side other(Side side) { return side == Side::agent ? Side::server : Side::agent; }

class Net;

/// What the two ends of a connection share: when each side learns that it is broken. A cut or a reset is noticed by the
/// two sides at different times, as with a real net.
class Connection {
 public:
  Connection(Net& net, std::size_t path) : net_(net), path_(path) {}

  Net& net() { return net_; }
  std::size_t path() const { return path_; }
  bool broken(Side side) const;
  std::optional<Duration> breaks_at(Side side) const { return breaks_at_[index(side)]; }
  void break_at(Side side, Duration at);
  void mend(Side side);  ///< it has not noticed a break so far, and will not, unless something was lost
  void lose() { lossy_ = true; }  ///< what was under way is lost: both sides will notice
  /// Called when something may have changed for a side: time, breaks, arrivals.
  std::function<void()> wake[2];
  std::function<void()> drop_all;  ///< what is under way is lost

 private:
  static std::size_t index(Side side) { return static_cast<std::size_t>(side); }
  Net& net_;
  std::size_t path_;
  std::optional<Duration> breaks_at_[2];
  bool lossy_ = false;
};

/// The net between a server and its agents: one path an agent, each with delays, cuts, resets and doubled messages.
class Net {
 public:
  static constexpr std::size_t queue_max = 4096;

  Net(VirtualTime& time, Trace& trace, std::uint64_t seed, std::size_t paths);

  Duration now() const { return time_.elapsed(); }
  Trace& trace() { return trace_; }
  Random& random() { return random_; }
  Duration latency();
  bool doubles();  ///< whether this message arrives twice

  bool cut(std::size_t path) const { return paths_[path].cut; }
  /// Nothing gets through any more; connections break if it lasts longer than each side's patience.
  void set_cut(std::size_t path, bool cut);
  /// Connections of the path lose what is under way and break, for the server perhaps a good while later.
  void reset(std::size_t path);
  /// No more delays worth speaking of, no doubles.
  void calm() { calm_ = true; }

  std::shared_ptr<Connection> connect(std::size_t path);

 private:
  struct Path {
    bool cut = false;
    std::vector<std::weak_ptr<Connection>> connections;
  };
  void each_connection(std::size_t path, const std::function<void(Connection&)>& visit);

  VirtualTime& time_;
  Trace& trace_;
  SeededRandom random_;
  std::vector<Path> paths_;
  bool calm_ = false;
};

/// Messages one way.
template <class T>
struct Lane {
  struct Parcel {
    Duration due{};
    T message;
  };
  std::deque<Parcel> parcels;
  std::optional<Duration> closed_at;  ///< the sender has ended the stream; seen after what was sent before
  std::string reason;
};

/// One end of a connection. `describe` gives a line of the trace for a message that is sent, and says whether it may
/// arrive twice (the first of a session may not).
template <class Out, class In>
class NetEnd final : public Duplex<Out, In> {
 public:
  using Describe = std::function<std::string(const Out&)>;

  NetEnd(Loop& loop, std::shared_ptr<Connection> connection, Side side, std::string actor, std::shared_ptr<Lane<Out>> out,
         std::shared_ptr<Lane<In>> in, Describe describe)
      : connection_(std::move(connection)), side_(side), actor_(std::move(actor)), out_(std::move(out)), in_(std::move(in)),
        describe_(std::move(describe)), arrived_(std::make_shared<Signal>(loop)) {
    connection_->wake[static_cast<std::size_t>(side)] = [weak = std::weak_ptr<Signal>(arrived_), &loop] {
      loop.post([weak] {
        if (const auto signal = weak.lock()) signal->notify();
      });
    };
  }

  ~NetEnd() override {
    connection_->wake[static_cast<std::size_t>(side_)] = {};
    end("the other side is gone");
  }

  Result<void> send(Out message) override {
    if (connection_->broken(side_)) return fail(Code::unavailable, "the connection is broken");
    if (out_->closed_at) return fail(Code::unavailable, "{}", out_->reason);
    if (out_->parcels.size() >= Net::queue_max) return fail(Code::exhausted, "the other side does not read");
    Net& net = connection_->net();
    net.trace().add(actor_, "-> " + describe_(message));
    const bool twice = !first_ && net.doubles();
    first_ = false;
    if (twice) push(message);
    push(std::move(message));
    wake_other();
    return {};
  }

  Async<Result<In>> receive() override { return receive_from(connection_, side_, in_, arrived_); }

  void close(std::string reason) override { end(std::move(reason)); }

 private:
  void push(Out message) {
    Net& net = connection_->net();
    Duration due = net.now() + net.latency();
    if (!out_->parcels.empty()) due = std::max(due, out_->parcels.back().due);
    out_->parcels.push_back({due, std::move(message)});
  }

  void end(std::string reason) {
    if (!out_->closed_at) {
      out_->closed_at = connection_->net().now() + connection_->net().latency();
      out_->reason = reason;
      wake_other();
    }
    if (!in_->closed_at) {
      in_->closed_at = connection_->net().now();
      in_->reason = std::move(reason);
      arrived_->notify();
    }
  }

  void wake_other() {
    if (const auto& wake = connection_->wake[static_cast<std::size_t>(other(side_))]) wake();
  }

  static Async<Result<In>> receive_from(std::shared_ptr<Connection> connection, Side side, std::shared_ptr<Lane<In>> lane,
                                        std::shared_ptr<Signal> arrived) {
    for (;;) {
      if (connection->broken(side)) co_return fail(Code::unavailable, "the connection is broken");
      const Duration now = connection->net().now();
      const bool cut = connection->net().cut(connection->path());
      std::optional<Duration> next = connection->breaks_at(side);
      if (!cut) {
        if (!lane->parcels.empty() && lane->parcels.front().due <= now) {
          In message = std::move(lane->parcels.front().message);
          lane->parcels.pop_front();
          co_return message;
        }
        if (lane->parcels.empty() && lane->closed_at && *lane->closed_at <= now) co_return fail(Code::unavailable, "{}", lane->reason);
        const std::optional<Duration> due = lane->parcels.empty() ? lane->closed_at : std::optional(lane->parcels.front().due);
        if (due && (!next || *due < *next)) next = due;
      }
      bool woken = false;
      if (next) {
        woken = co_await arrived->wait_for(*next - now);
      } else {
        woken = co_await arrived->wait();
      }
      if (!woken) co_return fail(Code::cancelled, "the wait for a message was cancelled");
    }
  }

  std::shared_ptr<Connection> connection_;
  Side side_;
  std::string actor_;
  std::shared_ptr<Lane<Out>> out_;
  std::shared_ptr<Lane<In>> in_;
  Describe describe_;
  std::shared_ptr<Signal> arrived_;
  bool first_ = true;
};

}  // namespace drover::sim
