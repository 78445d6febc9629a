#pragma once

#include <string>
#include <string_view>

#include <drover/result.h>

#include "plugins/docker/curl_handle.h"
#include "plugins/docker/http.h"

namespace drover::docker {

/// A connection that an engine has handed over: after the head of its answer both sides write as they like. One thread.
class RawConnection {
 public:
  /// Sends the request with "Upgrade: tcp" and reads the head of the answer. An answer that hands nothing over is the
  /// error it tells.
  Result<void> open(const Endpoint& endpoint, const Request& request);

  /// How many bytes were sent; 0: later.
  Result<std::size_t> send(std::string_view bytes);
  /// Bytes, as many as there are; empty: later. `not_found` at the end of the stream.
  Result<std::string> receive();
  /// Nothing more will be sent. Over TLS there is no way to say so.
  void close_sending();
  int descriptor() const { return descriptor_; }

 private:
  Result<void> send_all(std::string_view bytes);
  Result<std::string> read_head();

  CurlHandle handle_;
  int descriptor_ = -1;
  bool is_tls_ = false;
  std::string first_;  ///< came with the head
};

}  // namespace drover::docker
