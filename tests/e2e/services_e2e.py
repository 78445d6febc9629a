#!/usr/bin/python3
"""Services on a dev agent: registration, checks, discovery that follows them, restarts by checks, commands in tasks."""
import json
import os
import signal
import threading
import time
import urllib.request

from harness import check, equal, main, until

SERVER = r"""
import http.server, os, pathlib, socketserver
http.server.HTTPServer.server_bind = socketserver.TCPServer.server_bind  # does not ask for its own name, which takes long where nobody answers
switch = pathlib.Path(os.environ["NOMAD_ALLOC_DIR"]) / "sick"
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        sick = self.path == "/health" and switch.exists()
        self.send_response(503 if sick else 200)
        self.end_headers()
        self.wfile.write(b"sick" if sick else (os.environ["NOMAD_ALLOC_INDEX"] + " " + self.path).encode())
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer((os.environ["NOMAD_IP_http"], int(os.environ["NOMAD_PORT_http"])), Handler).serve_forever()
"""


def job_of(world, name="web", count=1, provider='provider = "nomad"', check_extra="", service_extra="", group_extra=""):
    script = world.file("server.py", SERVER)
    return f'''
job "{name}" {{
  group "g" {{
    count = {count}
    network {{
      port "http" {{}}
    }}
    {group_extra}
    service {{
      name = "{name}-svc"
      port = "http"
      {provider}
      tags = ["index=${{NOMAD_ALLOC_INDEX}}", "dc=${{node.datacenter}}"]
      check {{
        name = "alive"
        type = "http"
        path = "/health"
        interval = "1s"
        timeout = "1s"
        {check_extra}
      }}
      {service_extra}
    }}
    restart {{
      attempts = 3
      interval = "1m"
      delay = "200ms"
      mode = "fail"
    }}
    task "t" {{
      driver = "raw_exec"
      config {{
        command = "/usr/bin/python3"
        args = ["{script}"]
      }}
      resources {{
        cpu = 20
        memory = 32
      }}
    }}
  }}
}}
'''


def run_job(agent, world, text, name="web.hcl"):
    agent.cli("job", "run", "-detach", world.file(name, text))


def instances(agent, service="web-svc", query=""):
    return agent.get(f"/v1/service/{service}{query}")


def names(agent):
    return [s["ServiceName"] for n in agent.get("/v1/services") for s in n["Services"]]


def fetch(instance, path="/"):
    with urllib.request.urlopen(f"http://{instance['Address']}:{instance['Port']}{path}", timeout=5) as reply:
        return reply.read().decode()


class Follower:
    """Follows a service by blocking queries, and notes when which allocations were listed."""

    def __init__(self, agent, service):
        self.agent, self.service, self.seen, self.ended = agent, service, [], threading.Event()
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def follow(self):
        index = 0
        while not self.ended.is_set():
            reply = self.agent.call("GET", f"/v1/service/{self.service}?index={index}&wait=1s")
            self.seen.append((time.time(), {i["AllocID"] for i in reply.json}))
            index = reply.headers["X-Nomad-Index"]

    def when(self, alloc, listed, since):
        """The first time at or after `since` that the allocation was in the list, or was not."""
        return until(lambda: next((at for at, allocs in list(self.seen) if at >= since and (alloc in allocs) == listed), None), f"{alloc} to be {'listed' if listed else 'gone'}")

    def stop(self):
        self.ended.set()
        self.thread.join()


LISTED_WITHIN_S = 2
CHECK_STAMP_S = 1  # checks tell their time in whole seconds


def check_time(agent, alloc, status):
    """When the checks of an allocation came to this status, by their own clock."""
    def found():
        checks = list(agent.get(f"/v1/client/allocation/{alloc}/checks").values())
        return checks and all(c["Status"] == status for c in checks) and max(c["Timestamp"] for c in checks)
    return until(found, f"checks of {alloc} to be {status}")


def alloc_dir(agent, alloc):
    for root, folders, _ in os.walk("/tmp"):
        if alloc in folders:
            return os.path.join(root, alloc, "alloc")
    raise AssertionError(f"no folder of allocation {alloc}")


def listed(world):
    """a service is listed with address, port and tags once its check passes, and answers there; stopping takes it away"""
    agent = world.dev_agent()
    run_job(agent, world, job_of(world, count=2))
    found = until(lambda: len(now := instances(agent)) == 2 and now, "two instances")
    equal({fetch(i) for i in found}, {"0 /", "1 /"}, "what the instances answer")
    equal(sorted(t for i in found for t in i["Tags"]), ["dc=dc1", "dc=dc1", "index=0", "index=1"], "tags")
    equal(names(agent), ["web-svc"], "the list of services")
    alloc = found[0]["AllocID"]
    equal(len(agent.get(f"/v1/allocation/{alloc}/services")), 1, "services of an allocation")
    equal(len(agent.get("/v1/job/web/services")), 2, "services of the job")
    checks = list(agent.get(f"/v1/client/allocation/{alloc}/checks").values())
    equal([(c["Check"], c["Status"], c["StatusCode"]) for c in checks], [("alive", "success", 200)], "checks")
    equal(len(instances(agent, query="?choose=1%7Ckey")), 1, "choose")
    equal(agent.call("GET", "/v1/service/web-svc?choose=x").status, 400, "a bad choose")
    agent.cli("job", "stop", "web")
    until(lambda: instances(agent) == [] and names(agent) == [], "no instance")


def without_provider(world):
    """a service without provider is served by drover itself, with no Consul anywhere"""
    agent = world.dev_agent()
    run_job(agent, world, job_of(world, provider=""))
    equal(fetch(until(lambda: instances(agent), "an instance")[0]), "0 /", "the answer")


def follows_checks(world):
    """the list follows the check within 2 s, both ways, and a blocking query sees it"""
    agent = world.dev_agent()
    run_job(agent, world, job_of(world))
    alloc = until(lambda: instances(agent), "an instance")[0]["AllocID"]
    sick = os.path.join(alloc_dir(agent, alloc), "sick")
    follower = Follower(agent, "web-svc")
    follower.when(alloc, True, 0)

    changed = time.time()
    open(sick, "w").close()
    failed = check_time(agent, alloc, "failure")
    lag = follower.when(alloc, False, changed) - failed
    check(lag <= LISTED_WITHIN_S + CHECK_STAMP_S, f"the sick instance left the list {lag:.1f} s after its check")
    equal(len(instances(agent, query="?health=any")), 1, "instances whatever their health")
    checks = list(agent.get(f"/v1/client/allocation/{alloc}/checks").values())
    equal([(c["Status"], c["StatusCode"], c["Output"]) for c in checks], [("failure", 503, "sick")], "the check")

    changed = time.time()
    os.unlink(sick)
    passed = check_time(agent, alloc, "success")
    lag = follower.when(alloc, True, changed) - passed
    check(lag <= LISTED_WITHIN_S + CHECK_STAMP_S, f"the cured instance was listed {lag:.1f} s after its check")
    follower.stop()


def killed(world):
    """a task killed from outside leaves the list at once, and is back when it answers again"""
    agent = world.dev_agent()
    run_job(agent, world, job_of(world))
    first = until(lambda: instances(agent), "an instance")[0]
    until(lambda: agent.get(f"/v1/client/allocation/{first['AllocID']}/stats")["Tasks"], "figures of the task")
    pid = next(int(p) for p in agent.get(f"/v1/client/allocation/{first['AllocID']}/stats")["Tasks"]["t"]["Pids"])
    os.kill(pid, signal.SIGKILL)
    until(lambda: agent.get(f"/v1/allocation/{first['AllocID']}")["TaskStates"]["t"]["Restarts"] == 1, "the restart")
    second = until(lambda: (now := instances(agent)) and now[0]["ModifyIndex"] > first["ModifyIndex"] and now[0], "the instance to be back")
    equal(fetch(second), "0 /", "the answer")


def restarted_by_check(world):
    """check_restart restarts a task whose check keeps failing, as its restart policy counts"""
    agent = world.dev_agent()
    run_job(agent, world, job_of(world, check_extra='check_restart {\n limit = 2\n grace = "1s"\n}'))
    alloc = until(lambda: instances(agent), "an instance")[0]["AllocID"]
    sick = os.path.join(alloc_dir(agent, alloc), "sick")
    open(sick, "w").close()
    state = lambda: agent.get(f"/v1/allocation/{alloc}")["TaskStates"]["t"]
    until(lambda: state()["Restarts"] >= 1, "the restart")
    check(any("healthcheck: check \"alive\" unhealthy" in e["DisplayMessage"] for e in state()["Events"]), f"events {state()['Events']}")
    os.unlink(sick)
    until(lambda: instances(agent), "the instance to be back")


def no_request_lost(world):
    """a rolling change of a service of two loses no request of a proxy that follows the list"""
    agent = world.dev_agent()
    run_job(agent, world, job_of(world, count=2))
    until(lambda: len(instances(agent)) == 2, "two instances")
    allocs = [a["ID"] for a in agent.running("web")]
    current, stop, lost, answered = [instances(agent)], threading.Event(), [], [0]

    def follow():
        index = 0
        while not stop.is_set():
            reply = agent.call("GET", f"/v1/service/web-svc?index={index}&wait=2s")
            index, now = reply.headers["X-Nomad-Index"], reply.json
            current[0] = now

    def ask():
        while not stop.is_set():
            for instance in list(current[0]):
                try:
                    fetch(instance)
                    answered[0] += 1
                except OSError as error:
                    lost.append((instance["AllocID"], str(error)))
            stop.wait(0.005)

    threads = [threading.Thread(target=follow), threading.Thread(target=ask)]
    for thread in threads:
        thread.start()
    for alloc in allocs:
        agent.put(f"/v1/allocation/{alloc}/stop")
        until(lambda: len(instances(agent)) == 2 and alloc not in {i["AllocID"] for i in instances(agent)}, "the replacement to be listed")
    stop.set()
    for thread in threads:
        thread.join()
    check(answered[0] >= 10, f"requests answered: {answered[0]}")
    equal(lost, [], "requests lost")


def kept_over_restart(world):
    """an agent that is killed and started again keeps its services listed"""
    agent = world.both_roles().start()
    run_job(agent, world, job_of(world))
    before = until(lambda: instances(agent), "an instance")
    agent.kill()
    agent.start()
    for _ in range(20):
        now = instances(agent)
        equal([i["ID"] for i in now], [i["ID"] for i in before], "instances after the restart")
    agent.cli("job", "stop", "-purge", "web")
    until(lambda: instances(agent) == [], "no instance")


def bad_checks(world):
    """checks without a port, of nothing, that hang, flood or redirect for ever hurt nobody"""
    agent = world.dev_agent()
    bad = job_of(world).replace('port = "http"\n      provider', "provider")
    answer = agent.cli("job", "run", "-detach", world.file("bad.hcl", bad), code=None)
    check("port" in answer, f"a check without a port is named: {answer}")

    script = world.file("evil.py", r"""
import os, socket, sys, threading
def serve(connection):
    try:
        path = connection.recv(65536).split()[1]
        if path == b"/loop":
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        elif path == b"/flood":
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                connection.sendall(b"x" * 65536)
        elif path == b"/headers":
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.sendall(b"X-A: " + b"x" * 8000 + b"\r\n")
        else:
            threading.Event().wait()
    except OSError:
        pass
    finally:
        connection.close()
listener = socket.create_server((os.environ["NOMAD_IP_http"], int(os.environ["NOMAD_PORT_http"])), backlog=100)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
""")
    checks = "".join(f'check {{\n name = "{n}"\n type = "http"\n path = "/{n}"\n interval = "1s"\n timeout = "1s"\n}}\n' for n in ("hang", "loop", "flood", "headers"))
    text = job_of(world, name="evil").replace(str(world.dir / "server.py"), str(script))
    start, end = text.index("check {"), text.index("restart {")
    run_job(agent, world, text[:start] + checks + "}\n" + text[end:], "evil.hcl")
    alloc = agent.wait_running("evil", 1)[0]["ID"]
    wanted = {"hang": "failure", "loop": "failure", "flood": "success", "headers": "failure"}
    until(lambda: {c["Check"]: c["Status"] for c in agent.get(f"/v1/client/allocation/{alloc}/checks").values()} == wanted, f"checks {wanted}", 20)
    equal(instances(agent, "evil-svc"), [], "instances of the evil service")
    check(len(agent.get(f"/v1/client/allocation/{alloc}/checks")) == 4, "the agent answers")


if __name__ == "__main__":
    main([listed, without_provider, follows_checks, killed, restarted_by_check, no_request_lost, kept_over_restart, bad_checks])
