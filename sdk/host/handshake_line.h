#pragma once

#include <drover/result.h>

#include <string>

namespace drover::host {

/// What a plugin's first line on standard output says.
struct HandshakeLine {
  std::string network;          ///< unix or tcp
  std::string address;          ///< path, or host:port
  std::string certificate_der;  ///< of the plugin; empty without TLS

  /// As rpc::Channel takes it.
  std::string target() const { return network == "unix" ? "unix:" + address : address; }
  friend bool operator==(const HandshakeLine&, const HandshakeLine&) = default;
};

/// Reads the line; an error says in one sentence what is wrong with the plugin.
Result<HandshakeLine> parse_handshake_line(const std::string& line);

/// The text made fit for one line of a message: cut, and without control characters.
std::string shown(const std::string& text);

}  // namespace drover::host
