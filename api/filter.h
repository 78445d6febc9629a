#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <drover/result.h>

namespace google::protobuf {
class Message;
}

namespace drover::api {

constexpr std::size_t filter_bytes_max = 16 * 1024;  ///< a longer expression is refused
constexpr int filter_depth_max = 100;                ///< deeper nesting is refused

namespace filter {
struct Expression;
}

/// A filter expression of a list: `Status == "ready" and "dc1" in Datacenters`.
///
/// It looks at a message by the names of its JSON members. A missing key of a map and an unset part of the path make
/// positive operators false and negated ones true; a member that the message's type does not have is an error. An empty
/// text is a filter that everything passes. Immutable; any thread.
class Filter {
 public:
  Filter() = default;

  /// `invalid`, with the place and what was expected there: `1:3 (2): no match found, expected: "(", "-" or [a-zA-Z]`.
  static Result<Filter> parse(std::string_view text);

  /// Whether the message passes. `invalid` when the expression does not make sense for it.
  Result<bool> passes(const google::protobuf::Message& message) const;

  bool empty() const { return !root_; }
  /// Whether a path begins with this member.
  bool mentions(std::string_view member) const;

 private:
  std::shared_ptr<const filter::Expression> root_;
};

}  // namespace drover::api
