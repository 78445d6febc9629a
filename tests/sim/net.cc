#include "tests/sim/net.h"

namespace drover::sim {

namespace {

constexpr Duration patience_min = 10s;  ///< of a side whose peer has fallen silent (keep-alive)
constexpr Duration patience_max = 30s;

Duration between(Random& random, Duration low, Duration high) {
  return low + Duration(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>((high - low).count()) + 1)));
}

}  // namespace

bool Connection::broken(Side side) const {
  const auto& at = breaks_at_[index(side)];
  return at && *at <= net_.now();
}

void Connection::break_at(Side side, Duration at) {
  auto& mine = breaks_at_[index(side)];
  if (!mine || at < *mine) mine = at;
  if (wake[index(side)]) wake[index(side)]();
}

void Connection::mend(Side side) {
  if (!broken(side) && !lossy_) breaks_at_[index(side)].reset();
  if (wake[index(side)]) wake[index(side)]();
}

Net::Net(VirtualTime& time, Trace& trace, std::uint64_t seed, std::size_t paths)
    : time_(time), trace_(trace), random_(seed), paths_(paths) {}

Duration Net::latency() {
  if (calm_) return 200us;
  // Mostly quick, now and then slow.
  return random_.below(50) == 0 ? between(random_, 50ms, 3s) : between(random_, 100us, 20ms);
}

bool Net::doubles() { return !calm_ && random_.below(100) == 0; }

void Net::each_connection(std::size_t path, const std::function<void(Connection&)>& visit) {
  std::vector<std::weak_ptr<Connection>>& all = paths_[path].connections;
  std::erase_if(all, [](const std::weak_ptr<Connection>& each) { return each.expired(); });
  for (const auto& each : std::vector(all)) {
    if (const auto connection = each.lock()) visit(*connection);
  }
}

void Net::set_cut(std::size_t path, bool cut) {
  if (paths_[path].cut == cut) return;
  paths_[path].cut = cut;
  each_connection(path, [this, cut](Connection& connection) {
    for (const Side side : {Side::agent, Side::server}) {
      if (cut) {
        connection.break_at(side, now() + between(random_, patience_min, patience_max));
      } else if (connection.broken(other(side))) {
        connection.break_at(side, now() + latency());  // the peer answers that it knows no such connection
      } else {
        connection.mend(side);
      }
    }
  });
}

void Net::reset(std::size_t path) {
  each_connection(path, [this](Connection& connection) {
    if (connection.drop_all) connection.drop_all();
    connection.lose();
    connection.break_at(Side::agent, now() + between(random_, Duration(0), 1s));
    connection.break_at(Side::server, now() + between(random_, Duration(0), 15s));
  });
}

std::shared_ptr<Connection> Net::connect(std::size_t path) {
  auto connection = std::make_shared<Connection>(*this, path);
  paths_[path].connections.push_back(connection);
  return connection;
}

}  // namespace drover::sim
