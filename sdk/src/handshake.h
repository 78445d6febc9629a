#pragma once

#include <drover/result.h>

#include <functional>
#include <optional>
#include <string>

#include "base/rpc/rpc.h"

/// The first contact with the host: its environment variables in, one line on standard output back.
namespace drover::sdk {

inline constexpr const char* cookie_name = "NOMAD_PLUGIN_MAGIC_COOKIE";
inline constexpr const char* cookie_value = "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255";
inline constexpr std::size_t socket_path_max = 107;  ///< bytes; the kernel's limit

/// What the host asked for.
struct Handshake {
  std::string socket_folder;
  std::string socket_group;        ///< name or number; empty = leave it
  std::string client_certificate;  ///< PEM; empty = no TLS
  bool multiplex = false;          ///< the host asked whether we can; we say no
};

/// Reads the environment (`get` is getenv, or a test's); `denied` without the cookie: nobody launched us.
Result<Handshake> read_handshake(const std::function<std::optional<std::string>(const char*)>& get);

/// A free path for the socket in the folder, short enough for the kernel.
Result<std::string> socket_path(const Handshake& handshake);

/// The line, without its end. `certificate_der` is ours, empty without TLS.
std::string handshake_line(const std::string& path, const std::string& certificate_der, bool multiplex_asked);

/// What a person who runs a driver by hand reads.
std::string explanation(const std::string& driver, const std::string& version);

}  // namespace drover::sdk
