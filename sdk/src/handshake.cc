#include "sdk/src/handshake.h"

#include <unistd.h>

#include "base/loop/random.h"
#include "base/rpc/self_signed.h"

namespace drover::sdk {

Result<Handshake> read_handshake(const std::function<std::optional<std::string>(const char*)>& get) {
  if (get(cookie_name) != cookie_value) return fail(Code::denied, "not launched by an agent");
  Handshake handshake;
  handshake.socket_folder = get("PLUGIN_UNIX_SOCKET_DIR").value_or("");
  if (handshake.socket_folder.empty()) handshake.socket_folder = get("TMPDIR").value_or("");
  if (handshake.socket_folder.empty()) handshake.socket_folder = "/tmp";
  handshake.socket_group = get("PLUGIN_UNIX_SOCKET_GROUP").value_or("");
  handshake.client_certificate = get("PLUGIN_CLIENT_CERT").value_or("");
  handshake.multiplex = !get("PLUGIN_MULTIPLEX_GRPC").value_or("").empty();
  return handshake;
}

Result<std::string> socket_path(const Handshake& handshake) {
  RealRandom random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string path = handshake.socket_folder + "/plugin" + std::to_string(random.below(1'000'000'000));
    if (path.size() > socket_path_max) {
      return fail(Code::invalid, "the socket path {} is longer than {} bytes: set PLUGIN_UNIX_SOCKET_DIR to a shorter folder",
                  path, socket_path_max);
    }
    if (access(path.c_str(), F_OK) != 0) return path;
  }
  return fail(Code::exhausted, "no free socket name in {}", handshake.socket_folder);
}

std::string handshake_line(const std::string& path, const std::string& certificate_der, bool multiplex_asked) {
  std::string line = "1|2|unix|" + path + "|grpc|" + rpc::to_base64(certificate_der);
  if (multiplex_asked) line += "|false";
  return line;
}

std::string explanation(const std::string& driver, const std::string& version) {
  return "This is the task driver '" + driver + "' (version " + version +
         "), a plugin: an agent launches it, people do not.\n"
         "Put it into the agent's plugin folder and write driver = \"" + driver + "\" in a job.\n";
}

}  // namespace drover::sdk
