#include "server/scheduler/preemption.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace drover::server {
namespace {

constexpr double crowding_penalty = 50;  ///< for each of a group beyond those that should move at once
constexpr double score_rate = 0.0048;
constexpr double score_middle = 2048;

/// How far what somebody holds is from what is needed, over the dimensions that are needed at all.
double distance(const model::Capacity& need, const model::Capacity& has) {
  double sum = 0;
  const auto add = [&sum](std::int64_t wanted, std::int64_t held) {
    if (wanted <= 0) return;
    const double part = static_cast<double>(wanted - held) / static_cast<double>(wanted);
    sum += part * part;
  };
  add(need.memory_mb, has.memory_mb);
  add(need.cpu, has.cpu);
  add(need.disk_mb, has.disk_mb);
  return std::sqrt(sum);
}

class Choice {
 public:
  Choice(const Lack& lack, const std::vector<Displaceable>& candidates, const DisplacedCounts& counts)
      : lack_(lack), candidates_(candidates), counts_(counts), free_(lack.free), need_(lack.ask), chosen_(candidates.size()) {}

  std::optional<std::vector<std::size_t>> run() {
    for (const std::uint16_t port : lack_.ports) {
      if (!take_holder(port)) return std::nullopt;
    }
    const std::size_t holders = taken_.size();
    for (const std::int64_t priority : priorities()) {
      while (!suffices(free_)) {
        const auto next = nearest(priority);
        if (!next) break;
        take(*next);
      }
    }
    if (!suffices(free_)) return std::nullopt;
    spare_the_others(holders);
    std::ranges::sort(taken_);
    return taken_;
  }

 private:
  bool suffices(const model::Capacity& free) const { return model::exhausted_dimension(free, lack_.ask).empty(); }

  void take(std::size_t at) {
    chosen_[at] = true;
    taken_.push_back(at);
    free_ += candidates_[at].takes;
    need_ -= candidates_[at].takes;
  }

  bool take_holder(std::uint16_t port) {
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (std::ranges::find(candidates_[i].ports, port) == candidates_[i].ports.end()) continue;
      if (!chosen_[i]) take(i);
      return true;
    }
    return false;
  }

  std::vector<std::int64_t> priorities() const {
    std::vector<std::int64_t> found;
    for (const Displaceable& one : candidates_) found.push_back(one.priority);
    std::ranges::sort(found);
    found.erase(std::ranges::unique(found).begin(), found.end());
    return found;
  }

  double crowding(const Displaceable& one) const {
    const auto known = counts_.find({one.job, one.group});
    const std::int64_t count = known == counts_.end() ? 0 : known->second;
    if (one.parallel_max <= 0 || count < one.parallel_max) return 0;
    return crowding_penalty * static_cast<double>(count + 1 - one.parallel_max);
  }

  std::optional<std::size_t> nearest(std::int64_t priority) const {
    std::optional<std::size_t> best;
    double least = std::numeric_limits<double>::max();
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (chosen_[i] || candidates_[i].priority != priority) continue;
      const double far = distance(need_, candidates_[i].takes) + crowding(candidates_[i]);
      if (far >= least) continue;
      least = far;
      best = i;
    }
    return best;
  }

  /// The search may have taken small ones before a large one that suffices alone: whoever is not needed after all stays,
  /// the most urgent first, and of these who was taken first.
  void spare_the_others(std::size_t holders) {
    std::vector<std::size_t> others(taken_.begin() + static_cast<std::ptrdiff_t>(holders), taken_.end());
    std::ranges::stable_sort(others, std::greater<>{}, [this](std::size_t at) { return candidates_[at].priority; });
    for (const std::size_t at : others) {
      const model::Capacity without = free_ - candidates_[at].takes;
      if (!suffices(without)) continue;
      free_ = without;
      std::erase(taken_, at);
    }
  }

  const Lack& lack_;
  const std::vector<Displaceable>& candidates_;
  const DisplacedCounts& counts_;
  model::Capacity free_;
  model::Capacity need_;
  std::vector<char> chosen_;
  std::vector<std::size_t> taken_;
};

}  // namespace

std::optional<std::vector<std::size_t>> choose_displaced(const Lack& lack, const std::vector<Displaceable>& candidates, const DisplacedCounts& counts) {
  return Choice(lack, candidates, counts).run();
}

double displacing_score(const std::vector<std::int64_t>& priorities) {
  double most = 0;
  double sum = 0;
  for (const std::int64_t priority : priorities) {
    most = std::max(most, static_cast<double>(priority));
    sum += static_cast<double>(priority);
  }
  const double net = most > 0 ? most + sum / most : 0;
  return 1 / (1 + std::exp(score_rate * (net - score_middle)));
}

const std::vector<Displaceable>& Displacing::on(NodeAt node) {
  const auto [at, is_new] = known_.try_emplace(node);
  if (is_new) {
    at->second = find_(node);
    std::erase_if(at->second, [this](const Displaceable& one) { return priority_ - one.priority < priority_gap_min; });
  }
  return at->second;
}

std::vector<Displaceable> Displacing::displace(NodeAt node, const std::vector<std::size_t>& positions) {
  std::vector<Displaceable>& all = known_.at(node);
  std::vector<Displaceable> gone;
  for (const std::size_t at : positions) gone.push_back(all[at]);
  for (auto at = positions.rbegin(); at != positions.rend(); ++at) all.erase(all.begin() + static_cast<std::ptrdiff_t>(*at));
  for (const Displaceable& one : gone) ++counts_[{one.job, one.group}];
  return gone;
}

}  // namespace drover::server
