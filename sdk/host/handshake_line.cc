#include "sdk/host/handshake_line.h"

#include <vector>

#include "base/rpc/self_signed.h"

namespace drover::host {
namespace {

constexpr std::size_t shown_max = 120;
constexpr std::size_t certificate_text_min = 50;  // shorter is no certificate, and some plugins put other things there

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char c : line) {
    if (c == '|') fields.emplace_back();
    else fields.back() += c;
  }
  return fields;
}

}  // namespace

std::string shown(const std::string& text) {
  std::string out;
  for (const char c : text.substr(0, shown_max)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return text.size() > shown_max ? out + "…" : out;
}

Result<HandshakeLine> parse_handshake_line(const std::string& line) {
  const std::vector<std::string> fields = split(trimmed(line));
  if (fields.size() < 4) {
    return fail(Code::invalid, "wrote \"{}\" to standard output first: it is no plugin (take it out of the plugin folder), or prints something before the handshake",
                shown(line));
  }
  if (fields[0] != "1") {
    return fail(Code::invalid, "speaks version {} of the handshake, this agent speaks 1: install a build of it for this one", shown(fields[0]));
  }
  if (fields[1] != "2") {
    return fail(Code::invalid, "speaks version {} of the plugin protocol, this agent speaks 2: install a build of it for this one", shown(fields[1]));
  }
  if (fields[2] != "unix" && fields[2] != "tcp") {
    return fail(Code::invalid, "listens on the unknown network \"{}\", not on unix or tcp", shown(fields[2]));
  }
  const std::string protocol = fields.size() > 4 ? fields[4] : "netrpc";
  if (protocol != "grpc") return fail(Code::invalid, "speaks {}, this agent speaks grpc", shown(protocol));
  if (fields[3].empty()) return fail(Code::invalid, "gives no address to connect to");

  HandshakeLine handshake{fields[2], fields[3], {}};
  if (fields.size() > 5 && fields[5].size() > certificate_text_min) {
    DROVER_LET(handshake.certificate_der, rpc::from_base64(fields[5]));
  }
  return handshake;
}

}  // namespace drover::host
