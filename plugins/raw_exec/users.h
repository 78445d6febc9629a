#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <drover/result.h>

/// Which users of the host tasks may run as.
namespace drover::raw_exec {

/// "0,1000-1999": ids and ranges of them.
class IdRanges {
 public:
  /// `name` is the option's, for the error.
  static Result<IdRanges> parse(std::string_view name, std::string_view text);
  bool contains(std::uint32_t id) const;
  bool empty() const { return ranges_.empty(); }

 private:
  std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges_;
};

struct DeniedIds {
  IdRanges uids;
  IdRanges gids;
};

/// Refuses a user (empty: our own) whose id, or one of whose groups, is denied.
Result<void> check_user(const std::string& user, const DeniedIds& denied);

}  // namespace drover::raw_exec
