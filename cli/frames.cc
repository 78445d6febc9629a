#include "cli/frames.h"

#include "base/json/json.h"

namespace drover::cli {

Result<void> FrameReader::take(std::string_view piece, const std::function<void(const Value&)>& on_frame) {
  open_.append(piece);
  for (; looked_ < open_.size(); ++looked_) {
    const char c = open_[looked_];
    if (in_text_) {
      if (escaped_) escaped_ = false;
      else if (c == '\\') escaped_ = true;
      else if (c == '"') in_text_ = false;
      continue;
    }
    if (c == '"') in_text_ = true;
    if (c == '{') ++depth_;
    if (depth_ == 0 && c != ' ' && c != '\n' && c != '\r' && c != '\t') return fail(Code::invalid, "expected a stream of JSON objects, found '{}'", open_.substr(looked_, 20));
    if (c != '}' || --depth_ > 0) continue;
    DROVER_LET(const Value frame, json::parse(open_.substr(0, looked_ + 1)));
    open_.erase(0, looked_ + 1);
    looked_ = static_cast<std::size_t>(-1);  // the loop goes on at 0
    on_frame(frame);
  }
  if (open_.size() > frame_bytes_max) return fail(Code::exhausted, "a frame of the stream is larger than {} bytes", frame_bytes_max);
  return {};
}

std::string_view last_lines(std::string_view text, std::size_t count) {
  std::size_t at = text.size();
  if (at > 0 && text[at - 1] == '\n') --at;
  for (; at > 0; --at) {
    if (text[at - 1] == '\n' && --count == 0) break;
  }
  return text.substr(at);
}

}  // namespace drover::cli
