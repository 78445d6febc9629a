#!/usr/bin/python3
"""What was answered with 200 is there after kill -9."""
import json
import threading

from harness import check, equal, main, until

ROUNDS, ROUNDS_SOAK = 2, 20
REGISTRATIONS = 1000
WRITERS = 4


def registrations_survive(world):
    """1,000 registrations with the server killed in the middle: every acknowledged job is there after the restart"""
    for round_number in range(ROUNDS_SOAK if world.soak else ROUNDS):
        agent = world.agent(f"server{round_number}", f'''
data_dir = "{world.dir}/data{round_number}"
server {{
  enabled = true
  bootstrap_expect = 1
}}
''').start()
        acknowledged, lock, killed = set(), threading.Lock(), threading.Event()

        def write(first):
            for n in range(first, REGISTRATIONS, WRITERS):
                job = {"ID": f"job-{n}", "Datacenters": ["nowhere"], "TaskGroups": [{"Name": "g", "Tasks": [
                    {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}}]}]}
                try:
                    if agent.call("PUT", "/v1/jobs", json.dumps({"Job": job})).status == 200:
                        with lock:
                            acknowledged.add(job["ID"])
                except OSError:
                    return
                except Exception:
                    if killed.is_set():
                        return
                    raise

        writers = [threading.Thread(target=write, args=(n,)) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        kill_at = 150 + 37 * round_number
        until(lambda: len(acknowledged) >= kill_at, f"{kill_at} registrations")
        killed.set()
        agent.kill()
        for writer in writers:
            writer.join()

        agent.start()
        there = {job["ID"] for job in agent.get("/v1/jobs")}
        check(acknowledged <= there, f"lost: {sorted(acknowledged - there)[:5]} of {len(acknowledged)}")
        agent.stop()


def restart_keeps_state(world):
    """a clean restart keeps jobs, versions and nodes"""
    agent = world.both_roles().start()
    agent.cli("job", "run", "-detach", world.file("a.hcl", __import__("harness").raw_job("a", "/bin/sleep", "1000", count=2)))
    before = {a["ID"] for a in agent.wait_running("a", 2)}
    node = agent.get("/v1/nodes")[0]["ID"]
    agent.stop()
    agent.start()
    equal({a["ID"] for a in agent.wait_running("a", 2)}, before, "the same allocations")
    equal([n["ID"] for n in agent.get("/v1/nodes")], [node], "the same node")
    agent.cli("job", "stop", "-purge", "a")
    until(lambda: not agent.running("a"), "stopped")


def locked_data_dir(world):
    """a second agent on the same data_dir is refused in one line"""
    import subprocess
    agent = world.both_roles().start()
    config = (world.dir / "both.hcl").read_text() + '\nports {\n http = 5646\n rpc = 5647\n serf = 5648\n}\n'
    other = world.file("other.hcl", config)
    done = subprocess.run([world.drover, "agent", "-config", str(other)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    equal(done.returncode, 1, "exit code")
    check("data" in done.stdout + done.stderr, f"the folder is named: {done.stdout} {done.stderr}")
    equal(agent.call("GET", "/v1/agent/health").status, 200, "the first goes on")


if __name__ == "__main__":
    main([registrations_survive, restart_keeps_state, locked_data_dir])
