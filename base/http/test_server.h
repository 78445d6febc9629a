#pragma once

#include <string>
#include <string_view>
#include <thread>

#include "base/http/server.h"
#include "base/loop/real_loop.h"

namespace drover::http {

/// A server on a thread of its own, for tests; stopped by the destructor.
class TestServer {
 public:
  explicit TestServer(Handler handler, ServerOptions options = {});
  ~TestServer();

  RealLoop& loop() { return loop_; }
  Server& server() { return server_; }
  std::string url() const { return "http://" + server_.address(); }
  /// Ends server and thread; may be called early.
  void stop();

 private:
  RealLoop loop_;
  std::shared_ptr<void> running_ = loop_.keep_running();
  Server server_;
  std::thread thread_;
};

/// A plain blocking connection that sends and reads bytes as told.
class RawClient {
 public:
  explicit RawClient(const TestServer& server) : RawClient(const_cast<TestServer&>(server).server().port()) {}
  explicit RawClient(std::uint16_t port);
  RawClient(RawClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~RawClient() { close(); }

  bool connected() const { return fd_ >= 0; }
  bool send(std::string_view bytes);
  /// Until `end` has been seen, the server closes, or 10 s have passed without a byte.
  std::string read_until(std::string_view end);
  /// Until the server closes.
  std::string read_all() { return read_until(std::string_view()); }
  void close();

 private:
  int fd_ = -1;
};

}  // namespace drover::http
