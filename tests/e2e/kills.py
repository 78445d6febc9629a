"""What the tests share that kill parts of drover while tasks run: who runs what, tasks that tell of each loss and each double, finding processes."""
import os
import pathlib
import re
import signal

from harness import check, equal, raw_job, until

# Its first line is its pid; a trap lets it end at the end of a line.
PRINT = 'trap "exit 0" INT; echo "pid $$"; i=0; while :; do echo "line $i"; i=$((i+1)); sleep 0.005; done'
ONCE = 'restart {\n attempts = 0\n mode = "fail"\n }'

# A second instance beside a first is told by the lock, one after another by the ledger.
LEDGERED = '''exec 9>>%(dir)s/lock; flock -n 9 || echo doubled >>%(dir)s/ledger
echo start $$ >>%(dir)s/ledger; for i in 1 2 3; do echo line $i; done
until [ -e %(dir)s/go ]; do sleep 0.01; done; for i in 4 5 6; do echo line $i; done; exit 7'''
LEDGERED_CODE = 7


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

    def __init__(self, world, extra=""):
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
{extra}
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


class Ledger:
    """A folder where one LEDGERED task writes down its starts."""

    def __init__(self, folder):
        self.dir = folder
        folder.mkdir()

    def script(self):
        return LEDGERED % {"dir": self.dir}

    def lines(self):
        path = self.dir / "ledger"
        return path.read_text().splitlines() if path.exists() else []

    def starts(self):
        return [line for line in self.lines() if line.startswith("start")]

    def go(self):
        (self.dir / "go").write_text("")

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
