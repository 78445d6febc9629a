#include "plugins/mock/script.h"

#include <charconv>
#include <string_view>
#include <utility>

namespace drover::mock {
namespace {

constexpr int repeat_max = 1'000'000;

constexpr std::pair<std::string_view, Duration> units[] = {{"ns", std::chrono::nanoseconds(1)},
                                                           {"us", std::chrono::microseconds(1)},
                                                           {"ms", std::chrono::milliseconds(1)},
                                                           {"s", std::chrono::seconds(1)},
                                                           {"m", std::chrono::minutes(1)},
                                                           {"h", std::chrono::hours(1)}};

Duration duration_or_zero(const std::string& text) { return parse_duration(text).value_or(Duration::zero()); }

Output output(const std::string& text, int repeat, const std::string& every) {
  return {text, repeat, duration_or_zero(every)};
}

}  // namespace

Result<Duration> parse_duration(const std::string& text) {
  if (text.empty() || text == "0") return Duration::zero();
  Duration sum{};
  std::string_view rest = text;
  while (!rest.empty()) {
    double number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc()) return fail(Code::invalid, "\"{}\" is no duration such as \"1m30s\"", text);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const std::string_view unit = rest.substr(0, rest.find_first_of("0123456789.-"));
    bool known = false;
    for (const auto& [name, length] : units) {
      if (unit != name) continue;
      sum += Duration(static_cast<Duration::rep>(number * static_cast<double>(length.count())));
      known = true;
    }
    if (!known || number < 0 || number > 1e9) return fail(Code::invalid, "\"{}\" is no duration such as \"1m30s\"", text);
    rest.remove_prefix(unit.size());
  }
  return sum;
}

void Script::describe(sdk::Fields<Script>& fields) {
  fields.field("start_error", &Script::start_error).doc("the start fails with this text");
  fields.field("start_error_recoverable", &Script::start_error_recoverable).doc("and may be tried again");
  fields.field("start_block_for", &Script::start_block_for).doc("the start takes so long");
  fields.field("run_for", &Script::run_for).doc("the task ends by itself after this time");
  fields.field("kill_after", &Script::kill_after).doc("the task goes on so long when asked to stop");
  fields.field("exit_code", &Script::exit_code);
  fields.field("exit_signal", &Script::exit_signal);
  fields.field("exit_err_msg", &Script::exit_err_msg);
  fields.field("signal_error", &Script::signal_error).doc("signals fail with this text");
  fields.field("plugin_exit_after", &Script::plugin_exit_after).doc("the driver's process ends after this time");
  fields.field("driver_ip", &Script::driver_ip);
  fields.field("driver_advertise", &Script::driver_advertise);
  fields.field("driver_port_map", &Script::driver_port_map).doc("\"label:port\"");
  fields.field("stdout_string", &Script::stdout_string);
  fields.field("stdout_repeat", &Script::stdout_repeat);
  fields.field("stdout_repeat_duration", &Script::stdout_repeat_duration);
  fields.field("stderr_string", &Script::stderr_string);
  fields.field("stderr_repeat", &Script::stderr_repeat);
  fields.field("stderr_repeat_duration", &Script::stderr_repeat_duration);
}

Result<void> Script::check() const {
  for (const auto& [name, text] : {std::pair{"start_block_for", &start_block_for},
                                   {"run_for", &run_for},
                                   {"kill_after", &kill_after},
                                   {"plugin_exit_after", &plugin_exit_after},
                                   {"stdout_repeat_duration", &stdout_repeat_duration},
                                   {"stderr_repeat_duration", &stderr_repeat_duration}}) {
    const Result<Duration> duration = parse_duration(*text);
    if (!duration) return duration.error().within("config." + std::string(name));
  }
  if (stdout_repeat < 0 || stdout_repeat > repeat_max || stderr_repeat < 0 || stderr_repeat > repeat_max) {
    return fail(Code::invalid, "config.stdout_repeat and stderr_repeat must be between 0 and {}", repeat_max);
  }
  if (exit_signal < 0 || exit_signal > 64) return fail(Code::invalid, "config.exit_signal: {} is no signal", exit_signal);
  if (!driver_port_map.empty() && driver_port_map.find(':') == std::string::npos) {
    return fail(Code::invalid, "config.driver_port_map must be \"label:port\", not \"{}\"", driver_port_map);
  }
  return {};
}

Duration Script::start_delay() const { return duration_or_zero(start_block_for); }
Duration Script::run_time() const { return duration_or_zero(run_for); }
Duration Script::kill_time() const { return duration_or_zero(kill_after); }
Output Script::out() const { return output(stdout_string, stdout_repeat, stdout_repeat_duration); }
Output Script::err() const { return output(stderr_string, stderr_repeat, stderr_repeat_duration); }

}  // namespace drover::mock
