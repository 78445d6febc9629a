#!/usr/bin/python3
"""Twenty tasks that print numbered lines, while the agent, the driver, drover-logs and the server are killed in turn."""
import os
import pathlib
import re
import signal

from harness import check, equal, main, raw_job, until

PRINTERS = 20
ROUNDS, SOAK_ROUNDS = 5, 50
EXIT_BASE = 40
LINES_AT_LEAST = 20

# Its first line is its pid; a trap lets it end at the end of a line.
PRINT = 'trap "exit 0" INT; echo "pid $$"; i=0; while :; do echo "line $i"; i=$((i+1)); sleep 0.005; done'
ONCE = 'restart {\n attempts = 0\n mode = "fail"\n }'


def pids_of(program):
    """Processes whose program file has this path's end; zombies have none."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(entry / "exe").removesuffix(" (deleted)").endswith(program):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


class Together:
    """Server and client in one agent process."""
    parts = {"agent": "server", "driver": None, "logs": None}

    def __init__(self, world):
        self.world = world
        self.server = self.client = world.both_roles().start()
        self.data = world.dir / "both-data"


class Apart:
    """A server and a client agent as separate processes on loopback."""
    parts = {"agent": "client", "driver": None, "logs": None, "server": "server"}

    def __init__(self, world):
        self.world = world
        self.server = world.agent("server", f'''
data_dir = "{world.dir}/server"
server {{
  enabled = true
  bootstrap_expect = 1
}}
''').start()
        self.client = world.agent("client", f'''
data_dir = "{world.dir}/client"
client {{
  enabled = true
  servers = ["127.0.0.1:4647"]
}}
ports {{
  http = 4656
}}
plugin "raw_exec" {{
  config {{ enabled = true }}
}}
''', port=4656).start()
        self.data = world.dir / "client"


class Host:
    """What runs the tasks, in either arrangement."""

    def __init__(self, roles):
        self.roles, self.world, self.server = roles, roles.world, roles.server
        until(lambda: [n["Status"] for n in self.server.get("/v1/nodes")] == ["ready"], "the node to be ready")

    def run(self, name, *script, **how):
        self.server.cli("job", "run", "-detach", self.world.file(f"{name}.hcl", raw_job(name, "/bin/sh", "-c", *script, **how)))

    def log_text(self, alloc, stream="stdout"):
        """All files of a task's output in their order, read where the collector writes them."""
        folder = self.roles.data / "alloc" / alloc / "alloc" / "logs"
        files = sorted(folder.glob(f"t.{stream}.*"), key=lambda f: int(f.suffix[1:]))
        return "".join(f.read_text() for f in files)

    def kill(self, part):
        """Kills one part with SIGKILL; gives what brings it back, or waits for it."""
        role = self.roles.parts[part]
        if role:
            agent = getattr(self.roles, role)
            agent.kill()
            return agent.start
        program = "/plugins/raw_exec" if part == "driver" else "/drover-logs"
        before = until(lambda: pids_of(program), f"a process of {program}")
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        return lambda: until(lambda: [p for p in pids_of(program) if p not in before], f"another process of {program}")


def task_state(host, alloc):
    return host.server.get(f"/v1/allocation/{alloc}")["TaskStates"]["t"]


def check_lines(text, alloc):
    """pid N, line 0, line 1, …: each once, in order, none missing."""
    lines = text.split("\n")
    equal(lines.pop(), "", f"the rest after the last line of {alloc}")
    check(re.fullmatch(r"pid \d+", lines[0]), f"the first line of {alloc}: {lines[0]!r}")
    for number, line in enumerate(lines[1:]):
        if line != f"line {number}":
            raise AssertionError(f"{alloc}: after line {number - 1} comes {line!r}, expected 'line {number}'; then {lines[number + 2:number + 5]}")
    return len(lines) - 1


def pid_in(text):
    return int(text.split("\n", 1)[0].removeprefix("pid "))


def is_printer(pid):
    """A task's main process: a child of the shell looks the same until it has become sleep, but leads no session."""
    try:
        return b"line $i" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() and os.getsid(pid) == pid
    except OSError:
        return False


def printers_alive():
    return sorted(int(e.name) for e in pathlib.Path("/proc").iterdir() if e.name.isdigit() and is_printer(int(e.name)))


def one_kill(host, part, name, code, pids):
    """Kills one part while a task ends; the printers go on, the exit is told, nothing runs twice."""
    go = host.world.dir / f"go-{name}"
    host.run(name, f'echo ready; until [ -e {go} ]; do sleep 0.01; done; exit {code}', kind="batch", task_extra=ONCE, extra="reschedule {\n attempts = 0\n unlimited = false\n }")
    alloc = host.server.wait_running(name, 1)[0]["ID"]
    until(lambda: host.log_text(alloc) == "ready\n", f"{name} to be ready")
    before = {a: len(host.log_text(a)) for a in pids}

    bring_back = host.kill(part)
    go.write_text("")
    bring_back()

    def told():
        state = task_state(host, alloc)
        return state["State"] == "dead" and [e for e in state["Events"] if e["Type"] == "Terminated"]
    terminated = until(told, f"the end of {name} to be told after {part} was killed")
    equal([e["Details"]["exit_code"] for e in terminated], [str(code)], f"exit code of {name}, while {part} was away")
    for a in pids:
        until(lambda: len(host.log_text(a)) > before[a], f"{a} to print on after {part} was killed")
    equal(printers_alive(), sorted(pids.values()), f"the processes that print, after {part} was killed")


def kill_rounds(world, arrangement):
    host = Host(arrangement(world))
    host.run("print", PRINT, count=PRINTERS, task_extra=ONCE)
    allocs = [a["ID"] for a in host.server.wait_running("print", PRINTERS)]
    for alloc in allocs:
        until(lambda: host.log_text(alloc).count("\n") >= LINES_AT_LEAST, f"{alloc} to print")
    pids = {alloc: pid_in(host.log_text(alloc)) for alloc in allocs}
    equal(printers_alive(), sorted(pids.values()), "the processes that print")

    for number in range(SOAK_ROUNDS if world.soak else ROUNDS):
        for index, part in enumerate(arrangement.parts):
            one_kill(host, part, f"exit-{number}-{part}", EXIT_BASE + index, pids)

    for alloc in allocs:
        state = task_state(host, alloc)
        equal((state["State"], state["Restarts"], state["Failed"]), ("running", 0, False), f"state of {alloc}")
    host.server.cli("job", "stop", "print")
    until(lambda: not printers_alive(), "the printers to end")
    until(lambda: all(task_state(host, a)["State"] == "dead" for a in allocs), "the ends to be told")
    total = sum(check_lines(host.log_text(alloc), alloc) for alloc in allocs)
    print(f"note: {total} lines of {PRINTERS} tasks, none lost or doubled")


def together(world):
    """kill -9 of agent, driver and drover-logs in turn: same pids, no line lost or doubled, exit codes right"""
    kill_rounds(world, Together)


def apart(world):
    """the same with the server as a process of its own, killed in its turn"""
    kill_rounds(world, Apart)


if __name__ == "__main__":
    main([together, apart])
