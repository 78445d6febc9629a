#!/usr/bin/python3
"""Containers of a real Docker engine, run by a dev agent in the same world."""
import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import engine as engines
import harness
from engine import Engine
from cli_exec_e2e import Terminal
from harness import check, equal, until
from services_e2e import CHECK_STAMP_S, LISTED_WITHIN_S, Follower, check_time

API_IMAGE = "ghcr.io/myorg/api:v2.1"
SEED = pathlib.Path(__file__).resolve().parent.parent.parent / "packaging" / "examples" / "api-service.nomad.hcl"


def with_engine(test):
    """Gives the test a world and an engine that is closed whatever happens."""
    def run(world, **how):
        problem = engines.missing()
        check(not problem, problem)
        engine = Engine(world, **how)
        try:
            engine.start()
            engine.add_image("drover-test/box:1")
            test(world, engine)
        except AssertionError as error:
            raise AssertionError(f"{error}\n--- end of the engine's log\n{engine.log()[-1500:]}").with_traceback(error.__traceback__) from None
        finally:
            for agent in world.agents:
                if agent.process and agent.process.poll() is None:
                    try:
                        agent.stop(40)
                    except (AssertionError, OSError) as error:
                        print(f"  {error}", file=sys.stderr)
            engine.close()
    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


def docker_agent(world, engine, options="", extra=""):
    config = world.file("docker.hcl", f'''
plugin "docker" {{
  config {{
    endpoint = "unix://{engine.socket}"
    {options}
  }}
}}
{extra}
''')
    agent = world.dev_agent("-config", str(config))
    wait_docker(agent, True)
    return agent


def wait_docker(agent, healthy):
    def found():
        nodes = agent.get("/v1/nodes")
        driver = nodes and nodes[0]["Drivers"].get("docker")
        return driver and driver["Healthy"] == healthy and driver
    return until(found, f"driver docker to be {'healthy' if healthy else 'unhealthy'}", 60)


def job(name, config, count=1, kind="service", group="", task="", resources="cpu = 50\n memory = 64"):
    return f'''
job "{name}" {{
  type = "{kind}"
  group "g" {{
    count = {count}
    {group}
    task "t" {{
      driver = "docker"
      config {{
        {"" if "image =" in config else 'image = "drover-test/box:1"'}
        {config}
      }}
      {task}
      resources {{
        {resources}
      }}
    }}
  }}
}}
'''


def shell(script):
    return f'command = "/bin/sh"\n args = ["-c", {json.dumps(script)}]'


ONCE = 'restart {\n attempts = 0\n mode = "fail"\n }\n reschedule {\n attempts = 0\n unlimited = false\n }'


def run(agent, world, name, *args, **how):
    agent.cli("job", "run", "-detach", world.file(f"{name}.hcl", job(name, *args, **how)))


def logs(agent, alloc, kind="stdout", task="t"):
    return agent.call("GET", f"/v1/client/fs/logs/{alloc}?task={task}&type={kind}&plain=true&origin=start").text


def events(agent, alloc, task="t"):
    state = agent.get(f"/v1/allocation/{alloc}")["TaskStates"][task]
    return [e["DisplayMessage"] for e in state["Events"]]


def ended(agent, name, seconds=harness.WAIT_S):
    """The allocation of a job that has run to its end."""
    return until(lambda: next((a for a in agent.allocs(name) if a["ClientStatus"] in ("complete", "failed")), None), f"{name} to end", seconds)


def fetch(address, port, path):
    """Status and text; None where nobody answers: the engine's proxy listens before the program behind it does."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@with_engine
def seed_job(world, engine):
    """the seed job runs three healthy containers that answer on their mapped ports; one killed from outside comes back, and the list follows"""
    engine.add_image(API_IMAGE, {"www/health": "fine\n"}, ["CMD [\"/bin/httpd\", \"-f\", \"-p\", \"8000\", \"-h\", \"/www\"]"])
    agent = docker_agent(world, engine)
    agent.cli("job", "run", "-detach", SEED)
    allocs = agent.wait_running("api-service", 3)
    for alloc in allocs:
        port = agent.get(f"/v1/allocation/{alloc['ID']}")["AllocatedResources"]["Shared"]["Ports"][0]
        until(lambda: fetch(port["HostIP"], port["Value"], "/health") == (200, "fine\n"), f"{port} answers")

        check_time(agent, alloc["ID"], "success")
    follower = Follower(agent, "api")
    for alloc in allocs:
        follower.when(alloc["ID"], True, 0)
    equal(len(agent.get("/v1/service/api")), 3, "instances of the service")

    killed = time.time()
    victim = engine.containers(label=[f"com.hashicorp.nomad.alloc_id={allocs[0]['ID']}"])[0]["Id"]
    engine.kill_container(victim)
    def again():
        found = engine.containers(label=[f"com.hashicorp.nomad.alloc_id={allocs[0]['ID']}"], status=["running"])
        return found and found[0]["Id"] != victim
    until(again, "the killed container to be restarted", 60)
    gone = follower.when(allocs[0]["ID"], False, killed)
    back = follower.when(allocs[0]["ID"], True, gone)
    lag = back - check_time(agent, allocs[0]["ID"], "success")
    check(lag <= LISTED_WITHIN_S + CHECK_STAMP_S, f"the instance was listed {lag:.1f} s after its check")
    told = events(agent, allocs[0]["ID"], "fastapi")
    check(any("Exit Code: 137" in line for line in told) and any("Task restarting" in line for line in told), f"the restart by policy is told: {told}")
    follower.stop()
    agent.cli("job", "stop", "-purge", "api-service")
    until(lambda: not engine.containers(), "no container is left")


@with_engine
def ends_and_logs(world, engine):
    """a container's exit code, output and events are told, and nothing is left of it"""
    agent = docker_agent(world, engine)
    run(agent, world, "once", shell("echo to-out; echo to-err >&2; exit 7"), kind="batch", group=ONCE)
    alloc = ended(agent, "once")["ID"]
    equal(logs(agent, alloc), "to-out\n", "stdout")
    equal(logs(agent, alloc, "stderr"), "to-err\n", "stderr")
    told = events(agent, alloc)
    check(any("Exit Code: 7" in line for line in told), f"the exit code is told: {told}")
    until(lambda: not engine.containers(), "the container is removed")


@with_engine
def driver_on_engine(world, engine):
    """the driver's own tests on a real engine: streams, exec, signals, limits, memory, recovery"""
    program = world.build / "tests" / "docker_test"
    check(program.exists(), f"{program} is not built")
    done = subprocess.run([program, "[.engine]", "-d", "yes"], env=dict(os.environ, DOCKER_HOST=f"unix://{engine.socket}"), capture_output=True, text=True, timeout=240)
    check(done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:])
    print("note: " + done.stdout.strip().splitlines()[-1])
    equal(engine.containers(), [], "containers left")


@with_engine
def much_output(world, engine):
    """twenty megabytes written at full speed are whole in the allocation's log; a log that cannot be read fails nothing"""
    agent = docker_agent(world, engine)
    line = "x" * 99
    run(agent, world, "much", shell(f"yes {line} | head -n 200000; echo end"), kind="batch", group=ONCE, task="logs {\n max_files = 10\n max_file_size = 10\n }")
    alloc = ended(agent, "much", 120)["ID"]
    wanted = f"{line}\n" * 200000 + "end\n"
    got = logs(agent, alloc)
    check(got == wanted, f"{len(got)} bytes of {len(wanted)}")
    run(agent, world, "silent", shell("echo unheard; exit 3") + '\n logging {\n type = "none"\n }', kind="batch", group=ONCE)
    told = events(agent, ended(agent, "silent")["ID"])
    check(any("Exit Code: 3" in line for line in told), f"the exit code is told: {told}")


@with_engine
def bad_input(world, engine):
    """a missing image, a taken port, refused options: each one clear event, and the agent lives"""
    agent = docker_agent(world, engine)
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    cases = {
        "missing": (dict(config="image = \"drover-test/nowhere:9\""), "Failed to pull `drover-test/nowhere:9`"),
        "taken": (dict(config=shell("sleep 1000") + "\n ports = [\"p\"]", group=f"network {{\n port \"p\" {{\n static = {port}\n }}\n}}"), "address already in use"),
        "privileged": (dict(config="privileged = true"), "privileged mode is disabled"),
        "load": (dict(config="load = \"x.tar\""), "option load is not supported yet"),
        "volume": (dict(config="volumes = [\"/etc:/x\"]"), "volumes are not enabled; cannot mount host paths"),
        "label": (dict(config="ports = [\"nope\"]"), "port \"nope\" not found"),
        "name": (dict(config="image = \"UPPER:1\""), "is no name of a repository"),
        "command": (dict(config="command = \"/no/such\""), "/no/such"),
        "unknown": (dict(config="colour = \"red\""), "colour"),
    }
    for name, (how, words) in cases.items():
        run(agent, world, f"bad-{name}", how.pop("config"), kind="batch", group=how.pop("group", "") + "\n" + ONCE, **how)
    for name, (_, words) in cases.items():
        alloc = ended(agent, f"bad-{name}", 60)
        told = events(agent, alloc["ID"])
        equal(alloc["ClientStatus"], "failed", f"status of bad-{name}")
        check(any(words in line for line in told), f"bad-{name}: {words!r} is told: {told}")
    taken.close()
    until(lambda: not engine.containers(), "no container is left")
    run(agent, world, "good", shell("echo fine"), kind="batch", group=ONCE)
    equal(logs(agent, ended(agent, "good")["ID"]), "fine\n", "a task after all this")


@with_engine
def commands(world, engine):
    """alloc exec in a container: input, both outputs and the code; on a terminal its name, size and change of size"""
    agent = docker_agent(world, engine)
    run(agent, world, "idle", shell("echo ready; sleep 100000"))
    alloc = agent.wait_running("idle", 1, 60)[0]["ID"]
    equal(agent.cli("alloc", "exec", "-t=false", "-task", "t", alloc, "/bin/sh", "-c", "cat; tty; echo err >&2; exit 5", code=5, input="hello\n"), "hello\nnot a tty\nerr\n", "without a terminal")

    class Reached:
        address = f"http://{agent.address}:{agent.port}"
    terminal = Terminal(world, Reached, "alloc", "exec", "-task", "t", alloc, "/bin/sh")
    terminal.until("# ")
    os.write(terminal.fd, b"tty; stty size\r")
    terminal.until("/dev/pts/")
    terminal.until("33 111")
    terminal.resize(40, 90)
    def resized():
        os.write(terminal.fd, b"stty size\r")
        terminal.until("stty size")
        return b"40 90" in terminal.shown
    until(resized, "the new size in the container")
    os.write(terminal.fd, b"exit 7\r")
    equal(terminal.exit_code(), 7, "the exit code of a command on a terminal")


def no_engine(world):
    """where there is no engine, the node says why, and everything else works"""
    config = world.file("docker.hcl", f'plugin "docker" {{\n config {{ endpoint = "unix://{world.dir}/nowhere.sock" }}\n}}')
    agent = world.dev_agent("-config", str(config))
    driver = until(lambda: (n := agent.get("/v1/nodes")) and n[0]["Drivers"].get("docker"), "driver docker to be told of")
    equal((driver["Detected"], driver["Healthy"]), (False, False), "detected and healthy")
    equal(driver["HealthDescription"], f"no docker engine: {world.dir}/nowhere.sock does not exist", "the reason")
    agent.cli("job", "run", "-detach", world.file("raw.hcl", harness.raw_job("raw", "/bin/sleep", "1000")))
    agent.wait_running("raw", 1)


TESTS = [seed_job, ends_and_logs, much_output, driver_on_engine, commands, bad_input, no_engine]

if __name__ == "__main__":
    harness.main(TESTS)
