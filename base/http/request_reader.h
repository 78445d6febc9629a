#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/http/types.h"

namespace drover::http {

/// Turns the bytes of a connection into one request. Fed with what has arrived; takes no byte of the next request.
class RequestReader {
 public:
  struct Limits {
    std::size_t headers_max = 64u << 10;
    std::size_t body_max = 32u << 20;
  };
  enum class State { header, body, done, refused };

  explicit RequestReader(Limits limits);
  ~RequestReader();

  /// Consumes from the front of `bytes`. After done or refused it takes nothing more.
  State feed(std::string& bytes);

  /// While in `body`: the client waits for "100 Continue" before it sends the rest.
  bool expects_continue() const;

  /// After done: the request (without its peer), and what its head says about the connection.
  Request take();
  bool keep_alive() const;
  bool http_1_0() const;

  /// After refused: 400, 413 or 431, and why.
  int refusal_status() const { return status_; }
  const std::string& refusal_text() const { return text_; }

 private:
  struct Parser;

  State refuse(int status, std::string text);
  State finish();

  std::unique_ptr<Parser> parser_;
  State state_ = State::header;
  Request request_;
  int status_ = 0;
  std::string text_;
  bool keep_alive_ = false;
  bool http_1_0_ = false;
};

}  // namespace drover::http
