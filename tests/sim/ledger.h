#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drover::sim {

/// What clients know of a job: what they were promised, and what may have happened without their knowing.
///
/// Requests for one job come one after another. So a job's state is that of the last acknowledged request, or of a later
/// one whose answer never came.
class Ledger {
 public:
  struct Wish {
    std::uint64_t revision = 0;  ///< 0: never registered
    bool stopped = false;
    friend bool operator==(const Wish&, const Wish&) = default;
  };

  void sent(const std::string& job, Wish wish);
  void acknowledged(const std::string& job);
  void refused(const std::string& job);
  void unanswered(const std::string& job);

  bool in_flight(const std::string& job) const;
  /// What the last acknowledged request, or a maybe-done one after it, may have left.
  bool allows(const std::string& job, const Wish& found) const;
  /// The same for a job that may have gone back to an older revision by itself.
  bool allows_any_revision(const std::string& job, bool stopped) const;
  /// The last acknowledged request, or a maybe-done one after it, stopped the job: once dead it may be collected.
  bool may_be_stopped(const std::string& job) const;
  /// For messages: "revision 3, or perhaps 4 stopped".
  std::string expected(const std::string& job) const;
  std::uint64_t next_revision() { return ++revisions_; }
  std::uint64_t acknowledged_count() const { return acknowledged_count_; }

 private:
  struct Fate {
    Wish promised;
    std::vector<Wish> perhaps;
    std::optional<Wish> in_flight;
  };
  std::map<std::string, Fate> fates_;
  std::uint64_t revisions_ = 0;
  std::uint64_t acknowledged_count_ = 0;
};

}  // namespace drover::sim
