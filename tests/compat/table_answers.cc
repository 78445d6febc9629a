#include <functional>
#include <iostream>
#include <map>
#include <string>

#include "base/json/json.h"
#include "model/constraint.h"
#include "model/cron.h"
#include "model/device_attribute.h"
#include "model/proto/constraint.pb.h"
#include "model/proto/job.pb.h"
#include "tests/instant_text.h"

/// For tests against recorded tables: reads questions, a JSON object a line, and writes the answers likewise.
///   table_answers constraints | constraint-validation | cron | device-attributes | device-constraints
namespace {

using namespace drover;

std::string text_of(const Value& question, std::string_view name) {
  const Value* member = question.find(name);
  return member && member->is_text() ? member->text() : "";
}

bool is_true(const Value& question, std::string_view name) {
  const Value* member = question.find(name);
  return member && member->kind() == Value::Kind::boolean && member->boolean();
}

Value answer(std::string_view key, Value value) {
  Value out = Value::map();
  out.set(std::string(key), std::move(value));
  return out;
}

Value constraint(const Value& question) {
  const std::string left = text_of(question, "left"), right = text_of(question, "right");
  const bool left_found = is_true(question, "left_found"), right_found = is_true(question, "right_found");
  const model::Condition condition(left, text_of(question, "op"), right);
  return answer("result", Value(condition.holds(left_found ? std::optional<std::string_view>(left) : std::nullopt,
                                                right_found ? std::optional<std::string_view>(right) : std::nullopt)));
}

/// Several messages as the server words them.
std::string error_text(const std::vector<std::string>& problems) {
  std::string text = std::to_string(problems.size()) + (problems.size() == 1 ? " error" : " errors") + " occurred:\n";
  for (const std::string& problem : problems) text += "\t* " + problem + "\n";
  return text + "\n";
}

Value constraint_validation(const Value& question) {
  model::Constraint constraint;
  constraint.set_l_target(text_of(question, "left"));
  constraint.set_operand(text_of(question, "op"));
  constraint.set_r_target(text_of(question, "right"));
  const std::vector<std::string> problems = model::problems_of(constraint);
  Value out = answer("valid", Value(problems.empty()));
  if (problems.empty()) return out;
  out.set("error", Value(error_text(problems)));
  return out;
}

/// What the server says of a periodic block, without the words about the job around it.
std::vector<std::string> problems_of(const model::PeriodicConfig& periodic) {
  std::vector<std::string> specs(periodic.specs().begin(), periodic.specs().end()), problems;
  if (!periodic.spec().empty()) specs.push_back(periodic.spec());
  if (specs.empty()) return {"Must specify a spec"};
  for (const std::string& spec : specs) {
    if (const auto cron = model::Cron::parse(spec); !cron) problems.push_back("Invalid cron spec \"" + spec + "\": " + cron.error().message);
  }
  return problems;
}

/// So many launches in succession; an empty text ends them where there is no further one.
Value cron(const Value& question) {
  model::PeriodicConfig periodic;
  periodic.set_time_zone(text_of(question, "zone"));
  periodic.set_spec(text_of(question, "spec"));
  if (const Value* specs = question.find("specs")) {
    for (const Value& spec : specs->items()) periodic.add_specs(spec.text());
  }
  const std::vector<std::string> problems = problems_of(periodic);
  if (!problems.empty()) return answer("error", Value(error_text(problems)));
  const auto schedule = model::Schedule::of(periodic);
  const auto zone = TimeZone::load(periodic.time_zone());
  if (!schedule || !zone) return answer("error", Value("no schedule"));
  Value launches = Value::list();
  Instant from = tests::instant_of(text_of(question, "from"));
  for (std::int64_t left = question.find("count")->integer(); left > 0; --left) {
    const auto launch = schedule->next(from);
    launches.push(Value(launch ? tests::instant_text(*launch, *zone) : ""));
    if (!launch) break;
    from = *launch;
  }
  return answer("next", std::move(launches));
}

Value device_attribute(const Value& question) {
  const model::Measured attribute = model::Measured::parse(text_of(question, "input"));
  Value out = Value::map();
  const auto set = [&](std::string_view name, std::size_t kind, Value value) { out.set(name, attribute.value.index() == kind ? std::move(value) : Value()); };
  const auto* whole = std::get_if<std::int64_t>(&attribute.value);
  const auto* real = std::get_if<double>(&attribute.value);
  const auto* flag = std::get_if<bool>(&attribute.value);
  const auto* text = std::get_if<std::string>(&attribute.value);
  set("Int", 0, whole ? Value(*whole) : Value());
  set("Float", 1, real ? Value(*real) : Value());
  set("Bool", 2, flag ? Value(*flag) : Value());
  set("String", 3, text ? Value(*text) : Value());
  out.set("Unit", Value(attribute.unit));
  return answer("result", std::move(out));
}

Value device_constraint(const Value& question) {
  const auto left = model::Measured::parse(text_of(question, "left")), right = model::Measured::parse(text_of(question, "right"));
  return answer("result", Value(model::device_constraint_holds(is_true(question, "left_found") ? &left : nullptr, text_of(question, "op"), is_true(question, "right_found") ? &right : nullptr)));
}

const std::map<std::string, std::function<Value(const Value&)>> tables = {
    {"constraints", constraint},
    {"constraint-validation", constraint_validation},
    {"cron", cron},
    {"device-attributes", device_attribute},
    {"device-constraints", device_constraint},
};

}  // namespace

int main(int argc, char** argv) {
  const auto table = tables.find(argc == 2 ? argv[1] : "");
  if (table == tables.end()) return std::cerr << "usage: table_answers <table>\n", 2;
  for (std::string line; std::getline(std::cin, line);) {
    const Result<Value> question = json::parse(line);
    if (!question) return std::cerr << "not a question: " << line << "\n", 1;
    std::cout << json::write(table->second(*question)) << "\n";
  }
  return 0;
}
