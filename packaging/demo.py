#!/usr/bin/python3
"""./dev demo: a dev agent, real jobs, and what to look at. Leaves nothing behind.

With a terminal it stays until Ctrl-C; without one, or with --once, it ends by itself with exit code 0.
"""
import argparse
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
ADDRESS = "http://127.0.0.1:4646"
READY_S = 30
STOP_S = 20


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

    def start(self):
        if not port_is_free(4646):
            sys.exit("demo: port 4646 is taken (another agent?): stop what listens there (ss -ltnp 'sport = :4646') and run the demo again")
        if os.geteuid() != 0:
            say("not root: tasks run as you, without resource limits; everything else is the same")
        elif not any(os.access(f"/sys/fs/cgroup{part}", os.W_OK) for part in ("", "/unified", "/pids")):
            say("no writable cgroups here: tasks run without resource limits")
        say("starting a dev agent (server and client in one, on loopback)")
        self.log = open(ROOT / "build" / "demo-agent.log", "wb")
        self.agent = subprocess.Popen([self.drover, "agent", "-dev"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
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
        self.show("node", "status", "-self")

    def stop(self):
        if not self.agent:
            return
        say("stopping: the jobs, the agent, everything it made")
        for job in ("hello", "count"):
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
