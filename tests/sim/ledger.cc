#include "tests/sim/ledger.h"

#include <drover/result.h>

#include <algorithm>

namespace drover::sim {

void Ledger::sent(const std::string& job, Wish wish) {
  DROVER_ASSERT(!in_flight(job));
  fates_[job].in_flight = wish;
}

void Ledger::acknowledged(const std::string& job) {
  Fate& fate = fates_[job];
  fate.promised = *std::exchange(fate.in_flight, std::nullopt);
  fate.perhaps.clear();
  ++acknowledged_count_;
}

void Ledger::refused(const std::string& job) { fates_[job].in_flight.reset(); }

void Ledger::unanswered(const std::string& job) {
  Fate& fate = fates_[job];
  fate.perhaps.push_back(*std::exchange(fate.in_flight, std::nullopt));
}

bool Ledger::in_flight(const std::string& job) const {
  const auto fate = fates_.find(job);
  return fate != fates_.end() && fate->second.in_flight;
}

bool Ledger::allows(const std::string& job, const Wish& found) const {
  const auto at = fates_.find(job);
  if (at == fates_.end()) return found == Wish{};
  const Fate& fate = at->second;
  return found == fate.promised || found == fate.in_flight || std::ranges::find(fate.perhaps, found) != fate.perhaps.end();
}

bool Ledger::allows_any_revision(const std::string& job, bool stopped) const {
  const auto found = fates_.find(job);
  if (found == fates_.end()) return false;
  const auto agrees = [stopped](const Wish& wish) { return wish.revision > 0 && wish.stopped == stopped; };
  const Fate& fate = found->second;
  return agrees(fate.promised) || std::ranges::any_of(fate.perhaps, agrees) || (fate.in_flight && agrees(*fate.in_flight));
}

bool Ledger::may_be_stopped(const std::string& job) const {
  const auto found = fates_.find(job);
  if (found == fates_.end()) return false;
  const Fate& fate = found->second;
  return fate.promised.stopped || std::ranges::any_of(fate.perhaps, &Wish::stopped) || (fate.in_flight && fate.in_flight->stopped);
}

std::string Ledger::expected(const std::string& job) const {
  const auto name = [](const Wish& wish) {
    return wish.revision == 0 ? std::string("no job") : text("revision {}{}", wish.revision, wish.stopped ? " stopped" : "");
  };
  const auto at = fates_.find(job);
  if (at == fates_.end()) return "no job";
  std::string all = name(at->second.promised);
  for (const Wish& wish : at->second.perhaps) all += ", or perhaps " + name(wish);
  if (at->second.in_flight) all += ", or soon " + name(*at->second.in_flight);
  return all;
}

}  // namespace drover::sim
