#!/usr/bin/python3
"""An engine that breaks off in the middle of each call, and one that hangs: a proxy stands between it and the driver."""
import contextlib
import re
import socket
import threading

import harness
from docker_e2e import ONCE, docker_agent, events, job, logs, shell, with_engine
from harness import check, equal, until

PATIENT = 'restart {\n attempts = 20\n interval = "1h"\n delay = "200ms"\n mode = "fail"\n }\n reschedule {\n attempts = 0\n unlimited = false\n }'
HEAD_END = b"\r\n\r\n"


class Cut:
    """The first `times` calls that match are cut: before the engine hears of it, after it has answered, or in mid-answer."""

    def __init__(self, call, stage, times=1):
        self.call, self.stage, self.left, self.hits = re.compile(call), stage, times, 0


class Proxy:
    """Passes each request on, on a connection of its own, but for what is to be cut."""

    def __init__(self, path, target):
        self.path, self.target, self.cut, self.lock, self.calls = str(path), target, None, threading.Lock(), []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(128)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def stage_of(self, line):
        with self.lock:
            self.calls.append(line)
            if self.cut and self.cut.left > 0 and self.cut.call.search(line):
                self.cut.left -= 1
                self.cut.hits += 1
                return self.cut.stage
        return ""

    def serve(self, client):
        with contextlib.suppress(OSError), client, socket.socket(socket.AF_UNIX) as engine:
            request = b""
            while HEAD_END not in request:
                piece = client.recv(65536)
                if not piece:
                    return
                request += piece
            stage = self.stage_of(request.split(b" HTTP/", 1)[0].decode())
            if stage == "before":
                return
            engine.connect(self.target)
            head, rest = request.split(HEAD_END, 1)
            if b"upgrade:" not in head.lower():
                head += b"\r\nConnection: close"  # one request a connection
            engine.sendall(head + HEAD_END + rest)
            back = threading.Thread(target=self.pass_on, args=(client, engine), daemon=True)
            back.start()
            if stage:
                answer = engine.recv(65536)  # it was done
                client.sendall(answer[:len(answer) // 2] if stage == "middle" else b"")
                for side in (client, engine):
                    side.shutdown(socket.SHUT_RDWR)
            else:
                self.pass_on(engine, client)
            back.join(60)

    def pass_on(self, source, sink):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)


class Behind:
    """Looks like an engine to docker_agent, but is the proxy."""

    def __init__(self, proxy):
        self.socket = proxy.path


# A call of each kind, and whether a task's start makes it once.
CALLS = {
    "version": r"GET .*/version|GET /version",
    "image": r"GET .*/images/",
    "create": r"POST .*/containers/create",
    "start": r"POST .*/start$",
    "inspect": r"GET .*/containers/[0-9a-f]{64}/json",
    "wait": r"POST .*/wait",
    "logs": r"GET .*/logs",
    "remove": r"DELETE .*/containers/",
}


def ended(agent, name):
    return until(lambda: next((a for a in agent.allocs(name) if a["ClientStatus"] in ("complete", "failed")), None), f"{name} to end", 120)


@with_engine
def each_call(world, engine):
    """an engine that breaks off before, after and in the middle of each call: the task runs all the same, once, with all its lines"""
    proxy = Proxy(world.dir / "proxy.sock", engine.socket)
    agent = docker_agent(world, Behind(proxy))
    lines = "".join(f"line {i}\n" for i in range(200))
    for call, pattern in CALLS.items():
        for stage in ("before", "after", "middle"):
            name = f"{call}-{stage}"
            proxy.cut = Cut(pattern, stage, 2)
            agent.cli("job", "run", "-detach", world.file(f"{name}.hcl", job(name, shell('i=0; while [ $i -lt 200 ]; do echo "line $i"; i=$((i+1)); done; sleep 0.3; exit 3'), kind="batch", group=ONCE)))
            alloc = ended(agent, name)
            until(lambda: not engine.containers(), f"{name}: nothing is left of it", 60)
            check(proxy.cut.hits >= 1, f"{name}: no call was cut; the last ones: {proxy.calls[-20:]}")
            told = events(agent, alloc["ID"])
            check(any("Exit Code: 3" in e for e in told), f"{name}: the exit code is told: {told}")
            equal(logs(agent, alloc["ID"]), lines, f"{name}: its output")
            proxy.cut = None
            agent.cli("job", "stop", "-purge", name)


@with_engine
def longer_than_patience(world, engine):
    """an engine that breaks off each start says so in an event, costs restarts, and leaves no container that nobody knows"""
    proxy = Proxy(world.dir / "proxy.sock", engine.socket)
    agent = docker_agent(world, Behind(proxy))
    for call in ("create", "start"):
        name = f"never-{call}"
        proxy.cut = Cut(CALLS[call], "after" if call == "create" else "before", 10**6)
        agent.cli("job", "run", "-detach", world.file(f"{name}.hcl", job(name, shell("sleep 1000"), kind="batch", group=ONCE)))
        alloc = ended(agent, name)
        told = events(agent, alloc["ID"])
        check(any("docker engine" in e for e in told), f"{name}: the reason is told: {told}")
        proxy.cut = None
        until(lambda: not engine.containers(), f"{name}: its container to be removed", 60)

    agent.cli("job", "run", "-detach", world.file("good.hcl", job("good", shell("echo fine"), kind="batch", group=PATIENT)))
    equal(logs(agent, ended(agent, "good")["ID"]), "fine\n", "a task after all this")


@with_engine
def removal(world, engine):
    """a container that the engine did not remove does not stand in the way of its task's next start"""
    proxy = Proxy(world.dir / "proxy.sock", engine.socket)
    agent = docker_agent(world, Behind(proxy))
    proxy.cut = Cut(CALLS["remove"], "before")
    script = "[ -e /alloc/again ] && { echo fine; exit 0; }; touch /alloc/again; exit 1"
    agent.cli("job", "run", "-detach", world.file("again.hcl", job("again", shell(script), kind="batch", group=PATIENT)))
    alloc = ended(agent, "again")
    equal((alloc["ClientStatus"], alloc["TaskStates"]["t"]["Restarts"], logs(agent, alloc["ID"])), ("complete", 1, "fine\n"), "status, restarts and output")
    equal(proxy.cut.hits, 1, "calls that were cut")
    until(lambda: not engine.containers(), "nothing is left")


@with_engine
def commands(world, engine):
    """an engine that breaks off the calls of a command says so, with an exit code that is no success, and the task runs on"""
    proxy = Proxy(world.dir / "proxy.sock", engine.socket)
    agent = docker_agent(world, Behind(proxy))
    agent.cli("job", "run", "-detach", world.file("idle.hcl", job("idle", shell("echo ready; sleep 100000"))))
    alloc = agent.wait_running("idle", 1, 60)[0]["ID"]
    for call, pattern in {"prepare": r"POST .*/containers/.*/exec$", "run": r"POST .*/exec/.*/start"}.items():
        for stage in ("before", "after", "middle"):
            proxy.cut = Cut(pattern, stage)
            out = agent.cli("alloc", "exec", "-task", "t", alloc, "/bin/sh", "-c", "sleep 0.1; exit 0", code=1)
            check(out.strip(), f"{call} {stage}: the reason is told")
            equal(proxy.cut.hits, 1, f"{call} {stage}: calls that were cut")
    proxy.cut = None
    equal(agent.cli("alloc", "exec", "-task", "t", alloc, "/bin/echo", "fine"), "fine\n", "a command after all this")
    equal(agent.get(f"/v1/allocation/{alloc}")["TaskStates"]["t"]["Restarts"], 0, "restarts of the task")


if __name__ == "__main__":
    harness.main([each_call, longer_than_patience, removal, commands])
