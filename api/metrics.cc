#include "api/metrics.h"

#include <algorithm>
#include <ctime>
#include <tuple>

#include <drover/result.h>

#include "model/json/text.h"

namespace drover::api {
namespace {

bool by_name(const Gauge& a, const Gauge& b) { return std::tie(a.name, a.labels) < std::tie(b.name, b.labels); }

std::string prometheus_name(std::string_view name) {
  std::string out(name);
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return !std::isalnum(c) && c != '_' && c != ':'; }, '_');
  return out;
}

void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == '"') out.push_back('\\');
    if (c == '\n') {
      out += "\\n";
    } else {
      out.push_back(c);
    }
  }
}

void append_labels(std::string& out, const Gauge& gauge) {
  if (gauge.labels.empty()) return;
  out.push_back('{');
  bool first = true;
  for (const auto& [name, value] : gauge.labels) {
    if (!first) out.push_back(',');
    first = false;
    out += prometheus_name(name) + "=\"";
    append_escaped(out, value);
    out.push_back('"');
  }
  out.push_back('}');
}

void append_gauge(std::string& out, const Gauge& gauge) {
  out += "{\"Labels\":{";
  bool first = true;
  for (const auto& [name, value] : gauge.labels) {
    if (!first) out.push_back(',');
    first = false;
    model::append_quoted(out, name);
    out.push_back(':');
    model::append_quoted(out, value);
  }
  out += "},\"Name\":";
  model::append_quoted(out, gauge.name);
  out += ",\"Value\":";
  model::append_real(out, gauge.value);
  out.push_back('}');
}

std::string stamp(Instant now) {
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char buffer[40];
  std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M:%S +0000 UTC", &utc);
  return buffer;
}

}  // namespace

std::string metrics_json(std::vector<Gauge> gauges, Instant now) {
  std::sort(gauges.begin(), gauges.end(), by_name);
  std::string out = R"({"Counters":[],"Gauges":[)";
  for (std::size_t i = 0; i < gauges.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_gauge(out, gauges[i]);
  }
  out += R"(],"Points":[],"PrecisionGauges":[],"Samples":[],"Timestamp":)";
  model::append_quoted(out, stamp(now));
  out.push_back('}');
  return out;
}

std::string metrics_prometheus(std::vector<Gauge> gauges) {
  for (Gauge& gauge : gauges) gauge.name = prometheus_name(gauge.name);
  std::sort(gauges.begin(), gauges.end(), by_name);
  std::string out;
  std::string_view last;
  for (const Gauge& gauge : gauges) {
    if (gauge.name != last) out += text("# HELP {} {}\n# TYPE {} gauge\n", gauge.name, gauge.name, gauge.name);
    last = gauge.name;
    out += gauge.name;
    append_labels(out, gauge);
    out += text(" {}\n", gauge.value);
  }
  return out;
}

}  // namespace drover::api
