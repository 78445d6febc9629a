#!/usr/bin/python3
"""Every boundary of a system call as a point to die at: agent, driver, shim and log collector along a task's life.

With --soak the boundaries of each pair of part and step are counted, and so many of them as POINTS_MAX are tried, evenly
chosen from the first to the last; otherwise one of each. After each death what died is brought back, and then: nothing
lost, doubled or orphaned, the exit code right. tests/e2e/kill_sweep_drivers_e2e.py does the same with other drivers.
"""
import collections
import itertools
import os
import pathlib
import signal
import subprocess

from harness import check, equal, main, raw_job, until
from kill_rounds_e2e import pids_of

EXIT_CODE = 7
SLOW_S = 60
STEPS = ("start", "exit", "stop", "restart")
# The file of each part's program.
PROGRAMS = {"agent": "/bin/drover", "driver": "/plugins/raw_exec", "shim": "/drover-shim", "logs": "/drover-logs"}
# (part, step): what can die there.
PAIRS = [(part, step) for part in PROGRAMS for step in STEPS] + [("agent", "recover")]
QUICK_POINT = 9
POINTS_MAX = int(os.environ.get("DROVER_SWEEP_POINTS", "100"))
BEYOND = 10**9

NEVER_MOVED = "reschedule {\n attempts = 0\n unlimited = false\n }"
# A second instance beside a first is told by the lock, one after another by the ledger.
TASK = '''exec 9>>%(dir)s/lock; flock -n 9 || echo doubled >>%(dir)s/ledger
echo start $$ >>%(dir)s/ledger; for i in 1 2 3; do echo line $i; done
until [ -e %(dir)s/go ]; do sleep 0.01; done; for i in 4 5 6; do echo line $i; done; exit 7'''


def points(count):
    """At most POINTS_MAX of the boundaries from 1 to `count`, evenly chosen; all where there are fewer."""
    chosen = min(count, POINTS_MAX)
    return sorted({1 + i * (count - 1) // max(chosen - 1, 1) for i in range(chosen)})


class Killer:
    """tests/e2e/kill_at.cc at work: `with` it a step runs until it is done or the part is dead."""

    def __init__(self, world, point, program, what):
        self.process = subprocess.Popen([world.build / "tests" / "kill_at", str(point), program, *map(str, what)], stdout=subprocess.PIPE, text=True)
        equal(self.process.stdout.readline(), "following\n", "what kill_at says")

    def is_over(self):
        return self.process.poll() is not None

    def end(self):
        """The call at which it killed, or None when the point was not reached; and how many boundaries it saw then."""
        if not self.is_over():
            self.process.send_signal(signal.SIGTERM)
        return outcome(self.process.communicate()[0])


def outcome(said):
    last = said.splitlines()[-1].split()
    return (last[-1], 0) if last[0] == "killed" else (None, int(last[-1]))


class Host:
    """A server and a client agent; `plugin` is the configuration of the driver under test."""
    programs = PROGRAMS

    def __init__(self, world, plugin='plugin "raw_exec" {\n config { enabled = true }\n}'):
        self.world, self.data = world, world.dir / "client"
        self.server = world.agent("server", f'data_dir = "{world.dir}/server"\nserver {{\n enabled = true\n bootstrap_expect = 1\n}}\n').start()
        self.client = world.agent("client", f'''
data_dir = "{world.dir}/client"
client {{
  enabled = true
  servers = ["127.0.0.1:4647"]
}}
ports {{
  http = 4656
}}
{plugin}
''', port=4656).start()
        until(lambda: [n["Status"] for n in self.server.get("/v1/nodes")] == ["ready"], "the node to be ready")
        self.numbers = itertools.count(1)

    def pid(self, part):
        if part == "agent":
            return self.client.process.pid
        # Two drivers: one of them is orphaned, and nobody would know which one is followed.
        fits = (lambda found: len(found) == 1) if part == "driver" else bool
        return until(lambda: fits(found := pids_of(self.programs[part])) and found, f"a {part}, and only one")[0]

    def killer(self, point, part, what):
        return Killer(self.world, point, os.path.basename(self.programs[part]), what)


class Case:
    """One task of raw_exec, one death."""

    def __init__(self, host, part, step, point):
        self.host, self.part, self.step, self.point = host, part, step, point
        self.seen = 0
        self.name = f"{part}-{step}-{point}-{next(host.numbers)}"
        self.prepare()

    def prepare(self):
        self.dir = self.host.world.dir / self.name
        self.dir.mkdir()

    def folder(self):
        """Where the task writes its ledger and looks for its `go`; None while there is none."""
        return self.dir

    def ledger(self):
        path = (self.folder() or self.host.world.dir) / "ledger"
        return path.read_text().splitlines() if path.exists() else []

    def starts(self):
        return [line for line in self.ledger() if line.startswith("start")]

    def alloc(self):
        found = self.host.server.allocs(self.name)
        return found[0] if found else None

    def task(self):
        alloc = self.alloc()
        return (alloc["TaskStates"] or {}).get("t") if alloc else None

    def alive(self):
        """Processes of the task: those that hold its lock open."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if os.readlink(entry / "fd" / "9") == str(self.dir / "lock"):
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found

    def submit(self):
        again = 'restart {\n attempts = 3\n delay = "300ms"\n interval = "1h"\n mode = "fail"\n }' if self.may_start_again() else 'restart {\n attempts = 0\n mode = "fail"\n }'
        self.host.server.cli("job", "run", "-detach", self.host.world.file("sweep.hcl", self.job(again)))

    def job(self, again):
        return raw_job(self.name, "/bin/sh", "-c", TASK % {"dir": self.dir}, kind="batch", task_extra=again, extra=NEVER_MOVED)

    def may_start_again(self):
        """Who dies while it starts the task, or is the task's parent, takes that start with it, and another follows it."""
        return self.part == "shim" or (self.part in ("agent", "driver") and self.step in ("start", "restart"))

    def go(self):
        (self.folder() / "go").write_text("")

    def is_running(self):
        task = self.task()
        return task and task["State"] == "running" and self.starts()

    def is_dead(self):
        task = self.task()
        return task and task["State"] == "dead"

    def where(self, part, step):
        """Where to look from: a shim that is born in the step is followed from its parent on."""
        if part == "shim" and step in ("start", "restart"):
            return ["--pid", self.host.pid("driver")]
        return ["--pid", self.host.pid(part)]

    def act(self):
        """Begins the step; gives what tells that it is done."""
        if self.step == "start":
            self.submit()
            return self.is_running
        if self.step == "exit":
            self.go()
            return self.is_dead
        if self.step == "stop":
            self.host.server.cli("job", "stop", "-detach", self.name)
            return self.is_dead
        alloc = self.alloc()["ID"]
        before = len(self.starts())
        self.host.client.call("PUT", f"/v1/client/allocation/{alloc}/restart", "{}", timeout=SLOW_S)
        return lambda: len(self.starts()) > before

    def die(self):
        """Runs the step under the killer; the call of the death, or None."""
        if self.step == "recover":
            return self.die_starting()
        killer = self.host.killer(self.point, self.part, self.where(self.part, self.step))
        try:
            try:
                done = self.act()
            except OSError:  # restart speaks to the agent, which may die of it
                done = lambda: False
            until(lambda: killer.is_over() or done(), f"{self.name}: the step or the death", SLOW_S)
        finally:
            call, self.seen = killer.end()
        return call

    def die_starting(self):
        client = self.host.client
        client.kill()
        with open(client.log_path, "ab") as log:
            killer = subprocess.Popen([self.host.world.build / "tests" / "kill_at", str(self.point), "drover", "--", self.host.world.drover, "agent", *client.argv],
                                      stdout=subprocess.PIPE, stderr=log, text=True)
        def ready():
            try:
                return client.call("GET", "/v1/agent/health").status == 200
            except OSError:
                return False
        until(lambda: killer.poll() is not None or ready(), f"{self.name}: the agent to start or die", SLOW_S)
        agents = [pid for pid in pids_of("/bin/drover") if pid != self.host.server.process.pid]
        if killer.poll() is None:
            killer.send_signal(signal.SIGTERM)
        call, self.seen = outcome(killer.communicate()[0])
        for pid in agents:  # it must be the harness's child to be waited for
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        until(lambda: [p for p in pids_of("/bin/drover") if p != self.host.server.process.pid] == [], "the agent to be gone")
        return call

    def bring_back(self):
        client = self.host.client
        # A driver that dies again and again is launched later and later; an agent that begins anew has forgotten that.
        if self.part in ("agent", "driver"):
            if client.process.poll() is None:
                client.kill()
            client.process.wait()
            client.start()

    def check_after(self):
        """Brought to its end, the task has run whole, once, and what is told of it is true."""
        stopped = self.step == "stop"
        if self.step not in ("stop", "exit"):
            until(lambda: self.is_running() and self.alive(), f"{self.name} to run after the death", SLOW_S)
            self.go()
        until(self.is_dead, f"{self.name} to be told as dead: {self.task()}", SLOW_S)
        until(lambda: not self.alive(), f"{self.name}: no process left: {self.alive()}")
        told = [e for e in self.task()["Events"] if e["Type"] == "Terminated"]
        ledger = self.ledger()
        check("doubled" not in ledger, f"{self.name}: two ran at once: {ledger}")
        if stopped:
            return
        equal([e["Details"]["exit_code"] for e in told][-1:], [str(EXIT_CODE)], f"{self.name}: exit code told: {told}, {ledger}")
        if not self.may_start_again() and self.step != "restart":
            equal(len(self.starts()), 1, f"{self.name}: starts: {ledger}")
            self.check_output()

    def output(self):
        files = sorted((self.host.data / "alloc" / self.alloc()["ID"] / "alloc" / "logs").glob("t.stdout.*"))
        return "".join(f.read_text() for f in files)

    def check_output(self):
        equal(self.output(), "".join(f"line {i}\n" for i in range(1, 7)), f"{self.name}: output")

    def run(self):
        try:
            return self.run_whole()
        except AssertionError as error:
            task = self.task() or {}
            events = [e["DisplayMessage"] for e in task.get("Events") or []]
            raise AssertionError(f"{error}\nstate {task.get('State')}, events {events}, ledger {self.ledger()}, alive {self.alive()}") from None

    def run_whole(self):
        if self.step not in ("start",):
            self.submit()
            until(self.is_running, f"{self.name} to run")
        call = self.die()
        self.bring_back()
        if self.part == "shim" and self.step in ("exit", "stop"):
            self.go()  # what the shim took with it runs again, to its end
            until(self.is_dead, f"{self.name} to end")
            until(lambda: not self.alive(), f"{self.name}: no process left")
            check("doubled" not in self.ledger(), f"{self.name}: two ran at once")
        else:
            self.check_after()
        self.host.server.cli("job", "stop", "-purge", "-detach", self.name)
        return call


def sweep_pair(host, make, part, step, soak, what=""):
    count, chosen = 0, [QUICK_POINT]
    if soak:
        counting = make(host, part, step, BEYOND)
        counting.run()
        count, chosen = counting.seen, points(counting.seen)
    calls = collections.Counter(make(host, part, step, point).run() for point in chosen)
    del calls[None]  # a run that was shorter than the one that was counted
    of = f" of {count}" if soak else ""
    print(f"note: {what}{part} along {step}: {sum(calls.values())} points{of} tried, {len(calls)} kinds of calls, 0 violations", flush=True)


def sweep(part, step):
    def test(world):
        sweep_pair(Host(world), Case, part, step, world.soak)
    test.__name__ = f"{part}_{step}"
    test.__doc__ = f"{part} dies along {step}: nothing lost, doubled or orphaned, the exit code right"
    return test


if __name__ == "__main__":
    main([sweep(part, step) for part, step in PAIRS])
