#!/usr/bin/python3
"""Every boundary of a system call as a point to die at: agent, driver, shim and log collector along a task's life.

With --soak each pair of part and step is swept from its first call to its last, in strides that grow (see points());
otherwise one point of each is tried. After each death what died is brought back, and then: nothing lost, doubled or
orphaned, the exit code right.
"""
import collections
import itertools
import os
import os
import signal
import subprocess

from harness import check, equal, main, raw_job, until
from kills import LEDGERED_CODE, Apart, Ledger, pids_of

PASSES_MAX = 3      # a step that passes this often without the point being reached is at its end
SLOW_S = 60
PROGRAMS = {"agent": "drover", "driver": "raw_exec", "shim": "drover-shim", "logs": "drover-logs"}
# (part, step): what can die there.
PAIRS = [(part, step) for part in PROGRAMS for step in ("start", "exit", "stop", "restart")] + [("agent", "recover")]
QUICK_POINT = 9

def points(soak):
    """Each of the first boundaries, then wider and wider: the calls of a long step are of few kinds."""
    if not soak:
        return iter([QUICK_POINT])
    def grow():
        point = 1
        while True:
            yield point
            point += 1 if point < 60 else 3 if point < 240 else 11
    return grow()


class Killer:
    """tests/e2e/kill_at.cc at work: `with` it a step runs until it is done or the part is dead."""

    def __init__(self, world, point, program, what):
        self.process = subprocess.Popen([world.build / "tests" / "kill_at", str(point), program, *map(str, what)], stdout=subprocess.PIPE, text=True)
        equal(self.process.stdout.readline(), "following\n", "what kill_at says")

    def is_over(self):
        return self.process.poll() is not None

    def end(self):
        """The call at which it killed, or None when the point was not reached."""
        if not self.is_over():
            self.process.send_signal(signal.SIGTERM)
        said = self.process.communicate()[0]
        return said.split()[-1] if said.startswith("killed") else None


class Host(Apart):
    def __init__(self, world):
        super().__init__(world)
        until(lambda: [n["Status"] for n in self.server.get("/v1/nodes")] == ["ready"], "the node to be ready")
        self.numbers = itertools.count(1)

    def pid(self, part):
        if part == "agent":
            return self.client.process.pid
        return until(lambda: pids_of({"driver": "/plugins/raw_exec", "shim": "/drover-shim", "logs": "/drover-logs"}[part]), f"a {part}")[0]


class Case:
    """One task, one death."""

    def __init__(self, host, part, step, point):
        self.host, self.part, self.step, self.point = host, part, step, point
        self.name = f"{part}-{step}-{point}-{next(host.numbers)}"
        self.ledger = Ledger(host.world.dir / self.name)

    def alloc(self):
        found = self.host.server.allocs(self.name)
        return found[0] if found else None

    def task(self):
        alloc = self.alloc()
        return (alloc["TaskStates"] or {}).get("t") if alloc else None

    def submit(self):
        again = 'restart {\n attempts = 10\n delay = "1s"\n interval = "1h"\n mode = "fail"\n }' if self.may_start_again() else 'restart {\n attempts = 0\n mode = "fail"\n }'
        job = raw_job(self.name, "/bin/sh", "-c", self.ledger.script(), kind="batch", task_extra=again, extra="reschedule {\n attempts = 0\n unlimited = false\n }")
        self.host.server.cli("job", "run", "-detach", self.host.world.file("sweep.hcl", job))

    def may_start_again(self):
        """Who dies while it starts the task, or is the task's parent, takes that start with it, and another follows it."""
        return self.part == "shim" or (self.part in ("agent", "driver") and self.step in ("start", "restart"))

    def is_running(self):
        task = self.task()
        return task and task["State"] == "running" and self.ledger.starts()

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
            self.ledger.go()
            return self.is_dead
        if self.step == "stop":
            self.host.server.cli("job", "stop", "-detach", self.name)
            return self.is_dead
        alloc = self.alloc()["ID"]
        before = len(self.ledger.starts())
        self.host.client.call("PUT", f"/v1/client/allocation/{alloc}/restart", "{}", timeout=SLOW_S)
        return lambda: len(self.ledger.starts()) > before

    def die(self):
        """Runs the step under the killer; the call of the death, or None."""
        if self.step == "recover":
            return self.die_starting()
        killer = Killer(self.host.world, self.point, PROGRAMS[self.part], self.where(self.part, self.step))
        try:
            try:
                done = self.act()
            except OSError:  # restart speaks to the agent, which may die of it
                done = lambda: False
            until(lambda: killer.is_over() or done(), f"{self.name}: the step or the death", SLOW_S)
        finally:
            call = killer.end()
        return call

    def die_starting(self):
        client = self.host.client
        client.kill()
        with open(client.log_path, "ab") as log:
            killer = subprocess.Popen([self.host.world.build / "tests" / "kill_at", str(self.point), PROGRAMS["agent"], "--", self.host.world.drover, "agent", *client.argv],
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
        said = killer.communicate()[0].splitlines()[-1]
        for pid in agents:  # it must be the harness's child to be waited for
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        until(lambda: [p for p in pids_of("/bin/drover") if p != self.host.server.process.pid] == [], "the agent to be gone")
        return said.split()[-1] if said.startswith("killed") else None

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
            until(lambda: self.is_running() and self.ledger.alive(), f"{self.name} to run after the death", SLOW_S)
            self.ledger.go()
        until(self.is_dead, f"{self.name} to be told as dead: {self.task()}", SLOW_S)
        until(lambda: not self.ledger.alive(), f"{self.name}: no process left: {self.ledger.alive()}")
        told = [e for e in self.task()["Events"] if e["Type"] == "Terminated"]
        ledger = self.ledger.lines()
        check("doubled" not in ledger, f"{self.name}: two ran at once: {ledger}")
        if stopped:
            return
        equal([e["Details"]["exit_code"] for e in told][-1:], [str(LEDGERED_CODE)], f"{self.name}: exit code told: {told}, {ledger}")
        if not self.may_start_again() and self.step != "restart":
            equal(len(self.ledger.starts()), 1, f"{self.name}: starts: {ledger}")
            out = "".join(f.read_text() for f in sorted((self.host.world.dir / "client" / "alloc" / self.alloc()["ID"] / "alloc" / "logs").glob("t.stdout.*")))
            equal(out, "".join(f"line {i}\n" for i in range(1, 7)), f"{self.name}: output")

    def run(self):
        try:
            return self.run_whole()
        except AssertionError as error:
            task = self.task() or {}
            events = [e["DisplayMessage"] for e in task.get("Events") or []]
            raise AssertionError(f"{error}\nstate {task.get('State')}, events {events}, ledger {self.ledger.lines()}, alive {self.ledger.alive()}") from None

    def run_whole(self):
        if self.step not in ("start",):
            self.submit()
            until(self.is_running, f"{self.name} to run")
        call = self.die()
        self.bring_back()
        if self.part == "shim" and self.step in ("exit", "stop"):
            self.ledger.go()  # what the shim took with it runs again, to its end
            until(self.is_dead, f"{self.name} to end")
            until(lambda: not self.ledger.alive(), f"{self.name}: no process left")
            check("doubled" not in self.ledger.lines(), f"{self.name}: two ran at once")
        else:
            self.check_after()
        self.host.server.cli("job", "stop", "-purge", "-detach", self.name)
        return call


def sweep(part, step):
    def test(world):
        host = Host(world)
        tried, passes, calls = 0, 0, collections.Counter()
        for point in points(world.soak):
            call = Case(host, part, step, point).run()
            if call is None:
                passes += 1
                if passes == PASSES_MAX or not world.soak:
                    break
                continue
            passes = 0
            tried += 1
            calls[call] += 1
        print(f"note: {part} along {step}: {tried} points tried, {len(calls)} kinds of calls, 0 violations", flush=True)
    test.__name__ = f"{part}_{step}"
    test.__doc__ = f"{part} dies along {step}: nothing lost, doubled or orphaned, the exit code right"
    return test


if __name__ == "__main__":
    main([sweep(part, step) for part, step in PAIRS])
