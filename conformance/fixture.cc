#include "conformance/fixture.h"

#include <map>

#include "base/json/json.h"

namespace drover::conformance {
namespace {

/// Puts a value in the place of "${name}": the value itself when that is the whole text, its text within a longer one.
Value filled(const Value& pattern, const std::string& name, const Value& value) {
  const std::string hole = "${" + name + "}";
  if (pattern.is_text()) {
    if (pattern.text() == hole) return value;
    std::string text = pattern.text();
    const std::string replacement = value.is_text() ? value.text() : json::write(value);
    const std::size_t at = text.find(hole);
    if (at != std::string::npos) text.replace(at, hole.size(), replacement);
    return Value(text);
  }
  Value out = pattern;
  if (out.is_list()) {
    for (Value& item : out.items()) item = filled(item, name, value);
  } else if (out.is_map()) {
    for (auto& [key, member] : out.members()) member = filled(member, name, value);
  }
  return out;
}

const char* known_text(const std::string& driver) {
  static const std::map<std::string, const char*> texts = {
      {"raw_exec", R"({"driver_config": {"enabled": true},
                       "shell": {"command": "/bin/sh", "args": ["-c", "${script}"]},
                       "missing": {"command": "/nonexistent/program"},
                       "invalid": {"command": ""}})"},
      {"exec", R"({"shell": {"command": "/bin/sh", "args": ["-c", "${script}"]},
                   "missing": {"command": "/nonexistent/program"}})"},
      {"docker", R"({"shell": {"image": "busybox:1", "command": "/bin/sh", "args": ["-c", "${script}"]},
                     "missing": {"image": "no.such.host.invalid/none:1"}, "invalid": {"image": ""},
                     "start_seconds": 60})"},
      {"mock_driver", R"({"forever": {"run_for": "1h"}, "exit": {"run_for": "1ms", "exit_code": "${code}"},
                          "missing": {"start_error": "no such program"}})"},
  };
  const auto found = texts.find(driver);
  return found == texts.end() ? "{}" : found->second;
}

}  // namespace

Result<Fixture> Fixture::parse(const std::string& json) {
  DROVER_LET(const Value all, json::parse(json));
  if (!all.is_map()) return fail(Code::invalid, "a fixture is a JSON object");
  Fixture out;
  for (const auto& [name, value] : all.members()) {
    if (name == "start_seconds" && value.is_integer()) out.start_seconds = value.integer();
    else if (!value.is_map()) return fail(Code::invalid, "fixture: '{}' must be an object", name);
    else if (name == "driver_config") out.driver_config = value;
    else if (name == "shell") out.shell_ = value;
    else if (name == "forever") out.forever_ = value;
    else if (name == "exit") out.exit_ = value;
    else if (name == "missing") out.missing = value;
    else if (name == "invalid") out.invalid = value;
    else return fail(Code::invalid, "fixture: unknown member '{}'", name);
  }
  return out;
}

Fixture Fixture::known(const std::string& driver) {
  Result<Fixture> parsed = parse(known_text(driver));
  return parsed ? std::move(*parsed) : Fixture();
}

Value Fixture::shell(const std::string& script) const { return filled(*shell_, "script", Value(script)); }

Value Fixture::forever() const {
  if (forever_) return *forever_;
  return shell("while :; do sleep 0.05; done");
}

Value Fixture::exit(int code) const {
  if (exit_) return filled(*exit_, "code", Value(code));
  return shell("exit " + std::to_string(code));
}

}  // namespace drover::conformance
