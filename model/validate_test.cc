#include "model/validate.h"

#include <algorithm>
#include <functional>
#include <map>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "model/canonicalize.h"
#include "model/json/codec.h"
#include "model/proto/job.pb.h"
#include "tests/recorded.h"

namespace drover::model {
namespace {

Job good_job() {
  Job job;
  REQUIRE(from_json(R"({"ID": "web", "TaskGroups": [{"Name": "g", "Tasks": [{"Name": "t", "Driver": "raw_exec"}]}]})", job));
  canonicalize(job);
  complete_for_store(job);
  return job;
}

std::vector<std::string> problems_after(const std::function<void(Job&)>& edit) {
  Job job = good_job();
  edit(job);
  return validate(job).errors;
}

TEST_CASE("a small job is fine") {
  CHECK(validate(good_job()).ok());
  CHECK(validate(good_job()).text().empty());
  CHECK(validate(good_job()).warnings.empty());
}

TEST_CASE("all problems are told, each below what it belongs to") {
  const auto problems = problems_after([](Job& job) {
    job.set_priority(0);
    job.mutable_task_groups(0)->set_count(-1);
    job.mutable_task_groups(0)->mutable_tasks(0)->set_driver("");
  });
  REQUIRE(problems.size() == 2);
  CHECK(problems[0] == "job priority must be between [1, 100]");
  CHECK(problems[1] ==
        "Task group g validation failed: 2 errors occurred:\n\t* Task group count can't be negative\n\t* Task t validation failed: "
        "1 error occurred:\n\t* Missing task driver\n\n\n\n");
}

TEST_CASE("more allocations than allowed are refused, however the sum overflows") {
  const auto problems = problems_after([](Job& job) { job.mutable_task_groups(0)->set_count(9'000'000'000'000'000'000); });
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].starts_with("total count was greater than configured job_max_count"));
}

TEST_CASE("type, periodic and parameterized cannot change") {
  Job batch = good_job();
  batch.set_type("batch");
  Job periodic = batch;
  periodic.mutable_periodic();

  CHECK(problems_of_update(good_job(), good_job()).empty());
  CHECK(problems_of_update(good_job(), batch) == std::vector<std::string>{"cannot update job from type \"service\" to \"batch\""});
  CHECK(problems_of_update(batch, periodic) == std::vector<std::string>{"cannot update non-periodic job to being periodic"});
}

TEST_CASE("a job that needs Vault is refused: there is none") {
  const auto problems = problems_after([](Job& job) { job.mutable_task_groups(0)->mutable_tasks(0)->mutable_vault()->set_change_mode("noop"); });
  CHECK(problems == std::vector<std::string>{"Vault \"default\" not enabled but used in the job"});
}

TEST_CASE("a gateway needs no task of its own") {
  const auto problems = problems_after([](Job& job) {
    TaskGroup& group = *job.mutable_task_groups(0);
    group.clear_tasks();
    group.add_networks()->set_mode("bridge");
    Service& service = *group.add_services();
    service.set_name("gate");
    service.mutable_connect()->mutable_gateway()->mutable_mesh();
  });
  for (const std::string& problem : problems) CHECK(problem.find("Missing tasks") == std::string::npos);
}

TEST_CASE("what breaks the rules of a service mesh is said of the job") {
  const auto says = [](const std::function<void(TaskGroup&, Service&)>& change) {
    const auto problems = problems_after([&change](Job& job) {
      TaskGroup& group = *job.mutable_task_groups(0);
      Service& service = *group.add_services();
      service.set_name("api");
      service.set_provider("consul");
      group.add_networks()->add_dynamic_ports()->set_label("up");
      change(group, service);
    });
    return problems.empty() ? std::string() : problems.front();
  };
  const auto proxy_of = [](Service& service) -> ConsulProxy& { return *service.mutable_connect()->mutable_sidecar_service()->mutable_proxy(); };

  CHECK(says([&](TaskGroup&, Service& service) { proxy_of(service); }).empty());
  CHECK(says([&](TaskGroup& group, Service& service) { proxy_of(service), group.add_networks(); }) == "connect sidecar: must have exactly one network for Consul Connect: group \"g\" has 2 networks");
  CHECK(says([&](TaskGroup&, Service& service) {
          for (int i = 0; i < 2; ++i) proxy_of(service).add_upstreams()->set_local_bind_port(1000);
        }) == "Consul Connect services \"api\" and \"api\" in group \"g\" using same address for upstreams (:1000)");
  CHECK(says([&](TaskGroup&, Service& service) {
          for (const char* path : {"/a", "/b"}) proxy_of(service).add_upstreams()->set_local_bind_socket_path(path);
        }).empty());
  CHECK(says([&](TaskGroup&, Service& service) { proxy_of(service).mutable_transparent_proxy()->add_exclude_inbound_ports("down"); }) ==
        "Consul Connect transparent proxy port \"down\" must be numeric or one of network.port labels");
  CHECK(says([&](TaskGroup&, Service& service) {
          for (const char* port : {"up", "9000"}) proxy_of(service).mutable_transparent_proxy()->add_exclude_inbound_ports(port);
        }).empty());
  CHECK(says([&](TaskGroup&, Service& service) { service.mutable_connect()->set_native(true), service.set_port_label("up"), service.set_task_name("t9"); }) ==
        "task t9 named by Consul Connect Native service g->api does not exist");
  CHECK(says([&](TaskGroup&, Service& service) { service.mutable_connect(); }).find("must be exclusively native") != std::string::npos);
  CHECK(says([&](TaskGroup&, Service& service) { service.mutable_connect()->set_native(true); }).find("Service api is Connect Native and requires setting the port") != std::string::npos);
  CHECK(says([&](TaskGroup&, Service& service) { service.mutable_connect()->mutable_gateway()->mutable_terminating()->add_services()->set_sni("x"); }).find("TLS SNI requires CAFile") !=
        std::string::npos);
}

TEST_CASE("memory beyond what is reserved is warned about where nobody heeds it") {
  Job job = good_job();
  job.mutable_task_groups(0)->mutable_tasks(0)->mutable_resources()->set_memory_max_mb(512);
  CHECK(validate(job).warnings == "1 warning:\n\n* Memory oversubscription is not enabled; Task \"g.t\" memory_max value will be ignored. Update the Scheduler Configuration to allow oversubscription.");
  CHECK(validate(job, {.memory_oversubscription = true}).warnings.empty());
}

TEST_CASE("services without a shutdown delay are warned about") {
  Job job = good_job();
  job.mutable_task_groups(0)->add_services()->set_name("web");
  CHECK(validate(job).warnings ==
        "1 warning:\n\n* group \"g\" defines services, but neither the group nor any of its tasks have shutdown_delay set");
}

TEST_CASE("what has no effect any more, and tokens for everyone, are warned about under the task they belong to") {
  Job job = good_job();
  job.mutable_task_groups(0)->add_networks()->set_m_bits(10);
  Task& task = *job.mutable_task_groups(0)->mutable_tasks(0);
  task.add_identities()->set_name("a");
  task.mutable_resources()->set_iops(5);
  task.add_templates()->set_vault_grace(1);
  const std::string warnings = validate(job).warnings;

  CHECK(warnings.starts_with("1 warning:\n\n* Group \"g\" has warnings: 2 errors occurred:\n\t* mbits has been deprecated"));
  CHECK(warnings.find("Task \"t\" has warnings: 3 errors occurred:") != std::string::npos);
  CHECK(warnings.find("Identity[a] identities without an audience are insecure") != std::string::npos);
  CHECK(warnings.find("Identity[a] identities without an expiration are insecure") != std::string::npos);
  CHECK(warnings.find("IOPS has been deprecated") != std::string::npos);
  CHECK(warnings.find("Template[0] VaultGrace has been deprecated") != std::string::npos);
}

/// Errors about what this part of drover does not know: other servers, licences; a label of a port that is there.
bool is_beyond_us(const std::string& error) {
  static constexpr std::string_view parts[] = {"nonexistent", "Enterprise", "unlicensed", "not enabled but used", "transparent proxy", "time zone"};
  return std::ranges::any_of(parts, [&error](std::string_view part) { return error.find(part) != std::string::npos; });
}

TEST_CASE("recorded jobs are accepted or refused as recorded, in the same words") {
  const auto corpora = tests::recorded_or_skip("corpora");
  if (corpora.empty()) return;
  int cases = 0;
  int same_words = 0;
  int refused = 0;
  for (const auto* group : {"jobspecs", "targeted"}) {
    for (const auto& entry : std::filesystem::directory_iterator(corpora / group)) {
      const auto sent = tests::recorded_json(entry.path() / "output.json");
      const auto answer = tests::recorded_json(entry.path() / "validate.json");
      if (!sent || !answer || !answer->as_object().contains("Body")) continue;
      std::vector<std::string> want;
      const auto& errors = answer->at("Body").at("ValidationErrors");
      bool beyond = false;
      if (errors.is_array()) {
        for (const auto& error : errors.as_array()) {
          want.emplace_back(error.as_string());
          beyond |= is_beyond_us(want.back());
        }
      }
      if (beyond) continue;
      Job job;
      REQUIRE(from_json_member(boost::json::serialize(*sent), "Job", job));
      canonicalize(job);
      complete_for_store(job);
      auto got = validate(job).errors;
      std::erase_if(got, [](const std::string& error) { return error.find("s not supported") != std::string::npos || error.find("s are not supported") != std::string::npos; });
      INFO(entry.path());
      INFO((want.empty() ? "accepted" : want.front()));
      INFO((got.empty() ? "accepted" : got.front()));
      CHECK(got.empty() == want.empty());
      ++cases;
      if (want.empty()) continue;
      ++refused;
      std::ranges::sort(got);
      std::ranges::sort(want);
      if (got == want) ++same_words;
    }
  }
  WARN("jobs validated: " << cases << ", refused: " << refused << ", in the same words: " << same_words);
  CHECK(same_words * 10 >= refused * 8);
}

}  // namespace
}  // namespace drover::model
