#!/usr/bin/python3
"""One dev agent, real processes: the first hour of a user."""
import json
import os
import signal

from harness import check, children_left, equal, main, mounts, raw_job, until

EXAMPLES = __import__("pathlib").Path(__file__).resolve().parent.parent.parent / "packaging" / "examples"


def examples(world):
    """the example jobs run, write logs, and leave nothing when the agent ends"""
    before = mounts()
    agent = world.dev_agent()
    for name in ("hello", "count", "everywhere"):
        check("finished with status" in agent.cli("job", "run", EXAMPLES / f"{name}.nomad.hcl"), f"{name} was followed to its end")
    agent.wait_running("hello", 3)
    agent.wait_running("everywhere", 1)
    until(lambda: agent.get("/v1/job/count")["Status"] == "dead", "count to be dead")
    check("counted to ten" in agent.cli("logs", "count"), "the log of count")
    until(lambda: "hello number" in agent.cli("logs", "hello"), "a line of hello")
    check("running" in agent.cli("job", "status", "hello"), "job status")
    check("ready" in agent.cli("node", "status"), "node status")
    agent.cli("server", "members")
    for job in ("hello", "everywhere"):
        agent.cli("job", "stop", "-purge", job)
    equal(agent.stop(), 0, "exit code of the agent")
    until(lambda: not children_left(), "no process left behind", 10)
    equal(mounts(), before, "mounts before and after")


def ended_while_starting(world):
    """an agent that is told to end while it starts ends in order"""
    agent = world.both_roles()
    agent.start(wait=False)
    until(lambda: (world.dir / "both-data" / "server").exists(), "the agent to have begun")
    equal(agent.stop(60), 0, "exit code of the agent")


def exit_codes(world):
    """a batch task that fails is told with its exit code"""
    agent = world.dev_agent()
    job = world.file("fail.hcl", raw_job("fail", "/bin/sh", "-c", "exit 7", kind="batch", task_extra="restart {\n attempts = 0\n mode = \"fail\"\n}"))
    agent.cli("job", "run", "-detach", job)
    alloc = until(lambda: next((a for a in agent.allocs("fail") if a["ClientStatus"] == "failed"), None), "the allocation to fail")
    events = agent.get(f"/v1/allocation/{alloc['ID']}")["TaskStates"]["t"]["Events"]
    terminated = [e for e in events if e["Type"] == "Terminated"]
    check(terminated, f"a Terminated event in {[e['Type'] for e in events]}")
    equal(terminated[0]["Details"]["exit_code"], "7", "exit code")


def killed_task_restarts(world):
    """a task killed from outside is restarted by its policy"""
    agent = world.dev_agent()
    job = world.file("r.hcl", raw_job("r", "/bin/sh", "-c", "echo pid $$; exec sleep 1000", task_extra="restart {\n attempts = 3\n delay = \"100ms\"\n interval = \"1m\"\n mode = \"fail\"\n}"))
    agent.cli("job", "run", "-detach", job)
    alloc = agent.wait_running("r", 1)[0]["ID"]
    pid = int(until(lambda: agent.cli("logs", "r").split("pid ")[-1:], "the pid in the log")[0].split()[0])

    os.kill(pid, signal.SIGKILL)

    until(lambda: agent.get(f"/v1/allocation/{alloc}")["TaskStates"]["t"]["Restarts"] == 1, "one restart")
    until(lambda: agent.cli("logs", "r").count("pid ") == 2, "the second start in the log")


def why(world):
    """a job that cannot be placed says why, and runs when it is changed"""
    agent = world.dev_agent()
    text = agent.cli("job", "run", world.file("big.hcl", raw_job("big", "/bin/sleep", "1000", resources="cpu = 20\n memory = 99999999")), code=2)
    check("memory" in text, f"job run names the dimension: {text}")
    check("memory" in agent.cli("job", "why", "big"), "job why names the dimension")
    text = agent.cli("job", "run", world.file("c.hcl", raw_job("c", "/bin/sleep", "1000", extra='constraint {\n attribute = "${attr.kernel.name}"\n value = "plan9"\n}')), code=2)
    check("plan9" in text, f"job run names the constraint: {text}")


def updates(world):
    """a changed job replaces its allocations, a changed count keeps them, a stop ends them"""
    agent = world.dev_agent()
    job = world.file("u.hcl", raw_job("u", "/bin/sleep", "1000", count=2))
    agent.cli("job", "run", "-detach", job)
    first = {a["ID"] for a in agent.wait_running("u", 2)}
    job.write_text(raw_job("u", "/bin/sleep", "1000", count=3))
    agent.cli("job", "run", "-detach", job)
    check(first < {a["ID"] for a in agent.wait_running("u", 3)}, "scaling keeps what runs")
    job.write_text(raw_job("u", "/bin/sleep", "1001", count=3))
    agent.cli("job", "run", "-detach", job)
    until(lambda: len(now := agent.running("u")) == 3 and not first & {a["ID"] for a in now}, "all three replaced")
    agent.cli("job", "stop", "u")
    until(lambda: all(a["ClientStatus"] == "complete" for a in agent.allocs("u")), "all ended")
    equal(agent.get("/v1/job/u")["Status"], "dead", "status of the stopped job")


def bad_input(world):
    """bad job files and bodies give one clear message each, and nothing running is touched"""
    agent = world.dev_agent()
    agent.cli("job", "run", "-detach", world.file("ok.hcl", raw_job("ok", "/bin/sleep", "1000")))
    before = agent.wait_running("ok", 1)[0]
    cases = {
        'job "x" {': ("x.hcl", "1"),
        'job "x" {\n  frobnicate {}\n}': ("frobnicate", "2"),
        'job "x" {\n  group "g" {\n    count = "many"\n    task "t" { driver = "raw_exec" }\n  }\n}': ("count", "3"),
        'job "x" {\n  group "g" {\n    task "t" {}\n  }\n}': ("driver",),
        'job "x" {\n  group "g" {\n    count = -1\n    task "t" {\n driver = "raw_exec"\n config { command = "/bin/true" }\n }\n  }\n}': ("ount",),
    }
    for text, words in cases.items():
        said = agent.cli("job", "run", world.file("x.hcl", text), code=1)
        for word in words:
            check(word in said, f"{word!r} in the message for {text!r}: {said}")
    equal(agent.call("PUT", "/v1/jobs", "{broken").status, 400, "broken JSON")
    equal(agent.call("PUT", "/v1/jobs", "{}").status, 400, "Job missing")
    equal(agent.call("PUT", "/v1/jobs", b"x" * (33 << 20)).status, 413, "a body over the limit")
    equal(agent.call("GET", "/v1/nope").status, 404, "unknown path")
    equal(agent.call("GET", "/v1/job/none").status, 404, "unknown job")
    equal(agent.running("ok")[0]["ModifyIndex"] >= before["ModifyIndex"], True, "the running job is still there")


def doors(world):
    """foreign origins cannot write, foreign host names are refused"""
    agent = world.dev_agent()
    body = json.dumps({"Job": {"ID": "x"}})
    equal(agent.call("PUT", "/v1/jobs", body, {"Origin": "http://evil.example"}).status, 403, "a write with a foreign Origin")
    equal(agent.call("PUT", "/v1/system/gc", None, {"Sec-Fetch-Site": "cross-site"}).status, 403, "a write of another site")
    equal(agent.call("GET", "/v1/jobs", None, {"Host": "evil.example"}).status, 403, "a foreign Host")
    check("Access-Control-Allow-Origin" not in agent.call("GET", "/v1/jobs", None, {"Origin": "http://evil.example"}).headers, "no * for foreign origins")
    equal(agent.call("GET", "/v1/jobs").status, 200, "a plain read")


def second_agent(world):
    """a taken port is told in one line"""
    world.dev_agent()
    import subprocess
    done = subprocess.run([world.drover, "agent", "-dev"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    equal(done.returncode, 1, "exit code")
    check("4646" in done.stderr + done.stdout, f"the port is named: {done.stdout} {done.stderr}")


if __name__ == "__main__":
    main([examples, ended_while_starting, exit_codes, killed_task_restarts, why, updates, bad_input, doors, second_agent])
