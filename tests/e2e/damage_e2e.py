#!/usr/bin/python3
"""Random damage to an agent's store and to the journal's tail: what is lost is said, and tasks run on, each once."""
import contextlib
import pathlib
import random

from harness import check, equal, main, raw_job, until
from kills import pids_of

TASKS = 3
SLEEP = "471147"
STORE_ROUNDS, STORE_ROUNDS_SOAK = 8, 1500
TAIL_ROUNDS, TAIL_ROUNDS_SOAK = 4, 500
TAIL_BYTES = 8192
SLOW_S = 60
WORDS_OF_LOSS = ("damaged", "is lost", "left out", "could not be recovered", "never recorded")


class Dice:
    """Damages bytes in one of several ways; says how."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def flip(self, data, begin):
        for _ in range(self.random.randint(1, 8)):
            data[self.random.randrange(begin, len(data))] ^= 1 << self.random.randrange(8)

    def cut(self, data, begin):
        del data[self.random.randrange(begin, len(data)):]

    def wipe(self, data, begin):
        at = self.random.randrange(begin, len(data))
        length = min(self.random.choice((16, 512, 4096)), len(data) - at)
        data[at:at + length] = bytes(length)

    def scribble(self, data, begin):
        at = self.random.randrange(begin, len(data))
        length = min(self.random.choice((16, 512, 4096)), len(data) - at)
        data[at:at + length] = self.random.randbytes(length)

    def append(self, data, begin):
        data += self.random.randbytes(self.random.randint(1, 5000))

    def damage(self, path, begin=0, ways=("flip", "cut", "wipe", "scribble", "append")):
        data = bytearray(path.read_bytes())
        way = self.random.choice(ways)
        getattr(self, way)(data, min(begin, max(len(data) - 1, 0)))
        path.write_bytes(data)
        return f"{way} in {path.name}"


class Cluster:
    def __init__(self, world):
        self.world = world
        self.server = world.agent("server", f'data_dir = "{world.dir}/server"\nserver {{\n enabled = true\n bootstrap_expect = 1\n}}\n').start()
        self.client = world.agent("client", f'''
data_dir = "{world.dir}/client"
client {{
  enabled = true
  servers = ["127.0.0.1:4647"]
}}
ports {{
  http = 4656
}}
plugin "raw_exec" {{
  config {{ enabled = true }}
}}
''', port=4656).start()
        until(lambda: [n["Status"] for n in self.server.get("/v1/nodes")] == ["ready"], "the node to be ready")
        self.server.cli("job", "run", "-detach", world.file("sleep.hcl", raw_job("sleep", "/bin/sleep", SLEEP, count=TASKS)))
        self.server.wait_running("sleep", TASKS)
        self.node = self.server.get("/v1/nodes")[0]["ID"]

    def end(self):
        self.server.cli("job", "stop", "-purge", "sleep")
        until(lambda: not sleepers(), "the tasks to end", SLOW_S)
        self.client.stop()
        self.server.stop()


def sleepers():
    """The tasks' processes."""
    found = set()
    for pid in pids_of("/sleep") + pids_of("/busybox") + pids_of("/coreutils"):
        with contextlib.suppress(OSError):
            if f"\0{SLEEP}\0".encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
    return found


def damaged_store(world):
    """an agent starts after any damage to its store, as the same node; what it lost is said, and its tasks run, each once"""
    cluster, dice = Cluster(world), Dice(41)
    client, server = cluster.client, cluster.server
    store = next((world.dir / "client").rglob("agent.db"))
    rounds = STORE_ROUNDS_SOAK if world.soak else STORE_ROUNDS
    told = kept = untold = 0
    for number in range(rounds):
        before = until(lambda: len(found := sleepers()) == TASKS and found, f"{TASKS} tasks to run", SLOW_S)
        client.kill() if number % 2 else client.stop()  # a store with its log, and one without
        files = [f for f in (store, store.with_name("agent.db-wal")) if f.exists() and f.stat().st_size > 0]
        how = dice.damage(dice.random.choice(files))
        mark = len(client.log())
        client.start()
        try:
            server.wait_running("sleep", TASKS, SLOW_S)
            until(lambda: len(sleepers()) == TASKS, f"{TASKS} processes", SLOW_S)
            equal([n["ID"] for n in server.get("/v1/nodes")], [cluster.node], "the node")
            said = any(word in client.log()[mark:] for word in WORDS_OF_LOSS)
            untold += not said and sleepers() != before
        except AssertionError as error:
            raise AssertionError(f"round {number}, {how}: {error}; before {before}, now {sleepers()}; {client.log()[mark:][-1500:]}") from None
        told, kept = told + said, kept + (sleepers() == before)
        for aside in store.parent.glob("agent.db.damaged-*"):
            aside.unlink()
    print(f"note: {rounds} corruptions of the agent's store: all started, {told} losses told, {kept} times every task ran on as it was, {untold} times one was started again without a reason")
    # What changes bits so that SQLite and every checksum are content with them is not found; it is rare.
    check(untold <= max(rounds // 100, 1), f"{untold} losses of {rounds} were not told")
    cluster.end()


def damaged_tail(world):
    """after damage to the journal's tail a server serves all that was acknowledged, or says what is missing; tasks run on"""
    cluster, dice = Cluster(world), Dice(43)
    server = cluster.server
    rounds = TAIL_ROUNDS_SOAK if world.soak else TAIL_ROUNDS
    before, refused = sleepers(), 0
    for number in range(rounds):
        server.put("/v1/jobs", {"Job": {"ID": f"job-{number}", "Datacenters": ["nowhere"], "TaskGroups": [{"Name": "g", "Tasks": [
            {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}}]}]}})
        server.kill()
        journal = next((world.dir / "server").rglob("journal.db"))
        whole = {f: f.read_bytes() for f in journal.parent.iterdir() if f.is_file() and f.name != "lock"}
        log = journal.with_name("journal.db-wal")
        tail = log if log.exists() and log.stat().st_size > 0 else journal
        # Half of them as a power cut leaves it: something after the last thing that was acknowledged.
        torn = number % 2 == 0
        how = dice.damage(tail, tail.stat().st_size - TAIL_BYTES, ("append",) if torn else ("flip", "cut", "wipe", "scribble"))
        mark = len(server.log())
        server.start(wait=False)
        until(lambda: server.process.poll() is not None or healthy(server), "the server to start or to refuse", SLOW_S)
        if server.process.poll() is None:
            there = {job["ID"] for job in server.get("/v1/jobs")}
            check(f"job-{number}" in there and "sleep" in there, f"round {number}, {how}: what was acknowledged is there: {there}")
        else:
            refused += 1
            check(not torn, f"round {number}, {how}: a torn tail is no reason to refuse: {server.log()[mark:][-800:]}")
            equal(server.process.returncode, 1, "exit code")
            check("journal" in server.log()[mark:], f"round {number}, {how}: the journal is named: {server.log()[mark:][-800:]}")
            for path in journal.parent.iterdir():
                if path.is_file() and path.name != "lock":
                    path.unlink()
            for path, data in whole.items():
                path.write_bytes(data)
            server.start()
        equal(sleepers(), before, f"round {number}, {how}: the tasks' processes")
        server.call("DELETE", f"/v1/job/job-{number}?purge=true")
    print(f"note: {rounds} corruptions of the journal's tail: {rounds - refused} whole, {refused} refused with the reason, the tasks ran on")
    cluster.end()


def healthy(agent):
    try:
        return agent.call("GET", "/v1/agent/health").status == 200
    except OSError:
        return False


if __name__ == "__main__":
    main([damaged_store, damaged_tail])
