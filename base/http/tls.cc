#include "base/http/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>

namespace drover::http {
namespace {

constexpr std::size_t piece_max = 16 * 1024;  // one TLS record

std::string last_error() {
  char buffer[200] = "unknown";
  const unsigned long code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, buffer, sizeof buffer);
  ERR_clear_error();
  return buffer;
}

Error unusable(std::string_view what, const std::string& file) {
  return fail(Code::invalid, "cannot use the {} '{}': {}", what, file, last_error());
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsFiles& files) {
  ERR_clear_error();
  SSL_CTX* raw = SSL_CTX_new(TLS_server_method());
  if (!raw) return fail(Code::internal, "cannot set up TLS: {}", last_error());
  std::shared_ptr<TlsContext> context(new TlsContext(raw));
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);  // an idle connection holds none
  if (SSL_CTX_use_certificate_chain_file(raw, files.certificate.c_str()) != 1) return unusable("certificate", files.certificate);
  if (SSL_CTX_use_PrivateKey_file(raw, files.key.c_str(), SSL_FILETYPE_PEM) != 1) return unusable("key", files.key);
  if (SSL_CTX_check_private_key(raw) != 1) return unusable("key (it does not fit the certificate)", files.key);
  if (!files.ca.empty() && SSL_CTX_load_verify_locations(raw, files.ca.c_str(), nullptr) != 1) return unusable("CA file", files.ca);
  if (files.verify_clients) SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return std::shared_ptr<const TlsContext>(std::move(context));
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

struct TlsSession::State {
  SSL* ssl = nullptr;
  BIO* in = nullptr;   // owned by ssl
  BIO* out = nullptr;  // owned by ssl

  /// Whether an answer of OpenSSL only means that more must come or go first.
  bool only_waits(int result) const {
    const int error = SSL_get_error(ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  }
};

TlsSession::TlsSession(const TlsContext& context) : state_(std::make_unique<State>()) {
  state_->ssl = SSL_new(context.get());
  state_->in = BIO_new(BIO_s_mem());
  state_->out = BIO_new(BIO_s_mem());
  DROVER_ASSERT(state_->ssl && state_->in && state_->out);
  SSL_set_bio(state_->ssl, state_->in, state_->out);
  SSL_set_accept_state(state_->ssl);
}

TlsSession::~TlsSession() { SSL_free(state_->ssl); }

void TlsSession::received(std::string_view ciphertext) {
  BIO_write(state_->in, ciphertext.data(), static_cast<int>(ciphertext.size()));
}

bool TlsSession::read(std::string& plaintext) {
  std::array<char, piece_max> piece;
  for (;;) {
    ERR_clear_error();
    const int got = SSL_read(state_->ssl, piece.data(), piece.size());
    if (got <= 0) return state_->only_waits(got);
    plaintext.append(piece.data(), static_cast<std::size_t>(got));
  }
}

bool TlsSession::write(std::string_view& plaintext) {
  ERR_clear_error();
  const int taken = SSL_write(state_->ssl, plaintext.data(), static_cast<int>(std::min(plaintext.size(), piece_max)));
  if (taken <= 0) return state_->only_waits(taken);
  plaintext.remove_prefix(static_cast<std::size_t>(taken));
  return true;
}

void TlsSession::to_send(std::string& ciphertext) {
  const std::size_t waiting = BIO_ctrl_pending(state_->out);
  if (waiting == 0) return;
  const std::size_t before = ciphertext.size();
  ciphertext.resize(before + waiting);
  BIO_read(state_->out, ciphertext.data() + before, static_cast<int>(waiting));
}

}  // namespace drover::http
