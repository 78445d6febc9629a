#pragma once

#include <drover/result.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace drover::cli {

/// One flag of a command, a row of its table. Go's flag syntax is spoken: -x, -x=v, -x v, and two dashes alike.
struct Flag {
  std::string_view name;
  std::string_view value;  ///< what it takes ("<n>"), "" for a switch
  std::string_view help;
};

/// The flags and arguments of one call.
class Flags {
 public:
  /// Splits words into flags of `tables` and arguments. Flags may follow arguments; "--" ends the flags.
  /// Unknown flags and missing values are errors that name the flag.
  static Result<Flags> parse(const std::vector<std::string>& words, const std::vector<const std::vector<Flag>*>& tables,
                             bool stop_at_argument);

  bool has(std::string_view name) const;
  /// True for -x and -x=true; false for -x=false and when absent.
  bool is_on(std::string_view name, bool otherwise = false) const;
  /// The last value given, or `otherwise`.
  std::string text(std::string_view name, std::string_view otherwise = "") const;
  std::vector<std::string> all(std::string_view name) const;

  std::vector<std::string> args;

 private:
  std::multimap<std::string, std::string, std::less<>> values_;
};

}  // namespace drover::cli
