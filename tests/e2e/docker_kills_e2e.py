#!/usr/bin/python3
"""Containers that print numbered lines, while driver, agent and engine are killed in turn: with and without live-restore."""
import collections
import os
import pathlib
import signal

import census
import engine as engines
import harness
from docker_e2e import ONCE, ended, job, run, shell, wait_docker, with_engine
from harness import check, equal, until

PRINTERS = 4
ROUNDS, SOAK_ROUNDS = 2, 50
LINES_AT_LEAST = 10
EXIT_BASE = 40

PRINT = 'trap "exit 0" TERM; i=0; while :; do echo "line $i"; i=$((i+1)); sleep 0.02; done'
PATIENT = 'restart {\n attempts = 100000\n interval = "1h"\n delay = "100ms"\n mode = "delay"\n }'


def programs(path_end):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.readlink(entry / "exe").removesuffix(" (deleted)").endswith(path_end):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def all_programs():
    """How many processes there are of each program; the dead are gone."""
    names = collections.Counter()
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                names[pathlib.Path(os.readlink(entry / "exe").removesuffix(" (deleted)")).name] += 1
            except OSError:
                continue
    return names


class Host:
    def __init__(self, world, engine):
        self.world, self.engine = world, engine
        self.agent = world.both_roles(extra=f'plugin "docker" {{\n config {{ endpoint = "unix://{engine.socket}" }}\n}}').start()
        wait_docker(self.agent, True)
        # The first container brings what stays: the engine's own groups, drover-logs.
        run(self.agent, world, "first", shell("echo first"), kind="batch", group=ONCE)
        ended(self.agent, "first", 60)
        self.forget("first")
        self.before = until(lambda: (now := self.census()) == self.census() and not now["containers"] and now, "the first container to be gone")

    def census(self):
        """What a container may leave behind, on the machine and in the engine."""
        return {
            "containers": sorted(c["Id"] for c in self.engine.containers()),
            "networks": sorted(n["Name"] for n in self.engine.get("/networks")),
            "volumes": len(self.engine.get("/volumes")["Volumes"] or []),
            "interfaces": sorted(os.listdir("/sys/class/net")),
            "network namespaces": census.network_namespaces(),
            # An engine that ends while it makes a container leaves the layer that it was filling; that is between it and its disk.
            "mounts": [m for m in census.mounts() if not (m.startswith(str(self.engine.root)) and m.endswith("-init/merged"))],
            "control groups": sorted(str(g) for g in engines.groups_of(self.engine.group) if g.name != self.engine.group.strip("/")),
            "programs": all_programs(),
            "allocations": sorted(os.listdir(self.world.dir / "both-data" / "alloc")),
        }

    def forget(self, name):
        """Purges a job, and collects what its allocations left."""
        folders = [self.world.dir / "both-data" / "alloc" / a["ID"] for a in self.agent.allocs(name)]
        self.agent.cli("job", "stop", "-purge", name)
        def collected():
            self.agent.put("/v1/system/gc")
            return not any(f.exists() for f in folders)
        until(collected, f"the allocations of {name} to be collected", 60)

    def log_text(self, alloc):
        folder = self.world.dir / "both-data" / "alloc" / alloc / "alloc" / "logs"
        files = sorted(folder.glob("t.stdout.*"), key=lambda f: int(f.suffix[1:]))
        return "".join(f.read_text() for f in files)

    def task(self, alloc):
        return self.agent.get(f"/v1/allocation/{alloc}")["TaskStates"]["t"]

    def running(self):
        """Container of each allocation that has one running."""
        return {c["Labels"]["com.hashicorp.nomad.alloc_id"]: c["Id"] for c in self.engine.containers(status=["running"])}

    def kill_agent(self):
        self.agent.kill()
        return self.agent.start

    def kill_driver(self):
        before = until(lambda: programs("/plugins/docker"), "the driver's process")
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        return lambda: until(lambda: [p for p in programs("/plugins/docker") if p not in before], "another process of the driver")

    def kill_engine(self):
        self.engine.kill()
        return self.engine.start

    def stop_engine(self):
        self.engine.stop()
        return self.engine.start

    def kill_agent_while_engine_is_away(self):
        self.engine.stop()
        self.agent.kill()
        self.agent.start()
        return self.engine.start

    def print_lines(self):
        self.agent.cli("job", "run", "-detach", self.world.file("print.hcl", job("print", shell(PRINT), count=PRINTERS, task=PATIENT, resources="cpu = 20\n memory = 32")))
        allocs = [a["ID"] for a in self.agent.wait_running("print", PRINTERS, 60)]
        for alloc in allocs:
            until(lambda: self.log_text(alloc).count("\n") >= LINES_AT_LEAST, f"{alloc} to print")
        return allocs

    def prints_on(self, allocs, what):
        before = {a: len(self.log_text(a)) for a in allocs}
        for alloc in allocs:
            until(lambda: len(self.log_text(alloc)) > before[alloc], f"{alloc} to print on after {what}", 60)

    def end(self):
        self.forget("print")
        seen = [None]
        def equal_again():
            seen[0] = self.census()
            return seen[0] == self.before
        try:
            until(equal_again, "what is there to be what was there before", 60)
        except AssertionError as error:
            raise AssertionError(f"{error}; before and now differ in " + "; ".join(f"{k}: {self.before[k]} {seen[0][k]}" for k in self.before if self.before[k] != seen[0][k])) from None

    def end_while(self, number, kill):
        """One kill, while which a task ends: its exit code is told all the same."""
        name, code = f"exit-{number}", EXIT_BASE + number % 50
        run(self.agent, self.world, name, shell(f"echo ready; until [ -e /alloc/go ]; do sleep 0.01; done; exit {code}"), kind="batch", group=ONCE)
        alloc = self.agent.wait_running(name, 1, 60)[0]["ID"]
        until(lambda: self.log_text(alloc) == "ready\n", f"{name} to be ready")
        bring_back = kill()
        (self.world.dir / "both-data" / "alloc" / alloc / "alloc" / "go").write_text("")
        bring_back()
        until(lambda: self.task(alloc)["State"] == "dead", f"the end of {name} to be told after {kill.__name__}", 60)
        codes = [e["Details"].get("exit_code") for e in self.task(alloc)["Events"] if e["Type"] == "Terminated"]
        equal((codes, self.task(alloc)["Restarts"]), ([str(code)], 0), f"exit codes and restarts of {name}, after {kill.__name__}")
        self.forget(name)


def as_kept(text, kept, what):
    """Whole lines, as many as were passed on so far, of what the engine itself has kept."""
    if not kept.startswith(text):
        at = len(os.path.commonprefix([kept, text]))
        raise AssertionError(f"{what}: the log differs from the engine's own at {at}: {text[at - 30:at + 30]!r}, and there {kept[at - 30:at + 30]!r}")


def gaps_in(text, what):
    """How many of the numbered lines are missing; they come in order and once."""
    numbers = [int(line.removeprefix("line ")) for line in text.splitlines()]
    for before, number in zip([-1, *numbers], numbers):
        check(number > before, f"{what}: after line {before} comes line {number}")
    return numbers[-1] + 1 - len(numbers)


def live_restore(world, engine):
    """kill -9 of driver, agent and engine in turn, engine with live-restore: same containers, no line lost or doubled"""
    host = Host(world, engine)
    allocs = host.print_lines()
    before = host.running()
    equal(sorted(before), sorted(allocs), "a container for each allocation")
    kills = (host.kill_driver, host.kill_agent, host.kill_engine, host.stop_engine, host.kill_agent_while_engine_is_away)
    rounds = kills * (SOAK_ROUNDS if world.soak else ROUNDS)
    for number, kill in enumerate(rounds):
        host.end_while(number, kill)
        host.prints_on(allocs, kill.__name__)
        until(lambda: len(engine.containers()) == PRINTERS, "the ended container to be removed", 60)
        equal(host.running(), before, f"the containers that run, after {kill.__name__}")
    for alloc in allocs:
        state = host.task(alloc)
        equal((state["State"], state["Restarts"], state["Failed"]), ("running", 0, False), f"state of {alloc}")
    lines = gaps = 0
    for alloc in allocs:
        found = host.log_text(alloc)
        found = found[:found.rfind("\n") + 1]
        as_kept(found, engine.output(before[alloc]), alloc)
        lines, gaps = lines + found.count("\n"), gaps + gaps_in(found, alloc)
    # What an engine has read and not yet written when it ends is lost in it, whoever reads its log later.
    ends = sum(kill not in (host.kill_driver, host.kill_agent) for kill in rounds)
    check(gaps <= PRINTERS * ends, f"{gaps} lines are missing in the engine's logs, after {ends} ends of it")
    print(f"note: {lines} lines of {PRINTERS} containers, none lost or doubled, but for {gaps} that the engine lost as it ended")
    host.end()


def plain_engine(world, engine):
    """an engine without live-restore that is killed and stopped: its tasks are restarted, nothing runs twice"""
    host = Host(world, engine)
    allocs = host.print_lines()
    for kill in (host.kill_engine, host.stop_engine, host.kill_driver, host.kill_agent) * (SOAK_ROUNDS if world.soak else 1):
        before, restarts = host.running(), {a: host.task(a)["Restarts"] for a in allocs}
        kill()()
        if kill in (host.kill_engine, host.stop_engine):
            # Running again for the agent too: who kills the driver before it has told of a start may see another start.
            def again():
                states = {a: host.task(a) for a in allocs}
                return all(s["State"] == "running" and s["Restarts"] > restarts[a] for a, s in states.items()) and sorted(host.running()) == sorted(allocs)
            try:
                until(again, f"the tasks to run again after {kill.__name__}", 90)
            except AssertionError as error:
                states = {a: host.task(a) for a in allocs}
                raise AssertionError(f"{error}; restarts before {restarts}, containers {host.running()}, now " + "; ".join(f"{a}: {s['State']} {s['Restarts']} {[e['DisplayMessage'] for e in s['Events'][-4:]]}" for a, s in states.items())) from None
            check(not set(host.running().values()) & set(before.values()), f"new containers after {kill.__name__}")
            host.prints_on(allocs, kill.__name__)
        else:
            host.prints_on(allocs, kill.__name__)
            equal(host.running(), before, f"the containers that run, after {kill.__name__}")
        equal(len(engine.containers()), PRINTERS, "containers in all")
    wait_docker(host.agent, True)
    host.end()


def engine_away(world, engine):
    """while the engine is away its health says why, starts fail and may be tried again, and all is well when it is back"""
    host = Host(world, engine)
    engine.stop()
    driver = wait_docker(host.agent, False)
    check("docker.sock" in driver["HealthDescription"], f"the reason: {driver['HealthDescription']}")
    engine.start()
    wait_docker(host.agent, True)
    allocs = host.print_lines()
    host.prints_on(allocs, "the engine came back")
    host.end()


def starts(world, engine):
    """the driver is killed again and again while tasks start: in the end each allocation has one container"""
    host = Host(world, engine)
    host.agent.cli("job", "run", "-detach", world.file("print.hcl", job("print", shell(PRINT), count=8, task=PATIENT, resources="cpu = 20\n memory = 32")))
    for round_number in range(40 if world.soak else 8):
        harness.select_nothing(0.05 + 0.03 * round_number)
        for pid in programs("/plugins/docker"):
            os.kill(pid, signal.SIGKILL)
    def settled():
        found = [c["Labels"]["com.hashicorp.nomad.alloc_id"] for c in engine.containers()]
        return len(found) == 8 == len(set(found)) == len(host.running()) == len(host.agent.running("print"))
    until(settled, "one running container for each allocation", 90)
    host.end()


def with_live_restore(test):
    run = with_engine(test)
    def restored(world):
        run(world, live_restore=True)
    restored.__name__, restored.__doc__ = test.__name__, test.__doc__
    return restored


if __name__ == "__main__":
    harness.main([with_live_restore(live_restore), with_engine(plain_engine), with_engine(engine_away), with_engine(starts)])
