#!/usr/bin/python3
"""Replays recorded HTTP exchanges against a drover dev agent and compares the answers.

Judged are the exchanges of areas that are built: http_differences.txt names the areas that are not, and single exchanges
that differ, each with the reason. A listed exchange that agrees again must leave that list; one marked with `?` depends
on the clock and may do either.

The tables of docs/compatibility.md are made from that list (--docs writes them), and the run fails when they are not.

Last line: `N passed, N failed`. The recordings are looked for in ../shared, or in $DROVER_SHARED."""
import argparse
import collections
import contextlib
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import census  # noqa: E402
import harness  # noqa: E402

WORKERS = 5  # agents at a time, each in its own namespaces; they mostly wait
PATIENCE = "0.25"
WORKER_TIMEOUT_S = 540


class Known:
    """What http_differences.txt says: areas that are not judged, and exchanges that differ."""

    def __init__(self, path):
        self.groups, self.paths, self.texts, self.steps, self.either = {}, [], [], {}, set()
        for line in path.read_text().splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            what, _, why = line.rpartition(" | ")
            kind, _, rest = what.partition(" ")
            if not what or not why:
                raise SystemExit(f"{path.name}: no reason in: {line}")
            if kind == "group":
                self.groups[rest] = why
            elif kind == "path":
                self.paths.append((re.compile(rest), why))
            elif kind == "text":
                self.texts.append((re.compile(rest), why))
            else:
                either = what.startswith("? ")
                step = what[2:] if either else what
                self.steps[step] = why
                if either:
                    self.either.add(step)

    def area(self, group, path):
        """Why an exchange is not judged; None when it is."""
        if group in self.groups:
            return self.groups[group]
        return next((why for pattern, why in self.paths if pattern.search(path)), None)


    def foreign(self, text):
        """Why a recorded text is not expected word for word; None when it is."""
        return next((why for pattern, why in self.texts if pattern.search(text)), None)

    def differs_in_words(self, row):
        """Whether an exchange differs in nothing but such a text."""
        return bool(row["differences"]) and all(kind == "text" and self.foreign(what.partition(" -> ")[0]) for kind, _, what in row["differences"])

    def expects(self, row):
        """Whether this difference is a listed one."""
        return f"{row['group']}: {row['step']}" in self.steps or self.differs_in_words(row)


DOCS = ROOT / "docs" / "compatibility.md"
DOCS_BEGIN, DOCS_END = "<!-- recorded exchanges: written by tests/compat/http_compat.py --docs -->\n", "<!-- end -->\n"


def tables(known, exchanges, texts):
    """What docs/compatibility.md says of the recorded exchanges."""
    areas, listed, total = collections.Counter(), collections.Counter(known.steps.values()), 0
    for group, steps in exchanges.items():
        for step, asked in steps.items():
            total += 1
            area = known.area(group, asked)
            areas[area] += 1
            words = known.foreign(texts.get(f"{group}: {step}", ""))
            if area is None and words and f"{group}: {step}" not in known.steps:
                listed[words] += 1
    judged = areas.pop(None)
    rows = lambda counter: "".join(f"| {count} | {why} |\n" for why, count in sorted(counter.items(), key=lambda item: (-item[1], item[0])))
    return (f"Of {total} recorded exchanges {judged} are judged; {sum(listed.values())} of them are listed as different:\n\n"
            f"| exchanges | why they differ |\n|---|---|\n{rows(listed)}\n| exchanges | why they are not judged |\n|---|---|\n{rows(areas)}")


def check_docs(known, exchanges, texts, write):
    """Whether the tables are what the list says."""
    head, begin, rest = DOCS.read_text().partition(DOCS_BEGIN)
    found, end, tail = rest.partition(DOCS_END)
    wanted = tables(known, exchanges, texts)
    if write and begin and end:
        DOCS.write_text(head + begin + wanted + end + tail)
        return True
    return found == wanted


def recorded(shared):
    """group → {step: method and path}, and "group: step" → the text that was answered"""
    groups, texts = {}, {}
    for file in sorted((shared / "recordings" / "http" / "open").glob("*.json")):
        if file.name == "index.json":
            continue
        whole = json.loads(file.read_text())
        groups[whole["group"]] = {x["step"]: f"{x['request'].get('method', '')} {x['request'].get('path', '')}" for x in whole["exchanges"]}
        texts.update({f"{whole['group']}: {x['step']}": x["response"].get("text") or "" for x in whole["exchanges"]})
    return groups, texts


def prime(agent):
    """The agent of the recordings had seen a service come and go before: its tables are empty, not new."""
    service = {"Name": "before", "PortLabel": "p", "Provider": "nomad"}
    task = {"Name": "main", "Driver": "raw_exec", "Config": {"command": "/bin/sleep", "args": ["600"]}, "Resources": {"CPU": 20, "MemoryMB": 16}}
    job = {"ID": "before", "Name": "before", "Type": "service", "Datacenters": ["dc1"],
           "TaskGroups": [{"Name": "g", "Count": 1, "Networks": [{"DynamicPorts": [{"Label": "p"}]}], "Services": [service], "Tasks": [task]}]}
    agent.put("/v1/jobs", {"Job": job})
    harness.until(lambda: agent.get("/v1/service/before"), "the service is listed")
    agent.call("DELETE", "/v1/job/before?purge=true")
    harness.until(lambda: not agent.get("/v1/service/before"), "the service is gone")


def work(options, shared):
    """In its own namespaces: one agent, some groups, a report."""
    harness.enter_namespaces()
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    groups_before = set(census.cgroups())
    world = harness.World(pathlib.Path(options.build).resolve())
    spec = importlib.util.spec_from_file_location("recording_agent", shared / "recordings" / "agent.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = world.dir / "agent.json"
    (world.dir / "base").mkdir()
    config.write_text(json.dumps(module.config("open", None, str(world.dir / "base"))))
    agent = harness.Agent(world, "dev", ["-dev", "-config", str(config)])
    world.agents.append(agent)
    try:
        agent.start()
        harness.until(lambda: any(n["Status"] == "ready" for n in agent.get("/v1/nodes")), "the node is ready")
        prime(agent)
        done = subprocess.run([sys.executable, str(shared / "recordings" / "compare.py"), "--addr", "http://127.0.0.1:4646", "--mode", "open", "--quiet",
                               "--patience", PATIENCE, "--only", options.groups, "--report", options.report], capture_output=True, text=True)
        if not pathlib.Path(options.report).exists():
            raise SystemExit(f"compare.py gave no report:\n{done.stdout[-1500:]}{done.stderr[-1500:]}\n{agent.log()[-1500:]}")
        if agent.process.poll() is not None:
            raise SystemExit(f"the agent ended with {agent.process.returncode}:\n{agent.log()[-3000:]}")
    finally:
        with contextlib.suppress(AssertionError):
            agent.stop()
        world.close()
        harness.kill_all_left()
        census.remove_empty_cgroups(groups_before)


# How long a group takes, in seconds, where it is long: so that workers end at about the same time.
LONG = {"alloc-life": 50, "events": 39, "fs": 28, "services": 15, "deployments": 11, "node-pools": 11, "metrics": 10, "z-node-purge": 9, "monitor": 9, "exec": 9,
        "jobs-versions": 8, "nodes": 7, "jobs-statuses": 7, "drain": 7}


def shares(groups):
    """The groups for each worker; what purges the node comes last."""
    parts = [[0, []] for _ in range(WORKERS)]
    for group in sorted(groups, key=lambda g: -LONG.get(g, 2)):
        part = min(parts)
        part[0] += LONG.get(group, 2)
        part[1].append(group)
    return [sorted(part, key=lambda g: g == "z-node-purge") for _, part in parts if part]


def replay(options, groups):
    """[{group, step, equal, differences}] of all groups; None for a worker that failed."""
    with tempfile.TemporaryDirectory(prefix="drover-compat-") as folder:
        running = []
        for number, part in enumerate(shares(groups)):
            report = pathlib.Path(folder) / f"{number}.json"
            argv = [sys.executable, __file__, "--build", str(options.build), "--groups", ",".join(part), "--report", str(report)]
            log = open(pathlib.Path(folder) / f"{number}.log", "w+")
            running.append((subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT), report, log))
        rows = []
        for process, report, log in running:
            try:
                process.wait(WORKER_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if not report.exists():
                log.seek(0)
                print(log.read()[-3000:])
                return None
            rows += json.loads(report.read_text())
        return rows


def explain(row):
    return "; ".join(f"{kind} {where.replace('/response', '', 1)} {what}" for kind, where, what in row["differences"][:3])[:300]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build" / "dev"))
    parser.add_argument("--soak", action="store_true", help="accepted, and the same")
    parser.add_argument("--groups", help="only these, comma separated")
    parser.add_argument("--report", help="(a worker writes its differences there)")
    parser.add_argument("--docs", action="store_true", help="write the tables of docs/compatibility.md, and run nothing")
    parser.add_argument("--write", action="store_true", help="print a line for each exchange that differs, for http_differences.txt")
    options = parser.parse_args()
    shared = pathlib.Path(os.environ.get("DROVER_SHARED", ROOT.parent / "shared")).resolve()
    if not (shared / "recordings" / "compare.py").exists():
        print(f"note: not run: recorded HTTP exchanges are absent ({shared / 'recordings'}; set DROVER_SHARED)")
        print("0 passed, 0 failed")
        return 0
    if options.report:
        return work(options, shared)

    known = Known(HERE / "http_differences.txt")
    exchanges, texts = recorded(shared)
    if options.docs:
        return 0 if check_docs(known, exchanges, texts, True) else 1
    wanted = [g for g in exchanges if (options.groups is None or g in options.groups.split(",")) and g not in known.groups]
    rows = replay(options, wanted)
    if rows is None:
        print("0 passed, 1 failed")
        return 1
    judged = lambda row: known.area(row["group"], exchanges[row["group"]][row["step"]]) is None
    name = lambda row: f"{row['group']}: {row['step']}"
    rows = [row for row in rows if judged(row)]
    suspects = sorted({row["group"] for row in rows if not row["equal"] and not known.expects(row)})
    if suspects and not options.write:  # once more, on fresh agents, before it is believed
        again = {name(row): row for row in replay(options, suspects) or []}
        rows = [again.get(name(row), row) if not row["equal"] and not known.expects(row) else row for row in rows]

    agreed = sum(row["equal"] for row in rows)
    either = [name(row) for row in rows if row["equal"] and name(row) in known.either]
    if either:
        print(f"note: {len(either)} exchanges listed with ? agree this time, the first: {', '.join(either[:3])}")
    failed = 0
    for row in rows:
        if not row["equal"] and not known.expects(row):
            failed += 1
            print(f"{name(row)} | {explain(row)}" if options.write else f"FAIL {name(row)}: {explain(row)}")
        elif row["equal"] and name(row) in known.steps and name(row) not in known.either:
            failed += 1
            print(f"FAIL {name(row)}: agrees now: take it off http_differences.txt")
    if not check_docs(known, exchanges, texts, False):
        failed += 1
        print("FAIL docs/compatibility.md: its tables are not those of http_differences.txt: run http_compat.py --docs")
    total = sum(len(steps) for steps in exchanges.values())
    words = sum(known.differs_in_words(row) and name(row) not in known.steps for row in rows)
    share = 100 * (agreed + words) / len(rows) if rows else 0
    print(f"note: {agreed} of {len(rows)} recorded HTTP exchanges of areas built agree, {words} more in all but words that are another program's own "
          f"({share:.1f} %); {total - len(rows)} of {total} are of areas not built or need docker, exec or java")
    print(f"{agreed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
