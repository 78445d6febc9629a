#pragma once

#include <drover/result.h>

#include <string>

namespace drover::rpc {

/// A key and a certificate signed by itself, for two processes that exchange certificates over a channel they trust.
struct SelfSigned {
  std::string certificate;  ///< PEM
  std::string key;          ///< PEM
  std::string der;          ///< the certificate again
};

/// P-256; common name and DNS name are `name`; good for client and server.
Result<SelfSigned> make_self_signed(const std::string& name);

/// The PEM text of a DER certificate; `invalid` when it is none.
Result<std::string> certificate_from_der(const std::string& der);

/// Base64 without padding, and back.
std::string to_base64(const std::string& bytes);
Result<std::string> from_base64(const std::string& text);

}  // namespace drover::rpc
