#pragma once

#include <drover/result.h>

#include "plugins/docker/http.h"

/// One request of libcurl, prepared from our values.
namespace drover::docker {

void initialize_curl();  ///< once a process; cheap afterwards

class CurlHandle {
 public:
  CurlHandle();
  CurlHandle(const CurlHandle&) = delete;
  CurlHandle& operator=(const CurlHandle&) = delete;
  ~CurlHandle();

  void prepare(const Endpoint& endpoint, const Request& request);
  /// Only connects (with TLS where it is asked for): what follows is up to the caller.
  void prepare_connection(const Endpoint& endpoint);

  void* get() const { return handle_; }
  long status() const;
  /// What a code of libcurl means to our callers.
  Result<void> outcome(int code, const Endpoint& endpoint) const;

 private:
  void address(const Endpoint& endpoint, const std::string& target);

  void* handle_;
  void* headers_ = nullptr;
  std::string body_;
  std::string what_;
  char error_[256] = {};
};

}  // namespace drover::docker
