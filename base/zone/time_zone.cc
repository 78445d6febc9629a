#include "base/zone/time_zone.h"

#include <absl/time/time.h>

namespace drover {

struct TimeZone::Data {
  absl::TimeZone zone;
};

TimeZone TimeZone::utc() { return TimeZone(std::make_shared<const Data>(Data{absl::UTCTimeZone()})); }

Result<TimeZone> TimeZone::load(const std::string& name) {
  if (name.empty() || name == "UTC") return utc();
  // Names are those of zone files, not paths; what else the library understands ("libc:…", "localtime") is not asked for.
  const bool plain = name.front() != '/' && name.find("..") == std::string::npos && name.find(':') == std::string::npos && name != "localtime";
  absl::TimeZone zone;
  if (!plain || !absl::LoadTimeZone(name, &zone)) return fail(Code::not_found, "unknown time zone {}", name);
  return TimeZone(std::make_shared<const Data>(Data{zone}));
}

TimeZone::Span TimeZone::at(std::chrono::sys_seconds at) const {
  const absl::Time time = absl::FromUnixSeconds(at.time_since_epoch().count());
  Span span{.offset = std::chrono::seconds(data_->zone.At(time).offset), .until = std::chrono::sys_seconds::max()};
  // A transition may change only the name of the zone.
  absl::Time from = time;
  absl::TimeZone::CivilTransition transition;
  while (data_->zone.NextTransition(from, &transition)) {
    from = data_->zone.At(transition.to).trans;
    const auto begins = std::chrono::sys_seconds(std::chrono::seconds(absl::ToUnixSeconds(from)));
    if (std::chrono::seconds(data_->zone.At(from).offset) == span.offset) continue;
    span.until = begins;
    return span;
  }
  return span;
}

}  // namespace drover
