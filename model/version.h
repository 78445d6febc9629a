#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Versions and lists of conditions on them, in the two dialects of job files. Pure values, any thread.
namespace drover::model {

/// Loose: 1..n numbers, a leading "v", a pre-release even without a dash ("1.2beta"), conditions with "~>"; a
/// pre-release satisfies an order condition only if the condition names one. Strict: the order of Semantic Versioning.
enum class VersionDialect : std::uint8_t { loose, strict };

struct Version {
  std::vector<std::int64_t> segments;  ///< at least three
  std::size_t given = 0;               ///< how many of them were written
  std::string prerelease;

  static std::optional<Version> parse(std::string_view text, VersionDialect dialect);
  /// Build metadata does not count.
  friend std::strong_ordering operator<=>(const Version& a, const Version& b);
  friend bool operator==(const Version& a, const Version& b) { return (a <=> b) == 0; }
};

/// ">= 1.2, < 2": all must hold.
class VersionConditions {
 public:
  static std::optional<VersionConditions> parse(std::string_view text, VersionDialect dialect);
  bool hold_for(const Version& version) const;

 private:
  enum class Operator : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal, pessimistic };
  struct Condition {
    Operator op = Operator::equal;
    Version version;
  };
  static std::optional<Condition> parse_one(std::string_view text, VersionDialect dialect);
  static bool holds(const Condition& condition, const Version& version, VersionDialect dialect);

  VersionDialect dialect_ = VersionDialect::loose;
  std::vector<Condition> conditions_;
};

}  // namespace drover::model
