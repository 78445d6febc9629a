#!/usr/bin/python3
"""Measures drover beside bare baselines of the same run, and prints each figure beside its budget.

    ./dev build release && tests/bench/bench.py --build build/release

Needs root (its own namespaces). Nothing here is asserted: figures are for people; ratios hold better than times.
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness  # noqa: E402

REGISTRATIONS, SUBMISSIONS, TASKS, LAUNCHES = 200, 50, 50, 20


def row(what, value, budget):
    print(f"{what:<56} {value:>24}   budget {budget}", flush=True)


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(len(values) * q))]


def timed(work, times):
    series = []
    for n in range(times):
        started = time.perf_counter()
        work(n)
        series.append(time.perf_counter() - started)
    return series


def pss_kb(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))


def pids_of(*names):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "comm").read_text().strip() in names:
                    found.append(int(entry.name))
            except OSError:
                pass
    return found


def synced_appends(folder):
    fd = os.open(folder / "append", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def one(_):
        os.write(fd, b"x" * 512)
        os.fdatasync(fd)
    series = timed(one, REGISTRATIONS)
    os.close(fd)
    return series


def spawns():
    return timed(lambda _: os.waitpid(os.posix_spawn("/bin/true", ["/bin/true"], os.environ), 0), SUBMISSIONS)


def launches(drover):
    """From nothing to a driver that has shaken hands, taken its configuration, told its health and schema, and is ended again."""
    return timed(lambda _: subprocess.run([drover, "driver", "inspect", "raw_exec"], check=True, stdout=subprocess.DEVNULL), LAUNCHES)


def first_answer(agent):
    started = time.perf_counter()
    agent.start(wait=False)
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if agent.call("GET", "/v1/agent/health").status == 200:
                return time.perf_counter() - started
        time.sleep(0.001)


def registrations():
    """From sending the registration of a job that fits nowhere to the end of its evaluation."""
    connection = http.client.HTTPConnection("127.0.0.1", 4646)

    def one(n):
        job = {"Job": {"ID": f"reg-{n}", "Type": "batch", "Constraints": [{"LTarget": "${attr.kernel.name}", "RTarget": "none", "Operand": "="}],
                       "TaskGroups": [{"Name": "g", "Tasks": [{"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}}]}]}}
        connection.request("PUT", "/v1/jobs", json.dumps(job))
        answer = json.loads(connection.getresponse().read())
        index = answer["EvalCreateIndex"] - 1
        while True:
            connection.request("GET", f"/v1/evaluation/{answer['EvalID']}?index={index}&wait=5s")
            reply = connection.getresponse()
            index = int(reply.getheader("X-Nomad-Index"))
            if json.loads(reply.read())["Status"] != "pending":
                return
    return timed(one, REGISTRATIONS)


def submissions(agent):
    """From sending the registration to the task's first instruction: it writes the clock."""
    series = []
    for n in range(SUBMISSIONS):
        job = {"Job": {"ID": f"run-{n}", "Type": "batch", "TaskGroups": [{"Name": "g", "Tasks": [
            {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/date", "args": ["+%s%N"]}, "Resources": {"CPU": 10, "MemoryMB": 10}}]}]}}
        started = time.time_ns()
        agent.put("/v1/jobs", job)
        alloc = harness.until(lambda: next((a for a in agent.allocs(f"run-{n}") if a["ClientStatus"] == "complete"), None), "the task to end")
        text = harness.until(lambda: agent.call("GET", f"/v1/client/fs/logs/{alloc['ID']}?task=t&type=stdout&plain=true").text.strip(), "its output")
        series.append((int(text) - started) / 1e9)
        agent.call("DELETE", f"/v1/job/run-{n}?purge=true")
    return series


def measure(world):
    """figures"""
    append, spawn = synced_appends(world.dir), quantile(spawns(), 0.5)
    agent = world.both_roles()
    row("first answer of a fresh agent", f"{first_answer(agent) * 1e3:.0f} ms", "<= 100 ms")
    node = harness.until(lambda: next((n["ID"] for n in agent.get("/v1/nodes") if n["Status"] == "ready"), None), "a ready node")
    harness.until(lambda: (agent.get(f"/v1/node/{node}")["Drivers"] or {}).get("raw_exec", {}).get("Healthy"), "raw_exec")
    row("idle agent, the drover process (PSS)", f"{pss_kb(agent.process.pid) / 1024:.1f} MB", "<= 20 MB")

    row("a driver's process without tasks (raw_exec, PSS)", f"{sum(map(pss_kb, pids_of('raw_exec'))) / 1024:.1f} MB", "-")
    row("drover driver inspect: launch -> healthy -> ended, p50", f"{quantile(launches(world.drover), .5) * 1e3:.0f} ms", f"- (bare posix_spawn and wait: {spawn * 1e3:.2f} ms)")

    series = registrations()
    row("register -> evaluation complete, p50 / p99", f"{quantile(series, .5) * 1e3:.2f} / {quantile(series, .99) * 1e3:.2f} ms",
        f"p50 <= 0.3 ms over a synced append (here {quantile(append, .5) * 1e3:.2f} / {quantile(append, .99) * 1e3:.2f} ms)")
    series = submissions(agent)
    row("submit -> task running, p50 / p99", f"{quantile(series, .5) * 1e3:.1f} / {quantile(series, .99) * 1e3:.1f} ms",
        f"p50 <= 5 ms (bare posix_spawn and wait: {spawn * 1e3:.2f} ms)")

    def all_kb():
        return sum(pss_kb(pid) for pid in pids_of("drover", "drover-shim", "drover-logs", "raw_exec"))

    def run_many(name):
        agent.cli("job", "run", "-detach", world.file("many.hcl", harness.raw_job(name, "/bin/sleep", "10000", count=TASKS, resources="cpu = 1\n memory = 10")))
        agent.wait_running(name, TASKS, 60)
        return all_kb()
    few = run_many("few")  # what the first tasks bring into memory once is not theirs
    of_driver = sum(map(pss_kb, pids_of("raw_exec")))
    row(f"overhead a running task ({TASKS} more tasks, all of drover, PSS)", f"{(run_many('many') - few) / TASKS:.0f} kB", "<= 150 kB")
    row("of it in the driver's process", f"{(sum(map(pss_kb, pids_of('raw_exec'))) - of_driver) / TASKS:.0f} kB", "-")
    agent.cli("job", "stop", "-purge", "-detach", "few")
    agent.cli("job", "stop", "-purge", "-detach", "many")
    harness.until(lambda: not pids_of("drover-shim"), "the tasks to end")
    agent.stop()


def placements(build):
    """Nanoseconds a placement, from the scheduler's own benchmark."""
    program = build / "tests" / "server_scheduler_test"
    if not program.exists():
        return
    done = subprocess.run([program, "[!benchmark]", "-r", "xml", "--benchmark-samples", "20"], capture_output=True, text=True, timeout=600)
    for result in xml.etree.ElementTree.fromstring(done.stdout).iter("BenchmarkResults"):
        name, mean = result.get("name"), float(result.find("mean").get("value"))
        count = int(re.search(r"(\d+) placements", name).group(1))
        budget = "<= 1000 ns" if "plain" in name else "<= 3000 ns" if "spread" in name else "-"
        if count > 1:
            row(name, f"{mean / count:.0f} ns a placement", budget)


if __name__ == "__main__":
    if "--build" not in sys.argv:
        sys.argv += ["--build", str(harness.ROOT / "build" / "release")]
    if not os.environ.get(harness.INSIDE):
        placements(pathlib.Path(sys.argv[sys.argv.index("--build") + 1]).resolve())
    harness.main([measure])
