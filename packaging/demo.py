#!/usr/bin/python3
"""./dev demo: a dev agent, real jobs, and what to look at. Leaves nothing behind.

With a terminal it stays until Ctrl-C; without one, or with --once, it ends by itself with exit code 0.
"""
import argparse
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

sys.dont_write_bytecode = True
from demo_engine import DemoEngine  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
ADDRESS = "http://127.0.0.1:4646"
READY_S = 30
STOP_S = 20
SERVICE_S = 60
JOBS = ("hello", "count", "mixed")


def say(text):
    print(f"\033[1m==>\033[0m {text}" if sys.stdout.isatty() else f"==> {text}", flush=True)


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def get(path):
    with urllib.request.urlopen(ADDRESS + path, timeout=5) as reply:
        return json.loads(reply.read())


def answers():
    try:
        with urllib.request.urlopen(ADDRESS + "/v1/agent/health", timeout=1) as reply:
            return reply.status == 200
    except OSError:
        return False


class Demo:
    def __init__(self, build):
        self.drover = build / "bin" / "drover"
        self.agent = None
        self.log = None
        self.engine = DemoEngine(say)

    def start(self):
        if not port_is_free(4646):
            sys.exit("demo: port 4646 is taken (another agent?): stop what listens there (ss -ltnp 'sport = :4646') and run the demo again")
        if os.geteuid() != 0:
            say("not root: tasks run as you, without resource limits; everything else is the same")
        elif not any(os.access(f"/sys/fs/cgroup{part}", os.W_OK) for part in ("", "/unified", "/pids")):
            say("no writable cgroups here: tasks run without resource limits")
        env = dict(os.environ)
        if self.engine.start():
            env["DOCKER_HOST"] = f"unix://{self.engine.socket}"
        say("starting a dev agent (server and client in one, on loopback)")
        self.log = open(ROOT / "build" / "demo-agent.log", "wb")
        self.agent = subprocess.Popen([self.drover, "agent", "-dev"], env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + READY_S
        while not answers() or not self.ready_nodes():
            if self.agent.poll() is not None or time.monotonic() > deadline:
                self.log.flush()
                sys.stderr.write((ROOT / "build" / "demo-agent.log").read_text(errors="replace")[-4000:])
                sys.exit("demo: the agent did not become ready; its log is above")
            time.sleep(0.05)

    def ready_nodes(self):
        done = subprocess.run([self.drover, "node", "status", "-t", "{{range .}}{{.Status}}{{end}}"], capture_output=True, text=True)
        return "ready" in done.stdout

    def show(self, *words, check=True):
        print(f"\n$ drover {' '.join(map(str, words))}", flush=True)
        done = subprocess.run([self.drover, *words], stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise SystemExit(f"demo: drover {' '.join(map(str, words))} ended with {done.returncode}")

    def tour(self):
        examples = ROOT / "packaging" / "examples"
        say("a service: three instances of a plain process")
        self.show("job", "run", examples / "hello.nomad.hcl")
        say("a batch job: runs once and ends")
        self.show("job", "run", examples / "count.nomad.hcl")
        say("what runs where")
        self.show("job", "status")
        self.show("job", "status", "hello")
        say("what it wrote")
        self.show("logs", "count")
        self.show("logs", "-n", "3", "hello")
        self.mixed(examples)
        self.show("node", "status", "-self")

    def mixed(self, examples):
        """One job of containers and a plain process; a container is killed and comes back."""
        if self.engine.problem:
            say(f"no containers in this demo: {self.engine.problem}")
            return
        say("one job, two kinds: containers that serve, and a plain process that finds them")
        self.until(lambda: get("/v1/nodes")[0]["Drivers"].get("docker", {}).get("Healthy"), "the docker driver")
        self.show("job", "run", examples / "mixed.nomad.hcl")
        self.until(lambda: len(self.running("web")) == 2 and len(self.running("worker")) == 1, "both groups to run")
        self.show("job", "status", "mixed")
        for address in self.until(lambda: self.healthy(2), "both containers to answer"):
            print(f"\n$ curl http://{address}/\n{self.fetch(address, '/')}", end="", flush=True)

        alloc = self.running("web")[0]["ID"]
        victim = self.engine.containers(alloc)[0]["Id"]
        say(f"killing container {victim[:12]}, as a crash would")
        self.engine.kill(victim)
        self.until(lambda: [c for c in self.engine.containers(alloc) if c["Id"] != victim], "another container")
        self.until(lambda: self.healthy(2), "both containers to answer again")
        say("it is back: another container of the same allocation answers on the same port")
        self.show("alloc", "status", alloc[:8])
        self.show("logs", "-n", "3", "mixed", check=False)

    def running(self, group):
        return [a for a in get("/v1/job/mixed/allocations") if a["TaskGroup"] == group and a["ClientStatus"] == "running"]

    def healthy(self, count):
        """The addresses that answer /health: those of the service, or of the allocations' ports where none is registered."""
        found = [f"{s['Address']}:{s['Port']}" for s in get("/v1/service/mixed-web")]
        if not found:
            ports = [get(f"/v1/allocation/{a['ID']}")["AllocatedResources"]["Shared"]["Ports"][0] for a in self.running("web")]
            found = [f"{p['HostIP']}:{p['Value']}" for p in ports]
        fine = [address for address in found if self.fetch(address, "/health") == "healthy\n"]
        return fine if len(fine) == count else None

    def fetch(self, address, path):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{address}{path}", timeout=2) as reply:
            return reply.read().decode()

    def until(self, condition, what):
        deadline = time.monotonic() + SERVICE_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, LookupError):
                if value := condition():
                    return value
            time.sleep(0.1)
        self.show("job", "status", "mixed", check=False)
        raise SystemExit(f"demo: waited {SERVICE_S} s for {what}; the agent's log is build/demo-agent.log")

    def stop(self):
        try:
            self.stop_agent()
        finally:
            self.engine.stop()

    def stop_agent(self):
        if not self.agent:
            return
        say("stopping: the jobs, the agent, everything it made")
        for job in JOBS:
            subprocess.run([self.drover, "job", "stop", "-purge", "-detach", job], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.agent.send_signal(signal.SIGINT)
        try:
            self.agent.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.agent.kill()
            self.agent.wait()
        self.log.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "dev")
    parser.add_argument("--once", action="store_true", help="end after the tour")
    options = parser.parse_args()
    demo = Demo(options.build.resolve())
    try:
        demo.start()
        demo.tour()
        say(f"the agent answers at {ADDRESS}: try {demo.drover} job status, {demo.drover} logs -f hello, curl {ADDRESS}/v1/jobs")
        if sys.stdout.isatty() and not options.once:
            say("Ctrl-C ends the demo")
            signal.pause()
    except KeyboardInterrupt:
        print()
    finally:
        demo.stop()
    say("done: nothing was left behind")


if __name__ == "__main__":
    main()
