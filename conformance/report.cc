#include "conformance/report.h"

#include <cstdio>

#include "base/json/json.h"

namespace drover::conformance {
namespace {

const char* word_of(Verdict verdict) {
  static const char* const words[] = {"PASS", "FAIL", "SKIP"};
  return words[static_cast<std::size_t>(verdict)];
}

std::string seconds_of(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", seconds);
  return text;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

std::string one_line(std::string text) {
  for (char& c : text) c = c == '\n' || c == '\r' ? ' ' : c;
  return text;
}

}  // namespace

std::string line_of(const Outcome& outcome) {
  std::string line = std::string(word_of(outcome.verdict)) + "  " + outcome.check->id;
  if (outcome.verdict == Verdict::failed) {
    line += std::string("\n      ") + to_text(outcome.check->must) + ": " + outcome.check->clause + "\n      seen: " + one_line(outcome.why);
  }
  if (outcome.verdict == Verdict::skipped) line += ": " + outcome.why;
  return line;
}

std::string summary(const Judgement& judgement) {
  std::string out;
  for (const std::string& thing : judgement.left) out += "LEFT  " + thing + "\n";
  out += text("{}: {}", judgement.driver.empty() ? "no driver" : judgement.driver, judgement.conforms() ? "conforms" : "does not conform");
  out += text("\n{} passed, {} failed, {} skipped\n", judgement.count(Verdict::passed), judgement.count(Verdict::failed), judgement.count(Verdict::skipped));
  return out;
}

std::string as_json(const Judgement& judgement) {
  Value checks = Value::list();
  for (const Outcome& one : judgement.outcomes) {
    Value row = Value::map();
    row.set("id", one.check->id).set("level", to_text(one.check->level)).set("requirement", to_text(one.check->must)).set("clause", one.check->clause);
    row.set("verdict", word_of(one.verdict)).set("seconds", one.seconds).set("seen", one.why);
    checks.items().push_back(std::move(row));
  }
  Value left = Value::list();
  for (const std::string& thing : judgement.left) left.items().push_back(thing);
  Value whole = Value::map();
  whole.set("driver", judgement.driver).set("conforms", judgement.conforms()).set("left", left).set("checks", checks);
  return json::write_pretty(whole) + "\n";
}

std::string as_junit(const Judgement& judgement) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += text("<testsuite name=\"drover-conformance {}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n", escaped(judgement.driver), judgement.outcomes.size(), judgement.count(Verdict::failed), judgement.count(Verdict::skipped));
  for (const Outcome& one : judgement.outcomes) {
    out += text("  <testcase classname=\"{}\" name=\"{}\" time=\"{}\"", to_text(one.check->level), escaped(one.check->id), seconds_of(one.seconds));
    if (one.verdict == Verdict::passed) out += "/>\n";
    if (one.verdict == Verdict::failed) out += text("><failure message=\"{}\">{}</failure></testcase>\n", escaped(one.why), escaped(one.check->clause));
    if (one.verdict == Verdict::skipped) out += text("><skipped message=\"{}\"/></testcase>\n", escaped(one.why));
  }
  return out + "</testsuite>\n";
}

std::string as_tap(const Judgement& judgement) {
  std::string out = text("TAP version 13\n1..{}\n", judgement.outcomes.size());
  std::size_t number = 0;
  for (const Outcome& one : judgement.outcomes) {
    out += text("{} {} - {}", one.verdict == Verdict::failed ? "not ok" : "ok", ++number, one.check->id);
    if (one.verdict == Verdict::skipped) out += " # SKIP " + one.why;
    out += "\n";
    if (one.verdict == Verdict::failed) out += "  ---\n  message: " + json::write(Value(one.why)) + "\n  ...\n";
  }
  return out;
}

std::string list(const std::vector<Check>& checks) {
  std::string out;
  for (const Check& check : checks) out += text("{}\t{}\t{}\n", check.id, to_text(check.level), to_text(check.must));
  return out;
}

std::string clauses(const std::vector<Check>& checks) {
  std::string out =
      "# What a driver does\n\nThe specification that `drover-conformance` judges by: one sentence a check. This file is written by\n"
      "`drover-conformance --clauses`; change the checks, not the file.\n";
  std::string group;
  for (const Check& check : checks) {
    const std::string its_group = check.id.substr(0, check.id.find('.'));
    if (its_group != group) out += "\n## " + its_group + "\n\n| id | level | | clause |\n|---|---|---|---|\n";
    group = its_group;
    std::string clause = check.clause;
    for (std::size_t at = 0; (at = clause.find('|', at)) != std::string::npos; at += 2) clause.insert(at, "\\");
    out += text("| {} | {} | {} | {} |\n", check.id, to_text(check.level), to_text(check.must), clause);
  }
  return out;
}

}  // namespace drover::conformance
