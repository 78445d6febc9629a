#pragma once

#include <drover/result.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/http/types.h"
#include "base/loop/time.h"

namespace drover::api {

using Index = std::uint64_t;

constexpr Duration wait_default = 5min;  ///< of a blocking query that names none
constexpr Duration wait_max = 5min;      ///< longer ones are shortened to this
constexpr std::string_view default_namespace = "default";
constexpr std::string_view all_namespaces = "*";

/// The query parameters that every route of /v1 takes.
struct Params {
  Index index = 0;  ///< block until the result's index is greater; 0: do not block
  Duration wait = wait_default;
  bool stale = false;
  bool pretty = false;
  bool reverse = false;
  std::string region;
  std::string ns = std::string(default_namespace);
  bool ns_given = false;
  std::string prefix;
  std::string filter;
  std::size_t per_page = 0;  ///< 0: all
  std::string next_token;

  bool any_namespace() const { return ns == all_namespaces; }
};

/// What does not depend on being well-formed: namespace, region, pretty, prefix, filter, reverse, next_token.
Params parse_lenient(const http::Request& request);
/// All of it. The error (invalid) has the text that clients know, e.g. "Invalid index".
Result<Params> parse_params(const http::Request& request);

/// As Go reads them: 1 t T TRUE true True, 0 f F FALSE false False.
Result<bool> parse_bool(std::string_view text);
/// A flag of one route. Absent or empty: `otherwise`. The error has Go's text.
Result<bool> bool_parameter(const http::Request& request, std::string_view name, bool otherwise = false);
/// A number of one route. Absent or empty: `otherwise`.
Result<std::int64_t> int_parameter(const http::Request& request, std::string_view name, std::int64_t otherwise = 0);
Result<std::uint64_t> uint_parameter(const http::Request& request, std::string_view name, std::uint64_t otherwise = 0);
/// The value of a parameter; "" when absent.
std::string text_parameter(const http::Request& request, std::string_view name);

}  // namespace drover::api
