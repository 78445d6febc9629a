#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <drover/result.h>

namespace drover {

/// What the clocks of a place show. A value; any thread.
class TimeZone {
 public:
  /// "" or "UTC", or a name of the system's zone files such as "Europe/Berlin". `not_found` for any other. The first use
  /// of a name reads its file.
  static Result<TimeZone> load(const std::string& name);
  static TimeZone utc();

  /// A span of time in which the clocks run evenly.
  struct Span {
    std::chrono::seconds offset{};   ///< local time less UTC
    std::chrono::sys_seconds until;  ///< where another offset begins; the end of time when none does
  };
  /// The span that `at` lies in.
  Span at(std::chrono::sys_seconds at) const;

 private:
  struct Data;
  explicit TimeZone(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  std::shared_ptr<const Data> data_;
};

}  // namespace drover
