#!/usr/bin/python3
"""Updates of a service under load: rolling, with canaries, back from a bad version; and moves by drain, scaling and node loss.

The load goes through a small balancer of the test, which follows `/v1/service/web` as any proxy would. A request that finds
no answer is lost, and none may be."""
import contextlib
import http.client
import itertools
import json
import re
import socket
import threading
import time

from cluster_e2e import ONE, TWO, Cluster
from harness import check, equal, main, until

SLOW_S = 300  # what takes seconds here may take minutes on a slow machine
RATE = 200    # requests a second, as far as the machine allows
LOADERS = 8

SERVER = r"""
import os, socket, sys, threading
answer = sys.argv[1].encode()
def serve(peer):
    with peer:
        asked = b""
        while b"\r\n\r\n" not in asked:
            piece = peer.recv(4096)
            if not piece:
                return
            asked += piece
        peer.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
door = socket.create_server((os.environ["NOMAD_IP_http"], int(os.environ["NOMAD_PORT_http"])), backlog=256)
while True:
    threading.Thread(target=serve, args=(door.accept()[0],), daemon=True).start()
"""


def web(world, version, count=3, update="", command="/usr/bin/python3", group=""):
    script = world.file("server.py", SERVER)
    return world.file("web.hcl", f'''
job "web" {{
  group "g" {{
    count = {count}
    shutdown_delay = "3s"
    network {{
      port "http" {{}}
    }}
    update {{
      min_healthy_time = "1s"
      healthy_deadline = "8m"
      progress_deadline = "10m"
      {update}
    }}
    restart {{
      attempts = 0
      interval = "30m"
      mode = "fail"
    }}
    reschedule {{
      attempts = 0
      unlimited = false
    }}
    {group}
    service {{
      name = "web"
      port = "http"
      provider = "nomad"
      check {{
        type = "http"
        path = "/"
        interval = "1s"
        timeout = "30s"
      }}
    }}
    task "t" {{
      driver = "raw_exec"
      config {{
        command = "{command}"
        args = ["-S", "-I", "{script}", "{version}"]
      }}
      resources {{
        cpu = 20
        memory = 16
      }}
    }}
  }}
}}
''')


class Balancer:
    """Knows where the service is, from a blocking query; asks its instances in turn."""

    def __init__(self, agent, tries):
        self.agent, self.tries = agent, tries
        self.places, self.index, self.turn = [], 0, itertools.count()
        self.ends = threading.Event()
        self.follower = threading.Thread(target=self.follow, daemon=True)
        self.follower.start()

    def follow(self):
        while not self.ends.is_set():
            try:
                answer = self.agent.call("GET", f"/v1/service/web?index={self.index}&wait=5s", timeout=60)
                self.places = [(one["Address"], one["Port"]) for one in answer.json]
                self.index = int(answer.headers["X-Nomad-Index"])
            except (OSError, http.client.HTTPException):
                self.ends.wait(0.1)

    def ask(self):
        """What an instance answers, or an exception when as many as may be tried do not."""
        for left in reversed(range(self.tries)):
            places = self.places
            place = places[next(self.turn) % len(places)] if places else None
            try:
                if not place:
                    raise OSError("no instance is listed")
                with socket.create_connection(place, timeout=30) as peer:
                    peer.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
                    said = b""
                    while piece := peer.recv(4096):
                        said += piece
                if not said.startswith(b"HTTP/1.1 200"):
                    raise OSError(f"answered {said[:60]!r}")
                return said.rpartition(b"\r\n\r\n")[2].decode()
            except OSError as error:
                if not left:
                    raise OSError(f"{place}: {error}") from None
        raise AssertionError("unreachable")


class Load:
    """Steady requests until it is ended; what was answered, and what was lost."""

    def __init__(self, agent, tries=1):
        self.answers, self.lost, self.lock = {}, [], threading.Lock()
        self.balancer = Balancer(agent, tries)
        until(lambda: self.balancer.places, "the service is listed", SLOW_S)
        self.ends = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(LOADERS)]
        for thread in self.threads:
            thread.start()

    def run(self):
        at = time.monotonic()
        while not self.ends.wait(max(0.0, at - time.monotonic())):
            at = max(at + LOADERS / RATE, time.monotonic() - 1)
            try:
                said = self.balancer.ask()
                with self.lock:
                    self.answers[said] = self.answers.get(said, 0) + 1
            except OSError as error:
                self.lost.append(str(error))

    def seen(self, version):
        return self.answers.get(version, 0)

    def end(self):
        self.ends.set()
        self.balancer.ends.set()
        for thread in [*self.threads, self.balancer.follower]:
            thread.join(90)
        total = sum(self.answers.values())
        check(total > 100, f"too few requests were answered: {total}; lost: {self.lost[:3]}")
        equal(self.lost[:5], [], f"requests lost, of {total}")
        return total


@contextlib.contextmanager
def load(agent, tries=1):
    one = Load(agent, tries)
    yield one
    one.end()


def deployment(agent, version):
    """The deployment of that version of the job; {} while there is none."""
    return next((d for d in agent.get("/v1/job/web/deployments") if d["JobVersion"] == version), {})


def wait_deployment(agent, version, status="successful"):
    def looks():
        found = deployment(agent, version)
        over = found.get("Status") in ("successful", "failed", "cancelled")
        if over and found["Status"] != status:
            raise AssertionError(f"the deployment of version {version} is {found['Status']}: {found['StatusDescription']}")
        return found if found.get("Status") == status else None
    return until(looks, f"the deployment of version {version} to be {status}", SLOW_S)


def run(agent, file, version):
    agent.cli("job", "run", "-detach", file)
    return until(lambda: deployment(agent, version), f"a deployment of version {version}", SLOW_S)


def rolling(world):
    """a rolling update of ten, two at a time, under steady requests loses none of them"""
    agent = world.dev_agent()
    two = "max_parallel = 2"
    run(agent, web(world, "one", 10, two), 0)
    wait_deployment(agent, 0)
    with load(agent) as requests:
        until(lambda: requests.seen("one") > 100, "requests to be answered", SLOW_S)
        run(agent, web(world, "two", 10, two), 1)

        def done():
            found = deployment(agent, 1)
            group = found["TaskGroups"]["g"]
            unproven = group["PlacedAllocs"] - group["HealthyAllocs"]
            check(unproven <= 2, f"{unproven} new allocations at once are not known to be healthy")
            check(found["Status"] in ("running", "successful"), f"the deployment: {found['Status']}: {found['StatusDescription']}")
            return found["Status"] == "successful"
        until(done, "the update to be done", SLOW_S)
        check(requests.seen("two") > 0, "the new version answers")
        until(lambda: len(agent.get("/v1/service/web")) == 10, "ten instances are listed", SLOW_S)
    equal({a["JobVersion"] for a in agent.running("web")}, {1}, "versions that run")
    check(agent.get("/v1/job/web")["Stable"], "the version is stable")


def reverts(world):
    """a version that does not work goes back to the last one that did, and no request is lost"""
    agent = world.dev_agent()
    reverting = "max_parallel = 1\n auto_revert = true"
    run(agent, web(world, "good", 3, reverting), 0)
    wait_deployment(agent, 0)
    with load(agent) as requests:
        failed = run(agent, web(world, "bad", 3, reverting, command="/bin/false"), 1)
        failed = wait_deployment(agent, 1, "failed")
        equal(failed["StatusDescription"], "Failed due to unhealthy allocations - rolling back to job version 0", "why it failed")
        wait_deployment(agent, 2)
        until(lambda: len(agent.get("/v1/service/web")) == 3, "three instances are listed", SLOW_S)
        equal(set(requests.answers), {"good"}, "who answered")
    text = agent.cli("deployment", "status", "-monitor", failed["ID"])
    check("rolling back to job version 0" in text and deployment(agent, 2)["ID"][:8] in text, f"the way back is shown: {text}")


def canaries(world):
    """canaries take over when they are promoted by hand, and by themselves where they may"""
    agent = world.dev_agent()
    run(agent, web(world, "one", 3, "max_parallel = 1"), 0)
    wait_deployment(agent, 0)
    with load(agent) as requests:
        by_hand = run(agent, web(world, "two", 3, "max_parallel = 1\n canary = 1"), 1)["ID"]
        until(lambda: deployment(agent, 1)["TaskGroups"]["g"]["HealthyAllocs"] == 1, "a healthy canary", SLOW_S)
        equal(len(agent.running("web")), 4, "three and a canary")
        equal(deployment(agent, 1)["StatusDescription"], "Deployment is running but requires manual promotion", "what it waits for")
        check("requires manual promotion" in agent.cli("deployment", "status", by_hand), "deployment status tells of it")
        until(lambda: requests.seen("two") > 0, "the canary answers", SLOW_S)
        agent.cli("deployment", "promote", "-detach", by_hand)
        wait_deployment(agent, 1)
        equal([a["JobVersion"] for a in agent.wait_running("web", 3, SLOW_S)], [1, 1, 1], "versions after the promotion")

        run(agent, web(world, "three", 3, "max_parallel = 1\n canary = 2\n auto_promote = true"), 2)
        found = wait_deployment(agent, 2)
        check(found["TaskGroups"]["g"]["Promoted"], "it has promoted itself")
        equal([a["JobVersion"] for a in agent.wait_running("web", 3, SLOW_S)], [2, 2, 2], "versions after the next one")


def by_command(world):
    """a deployment is listed, paused, resumed and failed by commands, and the event stream tells of it"""
    agent = world.dev_agent()
    manual = 'max_parallel = 1\n health_check = "manual"'

    def new_allocs():
        return [a for a in agent.running("web") if a["JobVersion"] == 1]

    def say_healthy(id, alloc):
        said = agent.put(f"/v1/deployment/allocation-health/{id}", {"DeploymentID": id, "HealthyAllocationIDs": [alloc]})
        until(lambda: agent.get(f"/v1/evaluation/{said['EvalID']}")["Status"] == "complete", "the evaluation of it", SLOW_S)

    first = run(agent, web(world, "one", 2, manual), 0)["ID"]
    for alloc in agent.wait_running("web", 2, SLOW_S):
        say_healthy(first, alloc["ID"])
    wait_deployment(agent, 0)
    id = run(agent, web(world, "two", 2, manual), 1)["ID"]
    (alloc,) = until(new_allocs, "the first new allocation", SLOW_S)
    check(re.search(rf"^{id[:8]} +web +1 +running", agent.cli("deployment", "list"), re.M), "the list shows it")

    agent.cli("deployment", "pause", id)
    say_healthy(id, alloc["ID"])
    equal(len(new_allocs()), 1, "new allocations while it is paused")
    check("paused" in agent.cli("deployment", "status", id), "its status")
    agent.cli("deployment", "resume", "-detach", id)
    until(lambda: len(new_allocs()) == 2, "the second new allocation", SLOW_S)

    agent.cli("deployment", "fail", "-detach", id)
    equal(deployment(agent, 1)["StatusDescription"], "Deployment marked as failed", "its end")
    check("can't fail terminal deployment" in agent.cli("deployment", "fail", id, code=1), "it cannot fail twice")
    connection = http.client.HTTPConnection(agent.address, agent.port, timeout=60)
    connection.request("GET", f"/v1/event/stream?topic=Deployment:{id}&index=0")
    stream = connection.getresponse()
    told = ""
    while "Deployment marked as failed" not in told:
        line = stream.readline().decode()
        check(line, f"the event stream ended early: {told[-300:]}")
        told += line
    connection.close()
    types = {event["Type"] for line in told.splitlines() for event in json.loads(line).get("Events") or []}
    check({"PlanResult", "DeploymentStatusUpdate", "DeploymentAllocHealth"} <= types, f"types of events: {types}")


def moves(world):
    """a service that is drained, scaled down, and loses a machine keeps answering"""
    cluster = Cluster(world)
    agents = {"one": cluster.machine("one", ONE), "two": cluster.machine("two", TWO)}
    server = cluster.server
    until(lambda: [n["Status"] for n in cluster.nodes().values()] == ["ready", "ready"], "two ready nodes", SLOW_S)
    spread = '''
    migrate {
      max_parallel = 1
      min_healthy_time = "1s"
      healthy_deadline = "8m"
    }
    spread {
      attribute = "${node.unique.id}"
    }
'''

    def where():
        names = {n["ID"]: name for name, n in cluster.nodes().items()}
        return sorted(names[a["NodeID"]] for a in server.running("web"))

    run(server, web(world, "one", 2, "max_parallel = 1", group=spread), 0)
    wait_deployment(server, 0)
    equal(where(), ["one", "two"], "one on each")
    with load(server) as requests:
        server.cli("node", "drain", "-enable", "-yes", "-detach", "-deadline", "1h", cluster.nodes()["one"]["ID"])
        until(lambda: where() == ["two", "two"], "both on node two", SLOW_S)
        until(lambda: not cluster.nodes()["one"]["Drain"], "the drain to be done", SLOW_S)
        until(lambda: len(server.get("/v1/service/web")) == 2, "two instances are listed", SLOW_S)

        server.cli("node", "eligibility", "-enable", cluster.nodes()["one"]["ID"])
        run(server, web(world, "one", 4, "max_parallel = 1", group=spread), 1)
        wait_deployment(server, 1)
        equal(where(), ["one", "one", "two", "two"], "two on each")
        run(server, web(world, "one", 2, "max_parallel = 1", group=spread), 2)
        wait_deployment(server, 2)
        until(lambda: len(server.running("web")) == 2 and len(server.get("/v1/service/web")) == 2, "two are left", SLOW_S)
        total = sum(requests.answers.values())
    check(total > 0, "requests were answered meanwhile")

    run(server, web(world, "one", 4, "max_parallel = 1", group=spread), 3)
    wait_deployment(server, 3)
    check("one" in where() and "two" in where(), "some on each")
    with load(server, tries=8):  # a request to a machine that dies is asked of another: nobody could have known
        agents["two"].kill()
        until(lambda: cluster.nodes()["two"]["Status"] == "down", "node two to be down", SLOW_S)
        until(lambda: where() == ["one"] * 4 and len(server.get("/v1/service/web")) == 4, "all four on node one", SLOW_S)


if __name__ == "__main__":
    main([rolling, reverts, canaries, by_command, moves])
