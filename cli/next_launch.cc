#include "cli/next_launch.h"

#include <fmt/format.h>

#include "base/json/json.h"
#include "cli/output.h"
#include "model/cron.h"
#include "model/json/codec.h"
#include "model/proto/job.pb.h"

namespace drover::cli {

std::optional<Instant> next_launch(const Value& periodic, Instant now) {
  model::PeriodicConfig config;
  if (!periodic.is_map() || !model::from_json(json::write(periodic), config).ok()) return std::nullopt;
  if (config.has_enabled() && !config.enabled()) return std::nullopt;
  const auto schedule = model::Schedule::of(config);
  return schedule.ok() ? schedule->next(now) : std::nullopt;
}

std::string launch_text(Instant launch, Instant now) {
  constexpr std::int64_t second_ns = 1'000'000'000;
  const std::int64_t left = (to_ns(launch) - to_ns(now)) / second_ns * second_ns;
  return fmt::format("{} ({} from now)", stamp(to_ns(launch)), duration_text(left));
}

}  // namespace drover::cli
