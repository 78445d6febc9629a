#include "server/commands/command_world.h"

#include "model/proto/deployment.pb.h"
#include "model/proto/job_view.pb.h"
#include "model/proto/scaling.pb.h"
#include "server/state/serialize.h"

// Versions, scaling, dispatching and launching of jobs.
namespace drover::server {
namespace {

const JobKey web{"default", "web"};

/// The job with another environment: another version of it.
std::shared_ptr<model::Job> variant(const std::string& id, const std::string& value) {
  auto job = job_named(id);
  (*job->mutable_task_groups(0)->mutable_tasks(0)->mutable_env())["V"] = value;
  return job;
}

void register_versions(World& world, int count) {
  for (int i = 0; i < count; ++i) REQUIRE(world.ask(RegisterJob{.job = variant("web", std::to_string(i))}).ok());
}

std::shared_ptr<model::Job> parameterized(const std::string& payload = "optional") {
  auto job = job_named("param", "batch");
  job->mutable_parameterized_job()->set_payload(payload);
  job->mutable_parameterized_job()->add_meta_required("a");
  job->mutable_parameterized_job()->add_meta_optional("b");
  (*job->mutable_meta())["b"] = "default";
  return job;
}

std::shared_ptr<model::Job> periodic(bool prohibit_overlap = false) {
  auto job = job_named("cron", "batch");
  job->mutable_periodic()->add_specs("*/15 * * * *");
  job->mutable_periodic()->set_prohibit_overlap(prohibit_overlap);
  return job;
}

Uuid only_eval(const World& world) {
  Uuid id;
  REQUIRE(world.state.eval_count() == 1);
  world.state.each_eval({}, [&id](const model::Evaluation& eval) { return id = parse_uuid(eval.id()), true; });
  return id;
}

std::string text_of(const auto& result) { return result ? "" : result.error().message; }

std::string env_of(const JobVersionRow& row) { return row.spec->task_groups(0).tasks(0).env().at("V"); }

}  // namespace

TEST_CASE("a job for a pool that no node is in is refused, and names the pool") {
  World world;
  auto job = job_named("web");
  job->set_node_pool("arm64");
  CHECK(text_of(world.ask(RegisterJob{.job = job})) == "1 error occurred:\n\t* job \"web\" is in nonexistent node pool \"arm64\"\n\n");

  auto node = some_node(world);
  node->set_node_pool("arm64");
  REQUIRE(world.ask(RegisterNode{.node = node, .secret_id = "mine"}).ok());
  CHECK(world.ask(RegisterJob{.job = job}).ok());
  job->set_node_pool("all");
  CHECK(world.ask(RegisterJob{.job = job}).ok());
}

TEST_CASE("reverting makes a new version with the old specification and its source") {
  World world;
  RegisterJob first{.job = variant("web", "0")};
  auto source = std::make_shared<model::JobSubmission>();
  source->set_source("job \"web\" {}");
  first.submission = source;
  REQUIRE(world.ask(first).ok());
  REQUIRE(world.ask(RegisterJob{.job = variant("web", "1")}).ok());

  const auto reverted = world.ask(RevertJob{.job = web, .version = 0, .enforce_prior_version = 1});

  REQUIRE(reverted.ok());
  CHECK_FALSE(reverted->eval_id.empty());
  const JobVersionRow& current = *world.state.current("default", "web");
  CHECK(current.version == 2);
  CHECK(env_of(current) == "0");
  CHECK(current.submission->source() == "job \"web\" {}");
}

TEST_CASE("reverting says what is in the way") {
  World world;
  register_versions(world, 2);
  CHECK(text_of(world.ask(RevertJob{.job = web, .version = 1})) == "can't revert to current version");
  CHECK(text_of(world.ask(RevertJob{.job = web, .version = 9})) == "job \"web\" in namespace \"default\" at version 9 not found");
  CHECK(text_of(world.ask(RevertJob{.job = web, .version = 0, .enforce_prior_version = 5})) == "Current job has version 1; enforcing version 5");
  CHECK(text_of(world.ask(RevertJob{.job = {"default", "nope"}})) == "job \"nope\" not found");
}

TEST_CASE("six versions are kept, and those that are tagged or the newest stable one") {
  World world;
  register_versions(world, 2);
  REQUIRE(world.ask(TagVersion{.job = web, .name = "gold", .description = "first", .version = 0}).ok());
  REQUIRE(world.ask(SetStability{.job = web, .version = 1, .stable = true}).ok());
  for (int i = 2; i < 10; ++i) REQUIRE(world.ask(RegisterJob{.job = variant("web", std::to_string(i))}).ok());

  std::vector<std::uint64_t> kept;
  for (const JobVersionRow* row : world.state.versions("default", "web")) kept.push_back(row->version);

  CHECK(kept == std::vector<std::uint64_t>{9, 8, 7, 6, 5, 1, 0});
  CHECK(to_message(*world.state.job_version("default", "web", 0)).version_tag().name() == "gold");
}

TEST_CASE("a tag belongs to one version of a job") {
  World world;
  register_versions(world, 2);
  REQUIRE(world.ask(TagVersion{.job = web, .name = "gold", .version = 0}).ok());

  CHECK(text_of(world.ask(TagVersion{.job = web, .name = "gold", .version = 1})) == "tag \"gold\" already exists on a different version of job \"web\"");
  CHECK(world.ask(TagVersion{.job = web, .name = "gold", .description = "again", .version = 0})->description == "again");
  CHECK(text_of(world.ask(TagVersion{.job = web, .name = "x", .version = 9})) == "job \"web\" version 9 not found");
  CHECK(text_of(world.ask(TagVersion{.job = web, .name = "none", .remove = true})) == "tag \"none\" not found on job \"web\"");
  CHECK(world.ask(TagVersion{.job = web, .name = "gold", .remove = true})->name.empty());
  CHECK(world.ask(TagVersion{.job = web, .name = "gold"}).ok());
  CHECK(world.state.current("default", "web")->tag->name() == "gold");
}

TEST_CASE("scaling changes the count, evaluates the job and remembers why") {
  World world;
  REQUIRE(world.ask(RegisterJob{.job = job_named("web")}).ok());

  const auto scaled = world.ask(ScaleJob{.job = web, .group = "g", .count = 3, .message = "more"});
  REQUIRE(world.ask(ScaleJob{.job = web, .group = "g", .message = "note"}).ok());

  REQUIRE(scaled.ok());
  CHECK(world.state.eval(parse_uuid(scaled->eval_id))->triggered_by() == "job-scaling");
  CHECK(world.state.current("default", "web")->spec->task_groups(0).count() == 3);
  CHECK(world.state.current("default", "web")->version == 1);
  const auto& events = world.state.job("default", "web")->scaling->groups.at("g");
  REQUIRE(events.size() == 2);
  CHECK(events[0]->message() == "note");
  CHECK_FALSE(events[0]->has_count());
  CHECK(events[1]->count() == 3);
  CHECK(events[1]->previous_count() == 1);
  CHECK(events[1]->eval_id() == scaled->eval_id);
}

TEST_CASE("scaling is refused in the words that scalers know") {
  World world;
  auto job = job_named("web");
  auto& policy = *job->mutable_task_groups(0)->mutable_scaling();
  policy.set_min(1);
  policy.set_max(4);
  REQUIRE(world.ask(RegisterJob{.job = job}).ok());
  const auto scale = [&world](std::optional<std::int64_t> count, const std::string& group = "g") {
    return text_of(world.ask(ScaleJob{.job = web, .group = group, .count = count}));
  };

  CHECK(scale(9) == "group count was greater than scaling policy maximum: 9 > 4");
  CHECK(scale(0) == "group count was less than scaling policy minimum: 0 < 1");
  CHECK(scale(-1) == "scaling action count can't be negative");
  CHECK(scale(2, "nope") == "task group \"nope\" specified for scaling does not exist in job");
  CHECK(scale(2, "") == "missing task group name for scaling action");
  CHECK(text_of(world.ask(ScaleJob{.job = {"default", "nope"}, .group = "g"})) == "job \"nope\" not found");
  CHECK(text_of(world.ask(ScaleJob{.job = web, .group = "g", .count = 3, .error = true})) == "scaling action should not contain count if error is true");
  CHECK(text_of(world.ask(ScaleJob{.job = web, .group = "g", .count = 3, .job_modify_index = 77})) ==
        "Enforcing job modify index 77: job exists with conflicting job modify index: 1");
  REQUIRE(world.ask(ScaleJob{.job = web, .group = "g", .count = 2}).ok());

  model::Deployment deployment;
  deployment.set_id(to_text(world.random.uuid()));
  deployment.set_namespace_("default");
  deployment.set_job_id("web");
  deployment.set_job_create_index(world.state.job("default", "web")->create_index);
  deployment.set_status("running");
  world.state.put_deployment(deployment);
  CHECK(scale(3) == "job scaling blocked due to active deployment");
}

TEST_CASE("dispatching runs a child with the parent's and its own parameters") {
  World world;
  REQUIRE(world.ask(RegisterJob{.job = parameterized()})->eval_id.empty());

  const auto done = world.ask(DispatchJob{.job = {"default", "param"}, .payload = "hello", .meta = {{"a", "1"}}, .id_prefix = "pre", .priority = 80});

  REQUIRE(done.ok());
  CHECK(done->job_id.starts_with("param/dispatch-pre-1000000000-"));
  const model::Job& child = *world.state.current("default", done->job_id)->spec;
  CHECK(child.parent_id() == "param");
  CHECK(child.dispatched());
  CHECK(child.payload() == "hello");
  CHECK(child.meta().at("a") == "1");
  CHECK(child.meta().at("b") == "default");
  CHECK(child.priority() == 80);
  CHECK(world.state.current("default", done->job_id)->status == JobStatus::pending);
  CHECK(world.state.current("default", "param")->status == JobStatus::running);
  CHECK(world.state.eval(parse_uuid(done->eval_id))->job_id() == done->job_id);
  CHECK(world.state.summary_message("default", "param")->children().pending() == 1);
}

TEST_CASE("dispatching with a token that is known gives the child that there is") {
  World world;
  REQUIRE(world.ask(RegisterJob{.job = parameterized()}).ok());
  const DispatchJob request{.job = {"default", "param"}, .meta = {{"a", "1"}}, .idempotency_token = "tok"};
  const auto first = world.ask(request);

  const auto second = world.ask(request);

  CHECK(second->job_id == first->job_id);
  CHECK(second->eval_id.empty());
  CHECK(second->job_create_index == first->job_create_index);
}

TEST_CASE("dispatching is refused in the words that clients know") {
  World world;
  REQUIRE(world.ask(RegisterJob{.job = parameterized()}).ok());
  REQUIRE(world.ask(RegisterJob{.job = job_named("plain")}).ok());
  const JobKey param{"default", "param"};

  CHECK(text_of(world.ask(DispatchJob{.job = param})) == "Dispatch did not provide required meta keys: [a]");
  CHECK(text_of(world.ask(DispatchJob{.job = param, .meta = {{"a", "1"}, {"c", "2"}}})) == "Dispatch request included unpermitted metadata keys: [c]");
  CHECK(text_of(world.ask(DispatchJob{.job = param, .payload = std::string(17000, 'x'), .meta = {{"a", "1"}}})) ==
        "Payload exceeds maximum size; 17000 > 16384");
  CHECK(text_of(world.ask(DispatchJob{.job = param, .meta = {{"a", "1"}}, .priority = 1000})) == "dispatch job priority must be between [1, 100]");
  CHECK(text_of(world.ask(DispatchJob{.job = {"default", "nope"}})) == "parameterized job not found");
  CHECK(text_of(world.ask(DispatchJob{.job = {"default", "plain"}})) == "Specified job \"plain\" is not a parameterized job");
  REQUIRE(world.ask(RegisterJob{.job = parameterized("required")}).ok());
  CHECK(text_of(world.ask(DispatchJob{.job = param, .meta = {{"a", "1"}}})) == "Payload is not provided but required by parameterized job");
  REQUIRE(world.ask(RegisterJob{.job = parameterized("forbidden")}).ok());
  CHECK(text_of(world.ask(DispatchJob{.job = param, .payload = "x", .meta = {{"a", "1"}}})) == "Payload provided but forbidden by parameterized job");
  REQUIRE(world.ask(DeregisterJob{.job = param}).ok());
  CHECK(text_of(world.ask(DispatchJob{.job = param, .meta = {{"a", "1"}}})) == "Specified job \"param\" is stopped");
}

TEST_CASE("a periodic job is launched once for each time") {
  World world;
  REQUIRE(world.ask(RegisterJob{.job = periodic()}).ok());
  const LaunchPeriodic due{.job = {"default", "cron"}, .at = world.now + 15min};

  const auto launched = world.ask(due);
  const auto again = world.ask(due);

  CHECK(launched->job_id == "cron/periodic-1000000900");
  CHECK(again->job_id.empty());
  const model::Job& child = *world.state.current("default", launched->job_id)->spec;
  CHECK_FALSE(child.has_periodic());
  CHECK(child.parent_id() == "cron");
  CHECK(world.state.job("default", "cron")->last_launch == to_ns(due.at));
  CHECK(pending_triggers(world) == std::vector<std::string>{"periodic-job"});
}

TEST_CASE("a periodic job that prohibits overlap is not launched while a child lives") {
  World world;
  REQUIRE(world.ask(RegisterJob{.job = periodic(true)}).ok());
  const JobKey cron{"default", "cron"};
  const auto first = world.ask(LaunchPeriodic{.job = cron, .at = world.now + 15min});

  CHECK(world.ask(LaunchPeriodic{.job = cron, .at = world.now + 30min})->overlaps);
  auto done = std::make_shared<model::Evaluation>(*world.state.eval(only_eval(world)));
  done->set_status("complete");
  REQUIRE(world.ask(PutEvals{.evals = {done}}).ok());
  REQUIRE(world.state.current("default", first->job_id)->status == JobStatus::dead);
  CHECK(world.ask(LaunchPeriodic{.job = cron, .at = world.now + 45min})->job_id == "cron/periodic-1000002700");
}

TEST_CASE("a periodic job can be launched by force, unless it is disabled or stopped") {
  World world;
  REQUIRE(world.ask(RegisterJob{.job = periodic(true)}).ok());
  REQUIRE(world.ask(RegisterJob{.job = job_named("plain")}).ok());
  const JobKey cron{"default", "cron"};

  CHECK(world.ask(ForcePeriodic{.job = cron})->job_id == "cron/periodic-1000000000");
  CHECK(text_of(world.ask(ForcePeriodic{.job = {"default", "plain"}})) == "can't force launch non-periodic job");
  CHECK(text_of(world.ask(ForcePeriodic{.job = {"default", "nope"}})) == "job not found");
  REQUIRE(world.ask(DeregisterJob{.job = cron}).ok());
  CHECK(text_of(world.ask(ForcePeriodic{.job = cron})) == "force launch for job \"cron\" failed: can't force run non-tracked job \"cron\" (default)");
}

TEST_CASE("what is kept of versions, scaling and launches survives a snapshot") {
  World world;
  register_versions(world, 2);
  REQUIRE(world.ask(TagVersion{.job = web, .name = "gold", .version = 0}).ok());
  REQUIRE(world.ask(ScaleJob{.job = web, .group = "g", .message = "note", .meta = "{\"a\":1}"}).ok());
  RegisterJob with_source{.job = periodic()};
  auto source = std::make_shared<model::JobSubmission>();
  source->set_source("text");
  (*source->mutable_variable_flags())["x"] = "y";
  with_source.submission = source;
  REQUIRE(world.ask(with_source).ok());
  REQUIRE(world.ask(LaunchPeriodic{.job = {"default", "cron"}, .at = world.now + 15min}).ok());

  const std::string bytes = serialize(world.state);
  const auto restored = restore(bytes);

  REQUIRE(restored.ok());
  CHECK(serialize(*restored) == bytes);
  CHECK(restored->job_version("default", "web", 0)->tag->name() == "gold");
  CHECK(restored->current("default", "cron")->submission->source() == "text");
  CHECK(restored->job("default", "cron")->last_launch == to_ns(world.now + 15min));
  CHECK(restored->job("default", "web")->scaling->groups.at("g").front()->message() == "note");
}

}  // namespace drover::server
