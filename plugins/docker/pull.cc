#include "plugins/docker/pull.h"

#include <algorithm>
#include <cstdio>

#include "plugins/docker/json.h"

namespace drover::docker {
namespace {

constexpr std::size_t layers_max = 1000;  ///< images have at most 127

std::string mebibytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MiB", bytes / (1024 * 1024));
  return text;
}

bool is_done(const std::string& status) { return status == "Pull complete" || status == "Already exists"; }

bool says(const std::string& words, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&words](std::string_view part) { return words.find(part) != std::string::npos; });
}

}  // namespace

void PullProgress::feed(std::string_view line) {
  const auto parsed = parse_json(line, "a line of the pull");
  if (!parsed) return;
  std::string error = text_at(*parsed, "errorDetail.message");
  if (error.empty()) error = text_at(*parsed, "error");
  if (!error.empty()) {
    error_ = error;
    return;
  }
  const std::string id = text_at(*parsed, "id");
  const std::string status = text_at(*parsed, "status");
  if (id.empty() || status.starts_with("Pulling from")) {
    ++steps_;
    return;
  }
  if (layers_.size() >= layers_max && !layers_.contains(id)) return;
  Layer& layer = layers_[id];
  const Layer now{status, std::max<std::int64_t>(integer_at(*parsed, "progressDetail.current"), 0),
                  std::max<std::int64_t>(integer_at(*parsed, "progressDetail.total"), 0)};
  if (now.status != layer.status || now.current != layer.current) ++steps_;
  layer.status = now.status;
  if (now.status == "Downloading") layer.current = now.current;
  if (now.total > 0 && now.status == "Downloading") layer.total = now.total;
  if (status == "Download complete" || is_done(status)) layer.current = layer.total;
}

std::string PullProgress::text() const {
  std::size_t done = 0;
  std::size_t waiting = 0;
  double current = 0;
  double total = 0;
  for (const auto& [id, layer] : layers_) {
    done += is_done(layer.status) ? 1 : 0;
    waiting += layer.status == "Waiting" || layer.status == "Pulling fs layer" ? 1 : 0;
    current += static_cast<double>(layer.current);
    total += static_cast<double>(layer.total);
  }
  return drover::text("Pulled {}/{} ({}/{}) layers: {} waiting/{} pulling", done, layers_.size(), mebibytes(current), mebibytes(total), waiting,
                      layers_.size() - done - waiting);
}

Error pull_error(const ImageRef& image, int status, const std::string& words) {
  const auto told = [&](Code code) { return fail(code, "Failed to pull `{}`: {}", image.text(), words); };
  if (status == 429 || says(words, {"toomanyrequests"})) return told(Code::unavailable);
  if (says(words, {"unauthorized", "no basic auth credentials", "denied", "authentication required"})) return told(Code::denied);
  const bool unknown = says(words, {"manifest unknown", "not found", "does not exist", "no matching manifest", "invalid reference format"});
  if (status == 404 || (unknown && !says(words, {"no such host", "dial tcp"}))) return told(Code::not_found);
  if (status == 400) return told(Code::invalid);
  return told(Code::unavailable);
}

}  // namespace drover::docker
