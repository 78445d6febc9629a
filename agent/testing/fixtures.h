#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/alloc/world.h"
#include "agent/testing/memory_files.h"
#include "agent/testing/memory_store.h"
#include "agent/testing/sim_drivers.h"
#include "agent/testing/sim_probe.h"
#include "base/loop/virtual_loop.h"
#include "model/fwd.h"

namespace drover::agent {

constexpr const char* test_alloc_id = "aaaaaaaa-1111-2222-3333-444444444444";

/// A service job "web", group "api", with one task "server" of the mock driver that runs until it is stopped;
/// `change` makes of it what a test is about.
std::shared_ptr<const model::Allocation> make_alloc(
    const std::function<void(model::Allocation&, model::TaskGroup&)>& change = {},
    const std::string& id = test_alloc_id);
/// Adds a task of the mock driver, with its `config` as JSON.
model::Task& add_task(model::TaskGroup& group, const std::string& name, const std::string& config = "{}");
/// The same allocation, changed, one index later.
std::shared_ptr<const model::Allocation> changed_alloc(const model::Allocation& alloc,
                                                       const std::function<void(model::Allocation&)>& change);

std::shared_ptr<const model::Node> make_node();

/// One life of an agent's runners on a machine: destroy it to crash, make another to restart.
class TestLife {
 public:
  TestLife(VirtualTime& time, SimMachine& machine, MemoryDisk& disk, MemoryFolders& folders);

  VirtualLoop loop;
  SeededRandom random{7};
  SimDrivers drivers;
  MemoryStore store;
  MemoryFiles files;
  SimProbe probe;
  Settings settings;
  Signal drivers_changed;
  Signal server_contacted;
  Signal told;
  bool has_contact = true;
  World world;
};

/// A machine on virtual time.
struct TestMachine {
  VirtualTime time;
  SimMachine machine{time};
  MemoryDisk disk;
  MemoryFolders folders;
};

/// The types of a task's events, "Received, Task Setup, Started".
std::string event_types(const model::TaskState& state);
/// The text of its last event.
std::string last_event(const model::TaskState& state);

}  // namespace drover::agent
