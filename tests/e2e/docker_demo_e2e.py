#!/usr/bin/python3
"""./dev demo beside an engine that already runs: nothing of it is touched but what the demo made, and that goes."""
import json
import os
import pathlib
import subprocess
import time
import urllib.parse

import census
import harness
from docker_e2e import with_engine
from harness import check, equal

DEMO = harness.ROOT / "packaging" / "demo.py"
DEMO_S = 300
FOREIGN = "somebody-elses/app:1"


def start_foreign(engine):
    """What somebody has on his machine: a container that runs, one that has ended, a network, a volume, an image of his own."""
    engine.add_image(FOREIGN)
    equal(engine.call("POST", "/networks/create", {"Name": "his-network"})[0], 201, "a network")
    equal(engine.call("POST", "/volumes/create", {"Name": "his-volume"})[0], 201, "a volume")
    for name, words in {"his-server": ["/bin/sleep", "100000"], "his-job": ["/bin/true"]}.items():
        status, body = engine.call("POST", f"/containers/create?name={name}", {"Image": FOREIGN, "Cmd": words, "HostConfig": {"NetworkMode": "his-network"}})
        equal(status, 201, f"{name}: {body[:200]}")
        equal(engine.call("POST", f"/containers/{name}/start")[0], 204, name)
    equal(engine.call("POST", "/containers/his-job/wait")[0], 200, "his-job ends")


def foreign(engine):
    """All of it that could be changed, as the engine and the machine tell it."""
    containers = {c["Id"]: engine.get(f"/containers/{c['Id']}/json") for c in engine.containers()}
    return {
        "containers": {i: (c["Name"], c["State"], c["RestartCount"], c["Config"], c["HostConfig"], c["Mounts"]) for i, c in containers.items()},
        "images": sorted((i["Id"], i["RepoTags"]) for i in engine.get("/images/json?all=1")),
        "networks": sorted((n["Name"], n["Id"]) for n in engine.get("/networks")),
        "volumes": sorted(v["Name"] for v in engine.get("/volumes")["Volumes"] or []),
        "processes": sorted(pid for pid in engine.processes()),
        "mounts": census.mounts(),
        "interfaces": sorted(os.listdir("/sys/class/net")),
        "network namespaces": census.network_namespaces(),
        "forwarding": pathlib.Path("/proc/sys/net/ipv4/ip_forward").read_text(),
        "packet filter": subprocess.run(["iptables-save", "-t", "filter"], capture_output=True, text=True).stdout.count("\n-A "),
    }


def events_of(engine, since, until_time, ids):
    """What the engine did meanwhile to the containers of these ids."""
    query = urllib.parse.urlencode({"since": f"{since:.6f}", "until": f"{until_time:.6f}", "filters": json.dumps({"container": ids})})
    status, body = engine.call("GET", f"/events?{query}")
    equal(status, 200, "events")
    return [json.loads(line)["Action"] for line in body.splitlines() if line.strip()]


def run_demo(world, docker_host):
    env = dict(os.environ, DOCKER_HOST=docker_host)
    done = subprocess.run(["/usr/bin/python3", str(DEMO), "--build", str(world.build), "--once"], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEMO_S)
    check(done.returncode == 0, f"the demo ended with {done.returncode}: {done.stdout[-3000:]}{done.stderr[-1500:]}")
    check("another container of the same allocation answers" in done.stdout, f"the recovery is shown: {done.stdout[-2000:]}")
    return done.stdout


def beside(world, engine, docker_host, words, times):
    start_foreign(engine)
    since = time.time()
    before = foreign(engine)
    for _ in range(times):
        told = run_demo(world, docker_host)
        check(words in told, f"{words!r} is said: {told[:500]}")
        after = foreign(engine)
        for what, value in before.items():
            equal(after[what], value, f"{what} after the demo")
    # The end of his-job may be told a moment after it is seen; his-server runs on, as its state says.
    done = events_of(engine, since, time.time(), list(before["containers"]))
    equal([action for action in done if action != "die"], [], "what the engine did to foreign containers meanwhile")


@with_engine
def on_the_engine_that_runs(world, engine):
    """twice on an engine that runs: its containers, images, networks and volumes are the same before and after"""
    beside(world, engine, f"unix://{engine.socket}", "nothing on it is touched", 2)


@with_engine
def with_an_engine_of_its_own(world, engine):
    """with an engine of its own beside a foreign one: the foreign one is the same before and after"""
    beside(world, engine, f"unix://{world.dir}/nowhere.sock", "starting one for the demo", 2 if world.soak else 1)


if __name__ == "__main__":
    harness.main([on_the_engine_that_runs, with_an_engine_of_its_own])
