#pragma once

#include <drover/result.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/http/server.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace drover::http {

/// A certificate and what clients must show, loaded once and shared by the connections of a server.
class TlsContext {
 public:
  /// The error names the file that cannot be used.
  static Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  SSL_CTX* get() const { return context_; }

 private:
  explicit TlsContext(SSL_CTX* context) : context_(context) {}
  SSL_CTX* context_;
};

/// The TLS side of one connection: bytes in, bytes out, no socket. Server side; the handshake happens on the way.
class TlsSession {
 public:
  explicit TlsSession(const TlsContext& context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// What has come from the peer.
  void received(std::string_view ciphertext);
  /// Appends what can be read of it; false when the peer ended or broke the protocol.
  bool read(std::string& plaintext);
  /// Takes a piece of `plaintext`; nothing before the handshake is over. False when broken.
  bool write(std::string_view& plaintext);
  /// Appends what must be sent to the peer.
  void to_send(std::string& ciphertext);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drover::http
