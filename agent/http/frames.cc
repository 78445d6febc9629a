#include "agent/http/frames.h"

#include "base/json/json.h"
#include "base/value/value.h"

namespace drover::agent {
namespace {

std::string base64(std::string_view bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  const auto byte = [&bytes](std::size_t at) -> std::uint32_t {
    return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += letters[group >> 18];
    out += letters[group >> 12 & 63];
    out += i + 1 < bytes.size() ? letters[group >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? letters[group & 63] : '=';
  }
  return out;
}

}  // namespace

std::string write_frame(const Frame& frame) {
  Value out = Value::map();
  if (!frame.data.empty()) out.set("Data", base64(frame.data));
  if (!frame.file.empty()) out.set("File", frame.file);
  if (!frame.event.empty()) out.set("FileEvent", frame.event);
  if (frame.offset != 0) out.set("Offset", static_cast<std::int64_t>(frame.offset));
  return json::write(out);
}

}  // namespace drover::agent
