#!/usr/bin/python3
"""Tasks of raw_exec started and stopped again and again: nothing grows in the agent, the driver or the system."""
import os
import pathlib

from harness import equal, main, raw_job, until
from kills import Apart, Host, pids_of, task_state

TASKS = 4
CYCLES, SOAK_CYCLES = 300, 10_000
WARM_UP = 100           # caches and pools fill first
DESCRIPTORS_SLACK = 4   # a call in flight
THREADS_SLACK = 8       # pools that are not idle yet
MEMORY_SLACK_KB = 3072  # of the allocator; a request that was once kept for ever took 20 kB
SLOW_S = 120


def resident_kb(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0])


def cgroups():
    return sorted(str(folder) for folder in pathlib.Path("/sys/fs/cgroup").glob("**/nomad/*") if folder.is_dir())


class Watched:
    """What the agent, the driver and the system hold, while the same tasks run."""

    def __init__(self, agent, driver, allocs):
        self.agent, self.driver, self.allocs = agent, driver, allocs

    def groups(self):
        return [name for name in cgroups() if any(alloc in name for alloc in self.allocs)]

    def counted(self):
        processes = [entry for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()]
        return {"processes of the system": (len(processes), 0), "control groups of the tasks": (len(self.groups()), 0),
                "state folders": (sum(1 for alloc in self.allocs for _ in self.agent.world.dir.glob(f"client/alloc/{alloc}/t/private/raw_exec/*")), 0),
                **{f"descriptors of the {name}": (len(os.listdir(f"/proc/{pid}/fd")), DESCRIPTORS_SLACK) for name, pid in self.parts()},
                **{f"threads of the {name}": (len(os.listdir(f"/proc/{pid}/task")), THREADS_SLACK) for name, pid in self.parts()},
                **{f"memory of the {name} (kB)": (resident_kb(pid), MEMORY_SLACK_KB) for name, pid in self.parts()}}

    def parts(self):
        return (("agent", self.agent.process.pid), ("driver", self.driver))


def starts(host, alloc):
    """Restarts that were asked for are told by events; the newest start is told by its time."""
    state = task_state(host, alloc)
    return state["StartedAt"] if state["State"] == "running" else None


def cycle(host, allocs):
    """Every task is stopped, destroyed and started again."""
    before = {alloc: starts(host, alloc) for alloc in allocs}
    for alloc in allocs:
        host.server.put(f"/v1/client/allocation/{alloc}/restart", {})
    for alloc in allocs:
        until(lambda: starts(host, alloc) not in (None, before[alloc]), f"{alloc} to be started again", SLOW_S)


def nothing_grows(world):
    """Tasks are started and stopped again and again: no descriptor, thread, process, group or memory is left of them"""
    host = Host(Apart(world))
    host.run("cycle", "exec sleep 100000", count=TASKS)
    allocs = [alloc["ID"] for alloc in host.server.wait_running("cycle", TASKS)]
    watched = Watched(host.roles.client, until(lambda: pids_of("/plugins/raw_exec"), "the driver")[0], allocs)
    cycles = SOAK_CYCLES if world.soak else CYCLES
    for _ in range(0, WARM_UP, TASKS):
        cycle(host, allocs)
    before = watched.counted()
    for _ in range(0, cycles, TASKS):
        cycle(host, allocs)

    def grown():
        return [f"{what}: {before[what][0]} → {now}" for what, (now, slack) in watched.counted().items() if now > before[what][0] + slack]
    # What has just been stopped may be in its last moments.
    try:
        until(lambda: not grown(), "all to be as before")
    except AssertionError as error:
        raise AssertionError(f"{error}; after {cycles} cycles: {grown()}") from None
    equal(pids_of("/plugins/raw_exec"), [watched.driver], "the driver's process")
    memory = ", ".join(f"{name} {before[f'memory of the {name} (kB)'][0]} → {resident_kb(pid)} kB" for name, pid in watched.parts())
    print(f"note: {cycles} cycles of start and stop: {memory}, nothing else has grown", flush=True)


if __name__ == "__main__":
    main([nothing_grows])
