#include "agent/http/exec_frames.h"

#include "agent/http/base64.h"
#include "base/json/json.h"

namespace drover::agent {
namespace {

constexpr std::int64_t handshake_version = 1;
constexpr std::int64_t terminal_side_max = 10'000;

bool is_true(const Value* value) { return value != nullptr && value->is_bool() && value->boolean(); }

Result<void> read_stdin(const Value& given, ExecInput& input) {
  input.close = is_true(given.find("close"));
  const Value* data = given.find("data");
  if (data == nullptr || data->is_null()) return {};
  std::optional<std::string> bytes;
  if (data->is_text()) bytes = from_base64(data->text());
  if (!bytes) return fail(Code::invalid, "stdin data is no base64");
  input.data = std::move(*bytes);
  return {};
}

Result<std::int32_t> read_side(const Value& given, std::string_view name) {
  const Value* side = given.find(name);
  if (side == nullptr || !side->is_integer() || side->integer() < 0 || side->integer() > terminal_side_max)
    return fail(Code::invalid, "tty_size has no sensible {}", name);
  return static_cast<std::int32_t>(side->integer());
}

std::string_view name_of(ExecEvent::From from) {
  return from == ExecEvent::From::standard_error ? "stderr" : "stdout";
}

}  // namespace

Result<ExecInput> read_exec_input(const std::string& message) {
  DROVER_LET(const Value given, json::parse(message));
  if (!given.is_map()) return fail(Code::invalid, "a message of an exec session is a JSON object");
  ExecInput input;
  if (const Value* stdin_part = given.find("stdin"); stdin_part != nullptr && stdin_part->is_map())
    DROVER_TRY(read_stdin(*stdin_part, input));
  if (const Value* size = given.find("tty_size"); size != nullptr && size->is_map()) {
    TerminalSize terminal;
    DROVER_LET(terminal.height, read_side(*size, "height"));
    DROVER_LET(terminal.width, read_side(*size, "width"));
    input.size = terminal;
  }
  return input;
}

std::string write_exec_event(const ExecEvent& event) {
  Value out = Value::map();
  if (event.from == ExecEvent::From::exited) {
    Value result = Value::map();
    const std::int32_t code = event.exit.exit_code == 0 && event.exit.signal != 0 ? 128 + event.exit.signal : event.exit.exit_code;
    if (code != 0) result.set("exit_code", static_cast<std::int64_t>(code));
    out.set("exited", true).set("result", std::move(result));
    return json::write(out);
  }
  Value part = Value::map();
  if (event.close)
    part.set("close", true);
  else
    part.set("data", to_base64(event.data));
  out.set(name_of(event.from), std::move(part));
  return json::write(out);
}

Result<void> check_exec_handshake(const std::string& message) {
  DROVER_LET(const Value given, json::parse(message));
  const Value* version = given.is_map() ? given.find("version") : nullptr;
  const std::int64_t said = version != nullptr && version->is_integer() ? version->integer() : 0;
  if (said != handshake_version) return fail(Code::invalid, "unexpected handshake value: {}", said);
  return {};
}

}  // namespace drover::agent
