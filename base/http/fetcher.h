#pragma once

#include <drover/result.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/http/types.h"
#include "base/loop/async.h"
#include "base/loop/loop.h"

namespace drover::http {

/// What to fetch, and the bounds of it.
struct FetchRequest {
  std::string url;  ///< http:// or https://
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Duration limit = 10s;        ///< of the whole exchange, redirects and name look-ups included
  int redirects_max = 10;      ///< followed to http and https only
  std::size_t keep_max = 4096; ///< of the body; what is beyond is neither read nor an error
  bool verify_tls = true;
  std::string tls_server_name = {};  ///< of https: the name to ask for and to find in the certificate; "" = the url's host
  bool connect_only = false;  ///< opens the connection, asks nothing, and closes it
};

struct FetchAnswer {
  int status = 0;
  std::string body;  ///< at most keep_max bytes
};

/// Fetches from anywhere, many at a time, on a thread of its own. No proxy, no cookies, a connection for each.
///
/// An answer of any status is a value. Errors: `invalid` (no URL that is known), `unavailable` (refused, no such host,
/// broken off, with the reason), `timeout`, `exhausted` (fetches_max are under way), `cancelled`.
class Fetcher {
 public:
  static constexpr std::size_t fetches_max = 4096;

  Fetcher();
  /// Those under way are given up and never told of; loops that wait for one outlive the fetcher.
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  /// On any loop; goes on there.
  Async<Result<FetchAnswer>> fetch(Loop& loop, FetchRequest request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drover::http
