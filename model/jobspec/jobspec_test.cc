#include "model/jobspec/jobspec.h"

#include <catch2/catch.hpp>

#include <google/protobuf/descriptor.h>

#include "model/jobspec/schema.h"
#include "model/json/codec.h"
#include "model/proto/job.pb.h"

namespace drover::model {
namespace {

std::string job_with(const std::string& in_group, const std::string& in_task = "driver = \"raw_exec\"") {
  return "job \"web\" {\n  group \"app\" {\n    " + in_group + "\n    task \"server\" {\n      " + in_task + "\n    }\n  }\n}\n";
}

std::string errors_of(const std::string& text, const JobspecOptions& options = {}) {
  const ParsedJob parsed = parse_job(text, "web.hcl", options);
  std::string out;
  for (const hcl::Diagnostic& d : parsed.diagnostics) out += hcl::one_line(d) + "\n";
  for (const hcl::Diagnostic& d : parsed.refusals) out += "refused: " + hcl::one_line(d) + "\n";
  return out;
}

std::shared_ptr<Job> job_of(const std::string& text, const JobspecOptions& options = {}) {
  const ParsedJob parsed = parse_job(text, "web.hcl", options);
  INFO(hcl::render(parsed.diagnostics));
  REQUIRE(parsed.job);
  return parsed.job;
}

TEST_CASE("a job file becomes a job", "[jobspec]") {
  const auto job = job_of(job_with("count = 3\n network {\n port \"http\" { to = 80 }\n port \"ssh\" { static = 22 }\n }",
                                   "driver = \"raw_exec\"\n kill_timeout = \"1m30s\"\n env { A = 1 }\n config {\n command = \"x\"\n m { k = \"v\" }\n }"));

  CHECK(job->id() == "web");
  CHECK(job->name() == "web");
  const TaskGroup& group = job->task_groups(0);
  CHECK(group.count() == 3);
  CHECK(group.networks(0).dynamic_ports(0).label() == "http");
  CHECK(group.networks(0).reserved_ports(0).value() == 22);
  CHECK(group.tasks(0).kill_timeout() == 90'000'000'000);
  CHECK(group.tasks(0).env().at("A") == "1");
  CHECK(group.tasks(0).config() == R"({"command":"x","m":[{"k":"v"}]})");
}

TEST_CASE("a list or map that is given and empty is not the same as none", "[jobspec]") {
  const auto given = job_of(job_with("meta {}", "driver = \"x\"\n env {}\n service {\n tags = []\n }"));
  const auto absent = job_of(job_with("", "driver = \"x\"\n service {\n }"));

  CHECK(to_json(given->task_groups(0)).find("\"Meta\":{}") != std::string::npos);
  CHECK(to_json(given->task_groups(0).tasks(0)).find("\"Env\":{}") != std::string::npos);
  CHECK(to_json(given->task_groups(0).tasks(0).services(0)).find("\"Tags\":[]") != std::string::npos);
  CHECK(to_json(absent->task_groups(0)).find("\"Meta\":null") != std::string::npos);
  CHECK(to_json(absent->task_groups(0).tasks(0)).find("\"Env\":null") != std::string::npos);
  CHECK(to_json(absent->task_groups(0).tasks(0).services(0)).find("\"Tags\":null") != std::string::npos);
}

TEST_CASE("each mistake in a job file is one error that names its place", "[jobspec]") {
  CHECK(errors_of(job_with("count = = 3")) == "web.hcl:3,13-14: Invalid expression; The start of a value is expected here, such as a quoted text, a number or a name.\n");
  CHECK(errors_of(job_with("contraint {\n}")) == "web.hcl:3,5-14: Unsupported block type; Blocks of type \"contraint\" are not expected here. Did you mean \"constraint\"?\n");
  CHECK(errors_of(job_with("cuont = 3")) == "web.hcl:3,5-10: Unsupported argument; An argument named \"cuont\" is not expected here. Did you mean \"count\"?\n");
  CHECK(errors_of(job_with("count = \"many\"")) == "web.hcl:3,13-19: Unsuitable value type; Unsuitable value: a number is required.\n");
  CHECK(errors_of(job_with("count = 1.5")).find("must be a whole number") != std::string::npos);
  CHECK(errors_of(job_with("", "driver = \"x\"\n kill_timeout = \"3 days\"")).find("is no duration") != std::string::npos);
  CHECK(errors_of(job_with("network {\n}\nrestart {\n}\nrestart {\n}")).find("Duplicate restart block; Only one restart block is allowed. Another was defined at web.hcl:5,1-8.") != std::string::npos);
  CHECK(errors_of("job \"a\" {\n}\njob \"b\" {\n}\n").find("Duplicate job block") != std::string::npos);
  CHECK(errors_of("").find("Missing job block") != std::string::npos);
  CHECK(errors_of("job {\n}\n") == "web.hcl:1,5-6: Missing name for job; All job blocks must have 1 label(s) (name), such as job \"…\" { … }.\n");
  CHECK(errors_of(job_with("", "dirver = \"exec\"")) == "web.hcl:5,7-13: Unsupported argument; An argument named \"dirver\" is not expected here. Did you mean \"driver\"?\n");
}

TEST_CASE("the JSON form of a job file is the same job, and its mistakes have their places too", "[jobspec]") {
  const auto job = job_of(R"({"variable": {"v": {"type": "number", "default": 2}}, "job": {"web": {"meta": {"a": "${var.v}", "b": "${node.class}"}, "group": [{"app": {"count": "${var.v + 1}",
    "task": {"server": {"driver": "exec", "config": {"args": ["${1 + 1}", 2.5]}}}}}]}}})");
  CHECK(job->meta().at("a") == "2");
  CHECK(job->meta().at("b") == "${node.class}");
  CHECK(job->task_groups(0).count() == 3);
  CHECK(job->task_groups(0).tasks(0).config() == R"({"args":[2,2.5]})");

  CHECK(errors_of("{\"job\": {\"a\": {\n \"grop\": {}}}}") == "web.hcl:2,2-8: Unsupported argument; An argument named \"grop\" is not expected here. Did you mean \"group\"?\n");
  CHECK(errors_of("{\"job\": {\"a\": {\n \"type\": \"${\"}}}").starts_with("web.hcl:2,"));
  CHECK(errors_of("{\"job\": {\"a\": {\"type\": 'x'}}}").find("must be in double quotes") != std::string::npos);
}

TEST_CASE("what no server will accept is said with its place, and the job is there all the same", "[jobspec]") {
  CHECK(errors_of(job_with("count = -1")) == "refused: web.hcl:3,13-15: Negative count; The count of a group must not be negative: -1 instances cannot run.\n");
  CHECK(errors_of(job_with("", "user = \"x\"")) == "refused: web.hcl:4,5-18: Missing driver; The task \"server\" has no driver. Say what runs it, such as driver = \"raw_exec\".\n");
  CHECK(parse_job(job_with("count = -1"), "x", {}).job);
}

TEST_CASE("an error is shown with its blocks, its line and carets", "[jobspec]") {
  const ParsedJob parsed = parse_job(job_with("count = \"many\""), "web.hcl", {});

  REQUIRE(parsed.diagnostics.size() == 1);
  CHECK(hcl::render(parsed.diagnostics[0]) ==
        "Error: Unsuitable value type\n\n  web.hcl:3:13, in job \"web\", group \"app\"\n   3:     count = \"many\"\n                  ^^^^^^\n\nUnsuitable value: a number is required.\n");
}

TEST_CASE("variables come from their default, the environment, files and flags, later ones winning", "[jobspec]") {
  const std::string text = "variable \"n\" {\n type = number\n default = 1\n}\nvariable \"l\" {\n type = list(string)\n default = []\n}\nlocals {\n twice = local.once * 2\n once = var.n\n}\n" +
                           job_with("count = local.twice\n meta { l = join(\",\", var.l) }");
  JobspecOptions options;
  CHECK(job_of(text, options)->task_groups(0).count() == 2);
  options.environment = {{"n", "2"}, {"unknown", "x"}};
  CHECK(job_of(text, options)->task_groups(0).count() == 4);
  options.variable_files = {{"a.vars", "n = 3\nl = [\"x\", \"y\"]\n"}};
  CHECK(job_of(text, options)->task_groups(0).count() == 6);
  CHECK(job_of(text, options)->task_groups(0).meta().at("l") == "x,y");
  options.variables = {"n=4", "l=[\"z\"]"};
  CHECK(job_of(text, options)->task_groups(0).count() == 8);
  CHECK(job_of(text, options)->task_groups(0).meta().at("l") == "z");

  options.variables = {"m=4"};
  CHECK(errors_of(text, options).find("the job declares no variable of that name") != std::string::npos);
  options.strict = false;
  CHECK(job_of(text, options)->task_groups(0).count() == 6);
  CHECK(errors_of("variable \"x\" {}\n" + job_with("")).find("Unset variable \"x\"") != std::string::npos);
}

TEST_CASE("no job file computes without end", "[jobspec]") {
  std::string doubling = "locals {\n l0 = [1, 1, 1, 1]\n";
  for (int i = 1; i < 40; ++i) doubling += " l" + std::to_string(i) + " = concat(local.l" + std::to_string(i - 1) + ", local.l" + std::to_string(i - 1) + ")\n";
  CHECK(errors_of(doubling + "}\n" + job_with("")).find("Evaluation too large") != std::string::npos);

  const std::string blocks = "dynamic \"service\" {\n for_each = range(1000)\n content {\n dynamic \"check\" {\n for_each = range(1000)\n content {\n type = \"tcp\"\n }\n }\n }\n }";
  CHECK(errors_of(job_with(blocks)).find("Evaluation too large") != std::string::npos);
}

TEST_CASE("every row of the schema names a member of its message", "[jobspec]") {
  const auto has = [](const google::protobuf::Descriptor& type, std::string_view name) {
    for (int i = 0; i < type.field_count(); ++i)
      if (type.field(i)->json_name() == name) return true;
    return false;
  };
  // The messages of the blocks, found by walking the rows from the job on.
  std::map<std::string_view, const google::protobuf::Descriptor*> types{{"job", Job::descriptor()}, {"vault", Vault::descriptor()}, {"secret", Secret::descriptor()}, {"task", Task::descriptor()}};
  for (bool more = true; more;) {
    more = false;
    for (const jobspec::Row& row : jobspec::all_rows()) {
      const auto parent = types.find(row.block);
      const bool nested = row.kind == jobspec::Kind::block || row.kind == jobspec::Kind::blocks || row.kind == jobspec::Kind::keyed;
      if (parent == types.end() || !nested || types.contains(row.of)) continue;
      for (int i = 0; i < parent->second->field_count(); ++i) {
        const auto* field = parent->second->field(i);
        if (field->json_name() != row.field) continue;
        types[row.of] = row.kind == jobspec::Kind::keyed ? field->message_type()->map_value()->message_type() : field->message_type();
        more = true;
      }
    }
  }
  int rows = 0;
  for (const jobspec::Row& row : jobspec::all_rows()) {
    if (row.field.empty()) continue;
    INFO(row.block << "." << row.name << " → " << row.field);
    REQUIRE(types.contains(row.block));
    CHECK(has(*types.at(row.block), row.field));
    ++rows;
  }
  CHECK(rows > 400);
}

}  // namespace
}  // namespace drover::model
