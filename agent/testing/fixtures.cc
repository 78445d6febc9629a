#include "agent/testing/fixtures.h"

#include "model/proto/alloc.pb.h"
#include "model/proto/node.pb.h"

namespace drover::agent {

model::Task& add_task(model::TaskGroup& group, const std::string& name, const std::string& config) {
  model::Task& task = *group.add_tasks();
  task.set_name(name);
  task.set_driver("mock_driver");
  task.set_config(config);
  task.set_kill_timeout(Duration(5s).count());
  return task;
}

std::shared_ptr<const model::Allocation> make_alloc(
    const std::function<void(model::Allocation&, model::TaskGroup&)>& change, const std::string& id) {
  auto alloc = std::make_shared<model::Allocation>();
  alloc->set_id(id);
  alloc->set_namespace_("default");
  alloc->set_name("web.api[0]");
  alloc->set_job_id("web");
  alloc->set_task_group("api");
  alloc->set_desired_status("run");
  alloc->set_client_status("pending");
  alloc->set_create_index(10);
  alloc->set_modify_index(10);
  alloc->set_alloc_modify_index(10);

  model::Job& job = *alloc->mutable_job();
  job.set_id("web");
  job.set_name("web");
  job.set_type("service");
  job.set_namespace_("default");
  model::TaskGroup& group = *job.add_task_groups();
  group.set_name("api");
  group.mutable_restart_policy()->set_attempts(2);
  group.mutable_restart_policy()->set_interval(Duration(30min).count());
  group.mutable_restart_policy()->set_delay(Duration(15s).count());
  group.mutable_restart_policy()->set_mode("fail");
  add_task(group, "server");
  if (change) change(*alloc, group);
  return alloc;
}

std::shared_ptr<const model::Allocation> changed_alloc(const model::Allocation& alloc,
                                                       const std::function<void(model::Allocation&)>& change) {
  auto newer = std::make_shared<model::Allocation>(alloc);
  newer->set_alloc_modify_index(alloc.alloc_modify_index() + 1);
  newer->set_modify_index(alloc.modify_index() + 1);
  change(*newer);
  return newer;
}

std::shared_ptr<const model::Node> make_node() {
  auto node = std::make_shared<model::Node>();
  node->set_id("bbbbbbbb-1111-2222-3333-444444444444");
  node->set_name("node-1");
  node->set_datacenter("dc1");
  node->set_node_pool("default");
  (*node->mutable_attributes())["kernel.name"] = "linux";
  (*node->mutable_meta())["rack"] = "r1";
  node->mutable_node_resources()->mutable_cpu()->set_cpu_shares(4000);
  return node;
}

TestLife::TestLife(VirtualTime& time, SimMachine& machine, MemoryDisk& disk, MemoryFolders& folders)
    : loop(time),
      drivers(loop, machine),
      store(loop, disk),
      files(loop, folders),
      probe(loop),
      drivers_changed(loop),
      server_contacted(loop),
      told(loop),
      world{loop,
            random,
            drivers,
            store,
            files,
            probe,
            settings,
            drivers_changed,
            server_contacted,
            has_contact,
            told,
            [](const std::string&) { return true; },
            [] { return make_node(); },
            Log()} {}

std::string event_types(const model::TaskState& state) {
  std::string out;
  for (const model::TaskEvent& event : state.events()) out += (out.empty() ? "" : ", ") + event.type();
  return out;
}

std::string last_event(const model::TaskState& state) {
  return state.events().empty() ? "" : state.events(state.events_size() - 1).display_message();
}

}  // namespace drover::agent
