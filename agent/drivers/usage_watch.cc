#include "agent/drivers/usage_watch.h"

#include "agent/drivers/driver_wire.h"

namespace drover::agent {

UsageWatch::UsageWatch(Loop& loop, std::shared_ptr<host::DriverClient> client, std::string task_id)
    : loop_(loop), client_(std::move(client)), task_id_(std::move(task_id)), asked_at_(loop.uptime()), changed_(loop), scope_(loop) {
  scope_.spawn(follow());
}

Async<void> UsageWatch::follow() {
  const std::unique_ptr<host::DriverClient::TaskStats> stream = client_->task_stats(task_id_, usage_interval);
  for (;;) {
    const Result<host::driver_wire::TaskStatsResponse> message = co_await stream->receive();
    if (!message) {
      ended_ = message.error();
      break;
    }
    usage_ = from_wire(message->stats());
    changed_.notify();
    if (loop_.uptime() - asked_at_ > usage_idle_max) {
      ended_ = fail(Code::unavailable, "nobody asked any more");
      break;
    }
  }
  ended_at_ = loop_.uptime();
  changed_.notify();
}

bool UsageWatch::is_spent() const { return ended_ && loop_.uptime() - ended_at_ >= usage_retry_delay; }

Async<Result<TaskUsage>> UsageWatch::latest() {
  asked_at_ = loop_.uptime();
  const Duration deadline = loop_.uptime() + usage_first_max;
  while (!usage_ && !ended_) {
    const Duration left = deadline - loop_.uptime();
    if (left <= Duration::zero()) co_return fail(Code::timeout, "the driver has not measured the task within {} s", usage_first_max / std::chrono::seconds(1));
    const bool goes_on = co_await changed_.wait_for(left);
    if (!goes_on) co_return fail(Code::cancelled, "stopped waiting for a measurement");
  }
  if (usage_) co_return *usage_;
  co_return *ended_;
}

Async<void> UsageWatch::stop() { co_await scope_.stop(); }

}  // namespace drover::agent
