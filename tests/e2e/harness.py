"""What end-to-end tests share: a world of their own (network, mounts, processes), agents, HTTP, waiting, a census.

A test script calls `main(tests)`. Each test is a function taking a World; its docstring's first line is its name. The script
enters its own namespaces first, so that default ports are free and leaving them ends whatever was started.
"""
import argparse
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse

import census

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WAIT_S = 30
LOOK_S = 0.02
INSIDE = "DROVER_E2E_INSIDE"


def enter_namespaces():
    """Runs this script again in network, mount and pid namespaces of its own; needs root."""
    if os.environ.get(INSIDE):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        # What a shell starts in the background ignores SIGINT, and so would all that we start.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return
    if os.geteuid() != 0:
        print("end-to-end tests need root (namespaces); run ./dev test as root or with sudo")
        print("0 passed, 1 failed")
        sys.exit(1)
    env = dict(os.environ, **{INSIDE: "1"})
    argv = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, *sys.argv]
    sys.exit(subprocess.run(argv, env=env, stdin=subprocess.DEVNULL).returncode)


def until(condition, what, seconds=WAIT_S):
    """The first true value of condition(); looks again and again, fails after `seconds` naming `what`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for: {what}")
        select_nothing(LOOK_S)


def select_nothing(seconds):
    import select
    select.select([], [], [], seconds)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def equal(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, expected {wanted!r}")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.text = status, headers, body.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.text)


class Agent:
    """One drover agent process and its HTTP API."""

    def __init__(self, world, name, argv, address="127.0.0.1", port=4646, prefix=()):
        self.world, self.name, self.argv, self.address, self.port = world, name, argv, address, port
        self.prefix = list(prefix)
        self.log_path = world.dir / f"{name}.log"
        self.process = None

    def start(self, wait=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, self.world.drover, "agent", *self.argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.log()[-3000:]}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.call("GET", "/v1/agent/health").status == 200
            return False
        until(ready, f"{self.name} answers HTTP")

    def log(self):
        return self.log_path.read_text(errors="replace")

    def call(self, method, path, body=None, headers=None, timeout=30):
        connection = http.client.HTTPConnection(self.address, self.port, timeout=timeout)
        try:
            data = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
            connection.request(method, path, body=data, headers=headers or {})
            reply = connection.getresponse()
            return Answer(reply.status, dict(reply.getheaders()), reply.read())
        finally:
            connection.close()

    def get(self, path):
        answer = self.call("GET", path)
        if answer.status != 200:
            raise AssertionError(f"GET {path}: {answer.status} {answer.text[:300]}")
        return answer.json

    def put(self, path, body=None):
        answer = self.call("PUT", path, body)
        if answer.status != 200:
            raise AssertionError(f"PUT {path}: {answer.status} {answer.text[:300]}")
        return json.loads(answer.text) if answer.text.strip() else None

    def cli(self, *words, code=0, input=None):
        env = dict(os.environ, NOMAD_ADDR=f"http://{self.address}:{self.port}")
        done = subprocess.run([self.world.drover, *map(str, words)], env=env, input=input, capture_output=True, text=True, timeout=60)
        if code is not None and done.returncode != code:
            raise AssertionError(f"drover {' '.join(map(str, words))}: exit {done.returncode}, expected {code}\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def ready_node(self):
        """Its only node, which is there somewhat later than the API."""
        return until(lambda: [n for n in self.get("/v1/nodes") if n["Status"] == "ready"], "a ready node")[0]

    def allocs(self, job):
        return self.get(f"/v1/job/{urllib.parse.quote(job, safe='')}/allocations")

    def running(self, job):
        return [a for a in self.allocs(job) if a["ClientStatus"] == "running" and a["DesiredStatus"] == "run"]

    def wait_running(self, job, count, seconds=WAIT_S):
        try:
            return until(lambda: len(found) == count and found if (found := self.running(job)) is not None else None, f"{count} running allocations of {job}", seconds)
        except AssertionError as error:
            states = [(a["ID"][:8], a["DesiredStatus"], a["ClientStatus"], {t: [e["DisplayMessage"] for e in s["Events"] or []] for t, s in (a["TaskStates"] or {}).items()}) for a in self.allocs(job)]
            raise AssertionError(f"{error}; allocations: {states}") from None

    def kill(self):
        """As a power cut would: no chance to clean up."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=20):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                return self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} did not end {seconds} s after SIGINT:\n{self.log()[-2000:]}") from None
        return self.process.returncode if self.process else 0


class World:
    """A folder, the binaries, the agents of one test."""

    def __init__(self, build):
        self.build = build
        self.drover = str(build / "bin" / "drover")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="drover-e2e-"))
        self.agents = []

    def dev_agent(self, *argv):
        agent = Agent(self, "dev", ["-dev", *argv])
        self.agents.append(agent)
        return agent.start()

    def agent(self, name, config, **where):
        path = self.dir / f"{name}.hcl"
        path.write_text(config)
        agent = Agent(self, name, ["-config", str(path)], **where)
        self.agents.append(agent)
        return agent

    def both_roles(self, name="both", extra=""):
        """Server and client in one process, with a data_dir that outlives it."""
        data = self.dir / f"{name}-data"
        config = f'''
data_dir = "{data}"
server {{
  enabled = true
  bootstrap_expect = 1
}}
client {{ enabled = true }}
plugin "raw_exec" {{
  config {{ enabled = true }}
}}
{extra}
'''
        return self.agent(name, config)

    def file(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return path

    def close(self):
        for agent in self.agents:
            with contextlib.suppress(Exception):
                if agent.process and agent.process.poll() is None:
                    agent.kill()


def children_left():
    """Processes of this pid namespace other than ours and init; zombies count as gone."""
    left = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in (1, os.getpid(), os.getppid()):
            continue
        with contextlib.suppress(OSError, IndexError):
            state = (entry / "stat").read_text().rsplit(") ", 1)[1].split()[0]
            if state != "Z":
                left.append((int(entry.name), (entry / "cmdline").read_text().replace("\0", " ")[:120]))
    return left


mounts = census.mounts


def what_is_left(before):
    """Sentences about processes, mounts, network namespaces and cgroups that were not there before the first test."""
    mounts_before, namespaces_before, groups_before = before
    left = [f"process {pid}: {command}" for pid, command in children_left()]
    left += [f"mount {mount}" for mount in census.mounts() if mount not in mounts_before]
    left += [f"network namespace {name}" for name in census.network_namespaces() if name not in namespaces_before]
    # No process of ours is left: a group that cannot be removed now belongs to somebody else on this machine, whose
    # processes this pid namespace does not see.
    groups = census.remove_empty_cgroups(set(groups_before))
    return left + ([f"cgroup {name}" for name in groups] if left else [])


def kill_all_left():
    for pid, _ in children_left():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(AssertionError):
        until(lambda: not children_left(), "leftovers to end", 5)


def raw_job(name, command, *args, count=1, kind="service", extra="", task_extra="", resources="cpu = 20\n memory = 16"):
    words = ", ".join(json.dumps(a) for a in args)
    return f'''
job "{name}" {{
  type = "{kind}"
  {extra}
  group "g" {{
    count = {count}
    task "t" {{
      driver = "raw_exec"
      config {{
        command = "{command}"
        args = [{words}]
      }}
      {task_extra}
      resources {{
        {resources}
      }}
    }}
  }}
}}
'''


def story(error):
    """What failed, first things first: an error of tidying up comes after the one that it came upon."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = story(cause) + "and after that:\n" if cause else ""
    if isinstance(error, AssertionError):
        return before + f"{error}\n" + "".join(traceback.format_tb(error.__traceback__)[-2:])
    return before + "".join(traceback.format_exception(type(error), error, error.__traceback__, chain=False))


def main(tests):
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "dev")
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("only", nargs="*")
    options = parser.parse_args()
    enter_namespaces()
    # Its own mounts: nothing that a test mounts is seen outside. A private tmpfs for runtime folders.
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    passed = failed = 0
    before_all = (census.mounts(), census.network_namespaces(), census.cgroups())
    for test in tests:
        if options.only and test.__name__ not in options.only:
            continue
        name = (test.__doc__ or test.__name__).strip().splitlines()[0]
        world = World(options.build.resolve())
        world.soak = options.soak
        before = census.mounts()
        groups_before = set(census.cgroups())
        started = time.monotonic()
        try:
            test(world)
            world.close()
            passed += 1
            print(f"ok   {name} ({time.monotonic() - started:.1f} s)", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAIL {name}\n" + "\n".join("  " + line for line in story(error).splitlines()), flush=True)
            for agent in world.agents:
                with contextlib.suppress(OSError):
                    print(f"  --- last lines of {agent.name}'s log\n" + "\n".join("  " + l for l in agent.log().splitlines()[-25:]), flush=True)
            world.close()
        kill_all_left()
        # Worlds that were killed leave what agents would have removed; what cannot be removed is found at the end.
        for mount in census.mounts():
            if mount not in before:
                subprocess.run(["umount", "-l", mount], stderr=subprocess.DEVNULL)
        census.remove_empty_cgroups(groups_before)
        shutil.rmtree(world.dir, ignore_errors=True)
    left = what_is_left(before_all)
    passed, failed = (passed, failed + 1) if left else (passed + 1, failed)
    print("FAIL something is left behind:\n  " + "\n  ".join(left) if left else "ok   nothing is left behind", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
