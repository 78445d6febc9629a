#!/usr/bin/python3
"""What was answered with 200 is there after kill -9."""
import contextlib
import json
import re
import sqlite3
import threading

from harness import check, equal, main, raw_job, until

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


def simple_job(name):
    return {"Job": {"ID": name, "Datacenters": ["nowhere"], "TaskGroups": [{"Name": "g", "Tasks": [
        {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}, "Meta": {"filler": "x" * 2000}}]}]}}


def full_disk(world):
    """a full disk under the journal refuses writes with a clear message, keeps reads, and heals"""
    import subprocess
    data = world.dir / "small"
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(data)], check=True)
    agent = world.agent("small", f"""
data_dir = "{data}/d"
server {{
  enabled = true
  bootstrap_expect = 1
}}
""").start()
    for n in range(20):
        agent.put("/v1/jobs", simple_job(f"before-{n}"))
    filler = data / "filler"
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=64k"], stderr=subprocess.DEVNULL, check=False)
    acknowledged, refused = [], None
    for n in range(2000):
        answer = agent.call("PUT", "/v1/jobs", json.dumps(simple_job(f"during-{n}")))
        if answer.status == 200:
            acknowledged.append(f"during-{n}")
        else:
            refused = answer
            break
    check(refused is not None, "a write must be refused on a full disk")
    check("disk" in refused.text or "space" in refused.text or "full" in refused.text, f"the refusal names the cause: {refused.status} {refused.text}")
    check(len(agent.get("/v1/jobs")) >= 20, "reads go on")
    filler.unlink()
    until(lambda: agent.call("PUT", "/v1/jobs", json.dumps(simple_job("after"))).status == 200, "writes to work again")
    agent.kill()
    agent.start()
    there = {job["ID"] for job in agent.get("/v1/jobs")}
    check(set(acknowledged) | {"after"} <= there, "nothing acknowledged is lost")
    agent.stop()
    subprocess.run(["umount", "-l", str(data)], check=False)


def damaged_journal(world):
    """flipped bits in the journal are found and named, never served"""
    import random
    agent = world.agent("flip", f"""
data_dir = "{world.dir}/flip"
server {{
  enabled = true
  bootstrap_expect = 1
}}
""").start()
    for n in range(50):
        agent.put("/v1/jobs", simple_job(f"job-{n}"))
    agent.stop()
    files = [f for f in (world.dir / "flip").rglob("*") if f.is_file() and ("journal" in f.name or f.suffix in (".db", ".sqlite")) and f.stat().st_size > 8192]
    check(files, f"the journal's file is found in {[str(f) for f in (world.dir / 'flip').rglob('*')]}")
    journal = max(files, key=lambda f: f.stat().st_size)
    whole = journal.read_bytes()
    dice = random.Random(7)
    for _ in range(10 if world.soak else 4):
        bytes_ = bytearray(whole)
        for _ in range(8):
            bytes_[dice.randrange(4096, len(bytes_))] ^= 1 << dice.randrange(8)
        journal.write_bytes(bytes_)
        agent.start(wait=False)
        ended = until(lambda: agent.process.poll() is not None or healthy(agent), "the agent to start or to refuse")
        check(ended, "ended")
        if agent.process.poll() is None:
            there = {job["ID"]: job for job in agent.get("/v1/jobs")}
            equal(len(there), 50, "every job is there, or the agent refuses to start")
            agent.kill()
        else:
            check("journal" in agent.log()[-3000:], f"the message names the journal: {agent.log()[-600:]}")
            check(agent.process.returncode == 1, f"exit code {agent.process.returncode}")
        for extra in journal.parent.glob(journal.name + "-*"):
            extra.unlink()
    journal.write_bytes(whole)
    agent.start()
    equal(len(agent.get("/v1/jobs")), 50, "the undamaged journal")
    agent.stop()


SNAPSHOT_EVERY = 20_000  # commands


def damaged_snapshot(world):
    """flipped bits in the newest snapshot are found and named; what it held comes from the journal, or the server refuses"""
    import http.client
    agent = world.agent("snap", f"""
data_dir = "{world.dir}/snap"
server {{
  enabled = true
  bootstrap_expect = 1
}}
""").start()
    for n in range(30):
        agent.put("/v1/jobs", simple_job(f"job-{n}"))
    reached = threading.Event()

    def evaluate(job):
        connection = http.client.HTTPConnection(agent.address, agent.port)
        while not reached.is_set():
            connection.request("PUT", f"/v1/job/{job}/evaluate", json.dumps({"JobID": job}))
            if json.loads(connection.getresponse().read()).get("EvalCreateIndex", 0) > SNAPSHOT_EVERY + 50:
                reached.set()
    writers = [threading.Thread(target=evaluate, args=(f"job-{n}",)) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = lambda: sorted((world.dir / "snap").rglob("snapshot-*.drover"))
    snapshot = until(found, "a snapshot")[-1]
    agent.stop()

    whole = bytearray(snapshot.read_bytes())
    damaged = bytearray(whole)
    damaged[len(damaged) // 2] ^= 4
    snapshot.write_bytes(damaged)
    mark = len(agent.log())
    agent.start(wait=False)
    until(lambda: agent.process.poll() is not None or healthy(agent), "the agent to start or to refuse")
    check(snapshot.name in agent.log()[mark:], f"the message names the snapshot: {agent.log()[mark:][-800:]}")
    if agent.process.poll() is None:
        equal(len(agent.get("/v1/jobs")), 30, "every job is there")
        agent.stop()
    else:
        equal(agent.process.returncode, 1, "exit code")
    snapshot.write_bytes(whole)
    agent.start()
    equal(len(agent.get("/v1/jobs")), 30, "with the snapshot whole")
    agent.stop()


def damaged_agent_store(world):
    """a damaged agent store is named and kept aside; the node stays itself, and nothing runs twice"""
    import pathlib
    import random
    agent = world.both_roles().start()
    agent.cli("job", "run", "-detach", world.file("a.hcl", raw_job("a", "/bin/sleep", "4711", count=2)))
    agent.wait_running("a", 2)
    nodes = [n["ID"] for n in agent.get("/v1/nodes")]

    def sleepers():
        found = set()
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and (entry / "cmdline").read_text().startswith("/bin/sleep\x004711"):
                    found.add(int(entry.name))
        return found
    dice = random.Random(3)
    for damage in ("header", "records"):
        before = sleepers()
        equal(len(before), 2, "running tasks")
        store = next((world.dir / "both-data").rglob("agent.db"))
        files = [store, store.with_name("agent.db-wal")]
        until(lambda: any(b"4711" in file.read_bytes() for file in files if file.exists()), "the store to hold the allocations")
        agent.stop()
        with contextlib.closing(sqlite3.connect(store)) as database:  # what the log still holds would hide the damage
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        content = bytearray(store.read_bytes())
        if damage == "header":
            content[0:64] = b"x" * 64
        else:
            # Where records are, not just anywhere: what no record uses is nobody's loss.
            places = [at.start() for at in re.finditer(b"4711", content)]
            check(places, "the store holds the allocations' commands")
            for place in places:
                content[place] ^= 1 << dice.randrange(8)
        store.write_bytes(content)
        mark = len(agent.log())
        agent.start()
        log = agent.log()[mark:]
        check("damaged" in log, f"the damage is named ({damage}): {log[-600:]}")
        check(damage != "header" or "agent.db.damaged-1" in log, f"where it is kept is named: {log[-600:]}")
        until(lambda: len(sleepers()) == 2 and (sleepers() == before or not sleepers() & before), f"each task once ({damage})")
        agent.wait_running("a", 2)
        equal([n["ID"] for n in agent.get("/v1/nodes")], nodes, "the same node")
    agent.cli("job", "stop", "-purge", "a")
    until(lambda: not sleepers(), "the tasks to end")
    agent.stop()


def healthy(agent):
    try:
        return agent.call("GET", "/v1/agent/health").status == 200
    except OSError:
        return False


if __name__ == "__main__":
    main([registrations_survive, restart_keeps_state, locked_data_dir, full_disk, damaged_journal, damaged_snapshot, damaged_agent_store])
