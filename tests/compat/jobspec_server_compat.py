#!/usr/bin/python3
"""What a server makes of recorded job files, compared with recorded answers: parsed, canonical, validated (HTTP and
command line), stored with their defaults, and planned over an earlier version that runs. Every case must agree but for those of server_differences.txt, which are
counted; what agrees again is named, and should leave that list.

Last line: `N passed, N failed`. The recordings are looked for in ../shared, or in $DROVER_SHARED."""
import argparse
import collections
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
import harness  # noqa: E402

ANSWERS = "answers"
# What runs beside each other: answers without clients, and shares of the plans.
PARTS = (ANSWERS, "diffs/?[0-3][0-9]-*", "diffs/?[4-6][0-9]-*", "diffs/?[7-9][0-9]-*")
KINDS = ("parse", "canonical", "validate-http", "defaults")


def known_differences():
    """kind:case → why it differs"""
    known = {}
    for line in (HERE / "server_differences.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            case, _, why = line.partition(" ")
            known[case] = why.strip()
    return known


def compare(corpora, kind, *options, env=None):
    done = subprocess.run([sys.executable, str(corpora / "compare.py"), "--corpus", str(corpora), *options], capture_output=True, text=True,
                          env=dict(os.environ, **(env or {})))
    total = re.findall(r"^(\d+) passed, (\d+) failed$", done.stdout, re.M)
    if not total:
        raise SystemExit(f"compare.py gave no count for {kind}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    failures = {}
    for found in re.finditer(r"^FAIL [\w-]+ (\S+): (.*)$", done.stdout, re.M):
        failures.setdefault(f"{kind}:{found.group(1)}", found.group(2))
    return sum(map(int, total[-1])), failures


def all_answers(corpora, build):
    """counts and failures of every kind, against a server without clients, as they were recorded"""
    world = harness.World(build)
    try:
        agent = harness.Agent(world, "server", ["-config", str(world.file("server.hcl", f'data_dir = "{world.dir}/data"\nserver {{\n  enabled = true\n  bootstrap_expect = 1\n}}\n'))])
        world.agents.append(agent)
        agent.start()
        counts, failures = {}, {}
        for kind in KINDS:
            counts[kind], found = compare(corpora, kind, "--http", "http://127.0.0.1:4646", f"--{kind}")
            failures.update(found)
        counts["validate"], found = compare(corpora, "validate", "--validate-cmd", f"{world.drover} job validate {{varargs}} {{file}}", env={"NOMAD_ADDR": "http://127.0.0.1:4646"})
        failures.update(found)
        if agent.process.poll() is not None:
            raise SystemExit(f"the server ended with {agent.process.returncode}:\n{agent.log()[-3000:]}")
        return counts, failures
    finally:
        world.close()


def plans(corpora, build, only):
    """counts and failures of plans over jobs that run, with what they annotate, against an agent in both roles"""
    world = harness.World(build)
    try:
        agent = world.both_roles()
        agent.start()
        harness.until(lambda: [n for n in agent.get("/v1/nodes") if n["Status"] == "ready"], "a ready node")
        counts, failures = {}, {}
        counts["diffs"], failures = compare(corpora, "diffs", "--http", "http://127.0.0.1:4646", "--diffs", "--only", only)
        if agent.process.poll() is not None:
            raise SystemExit(f"the agent ended with {agent.process.returncode}:\n{agent.log()[-3000:]}")
        return counts, failures
    finally:
        world.close()


def in_parts(build):
    """counts and failures of all parts, each run by this script in namespaces of its own; they mostly wait"""
    with tempfile.TemporaryDirectory(prefix="drover-compat-") as folder:
        running = []
        for number, part in enumerate(PARTS):
            answer = pathlib.Path(folder) / f"{number}.json"
            argv = [sys.executable, str(pathlib.Path(__file__).resolve()), "--build", str(build), "--part", part, "--into", str(answer)]
            log = open(pathlib.Path(folder) / f"{number}.log", "w+")
            running.append((part, subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT), answer, log))
        counts, failures, broken = collections.Counter(), {}, []
        for part, process, answer, log in running:
            if process.wait() != 0 or not answer.exists():
                log.seek(0)
                broken.append(f"{part}: {log.read()[-3000:]}")
                continue
            its_counts, its_failures = json.loads(answer.read_text())
            counts.update(its_counts)
            failures.update(its_failures)
        if broken:
            raise SystemExit("\n".join(broken))
        return counts, failures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "dev")
    parser.add_argument("--soak", action="store_true", help="accepted, and the same")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--into", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help="print the list of differences instead, for server_differences.txt")
    options = parser.parse_args()
    corpora = pathlib.Path(os.environ.get("DROVER_SHARED", ROOT.parent / "shared")).resolve() / "corpora"
    if not (corpora / "compare.py").exists():
        print(f"note: not run: recorded job files are absent ({corpora}; set DROVER_SHARED)")
        print("0 passed, 0 failed")
        return 0
    build = options.build.resolve()
    if options.part:
        harness.enter_namespaces()
        options.into.write_text(json.dumps(all_answers(corpora, build) if options.part == ANSWERS else plans(corpora, build, options.part)))
        return 0
    counts, failures = in_parts(build)
    known = known_differences()
    if options.write:
        for case in sorted(failures):
            print(f"{case} {known.get(case, failures[case][:140])}")
        return 0
    wrong = [f"{case}: {why}" for case, why in sorted(failures.items()) if case not in known]
    for case in sorted(set(known) - set(failures)):
        print(f"{case}: agrees now: take it off server_differences.txt")
    for line in wrong:
        print(f"FAIL {line}")
    print("note: " + ", ".join(f"{count} {kind}" for kind, count in counts.items()) + f"; {len(set(failures) & set(known))} known differences")
    print(f"{sum(counts.values()) - len(failures)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
