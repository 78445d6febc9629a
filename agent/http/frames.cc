#include "agent/http/frames.h"

#include "agent/http/base64.h"
#include "base/json/json.h"
#include "base/value/value.h"

namespace drover::agent {
std::string write_frame(const Frame& frame) {
  Value out = Value::map();
  if (!frame.data.empty()) out.set("Data", to_base64(frame.data));
  if (!frame.file.empty()) out.set("File", frame.file);
  if (!frame.event.empty()) out.set("FileEvent", frame.event);
  if (frame.offset != 0) out.set("Offset", static_cast<std::int64_t>(frame.offset));
  return json::write(out);
}

}  // namespace drover::agent
