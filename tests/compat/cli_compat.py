#!/usr/bin/python3
"""Compares command lines with recorded ones: exit code, standard output and standard error of each must agree, but for those of
cli_differences.txt, which are counted and named. What that list still excuses though it agrees is noted.

What is compared away, because it cannot agree: the program's name, and the hint to a page of the web interface.
Last line: `N passed, N failed`. The recordings are looked for in ../shared, or in $DROVER_SHARED; they need root (namespaces)."""
import argparse
import contextlib
import fnmatch
import io
import json
import os
import pathlib
import re
import sys
import types

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402

GROUPS = ("basic", "job", "job-batch", "alloc", "eval", "node", "state", "terminal")  # those that have something built
HINT = re.compile(r"^==> .* in the Web UI: ")
PATIENCE = 0.2  # of the recorded waits: what is built answers at once


def known_differences():
    """[(pattern of "group: step", reason)]"""
    rows = []
    for line in (HERE / "cli_differences.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            case, _, why = line.partition(" | ")
            rows.append((case.strip(), why.strip()))
    return rows


def without_hint(lines):
    """Output without the hint and the blank lines before it."""
    if not isinstance(lines, list):
        return lines
    kept = [x for x in lines if not (isinstance(x, str) and HINT.match(x))]
    if len(kept) != len(lines):
        while kept and kept[-1] == "":
            kept.pop()
    return kept


def named_alike(value):
    if isinstance(value, str):
        return re.sub(r"(?<![\w/.-])drover(?= )", "nomad", value)
    if isinstance(value, list):
        return [named_alike(x) for x in value]
    return value


def prepared(exchanges):
    for exchange in exchanges:
        response = exchange["response"]
        for stream in ("stdout", "stderr"):
            if stream in response:
                response[stream] = named_alike(without_hint(response[stream]))
    return exchanges


def replay(drover, shared, groups):
    """The recorded groups and what drover answered."""
    sys.path.insert(0, str(shared))
    import agent as recorded_agent  # noqa: E402
    import record  # noqa: E402
    from rec import cli, merge  # noqa: E402
    import scen  # noqa: E402,F401
    _, wanted = merge.load(str(shared / "cli"), "open")
    started = recorded_agent.Agent(drover, "open")
    try:
        if not wait_ready(started):
            log = pathlib.Path(started.logfile).read_text(errors="replace")
            raise SystemExit(f"the agent did not become ready:\n{log[-3000:]}\n0 passed, 1 failed")
        options = types.SimpleNamespace(mode="open", only=",".join(groups), cli_cmd=drover, patience=PATIENCE, quiet=True, verbose=0)
        found = cli.run(record.session(started.addr, options), options)["groups"]
    finally:
        started.stop()
    return {g: rows for g, rows in wanted.items() if g in groups}, found


def wait_ready(started):
    import urllib.request

    def ready():
        if started.proc.poll() is not None:
            return False
        with contextlib.suppress(OSError, ValueError):
            with urllib.request.urlopen(started.addr + "/v1/nodes", timeout=5) as reply:
                return any(n["Status"] == "ready" for n in json.load(reply))
        return False
    with contextlib.suppress(AssertionError):
        return harness.until(ready, "a ready node")
    return False


def compare(wanted, found, only):
    import compare as recorded_compare  # noqa: E402  (of the recordings)
    for rows in wanted.values():
        prepared(rows)
    for entry in found.values():
        prepared(entry["exchanges"])
    report, tally = [], {"passed": 0, "failed": 0, "skipped": 0, "groups": []}
    with contextlib.redirect_stdout(io.StringIO()):
        recorded_compare.compare_groups(wanted, found, set(), 0, tally, only, report)
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=str(ROOT / "build" / "dev"))
    parser.add_argument("--soak", action="store_true", help="accepted, and the same")
    parser.add_argument("--write", action="store_true", help="print the differences that are not in the list, for it")
    parser.add_argument("--all", action="store_true", help="show known differences, too")
    parser.add_argument("only", nargs="*", help="groups")
    options = parser.parse_args()
    shared = pathlib.Path(os.environ.get("DROVER_SHARED", ROOT.parent / "shared")) / "recordings"
    if not (shared / "compare.py").exists():
        print(f"note: not run: recorded command lines are absent ({shared}; set DROVER_SHARED)")
        print("0 passed, 0 failed")
        return 0
    harness.enter_namespaces()
    groups = options.only or GROUPS
    wanted, found = replay(str(pathlib.Path(options.build).resolve() / "bin" / "drover"), shared, groups)
    report = compare(wanted, found, None)

    known, used = known_differences(), set()
    passed = failed = excused = 0
    for row in report:
        case = f"{row['group']}: {row['step']}"
        pattern = next((p for p, _ in known if fnmatch.fnmatchcase(case, p)), None)
        if row["equal"]:
            passed += 1
            if pattern and "*" not in pattern:
                print(f"note: {case} agrees now: take it off cli_differences.txt")
            continue
        what = "; ".join(f"{k} {p.replace('/response', '', 1)} {d}" for k, p, d in row["differences"][:12 if options.all else 4])
        if pattern and not options.all:
            used.add(pattern)
            excused += 1
        elif options.write:
            print(f"{case} | {what[:160]}")
        else:
            failed += 1
            print(f"FAIL {case}: {what}")
    for pattern, _ in known:
        if "*" in pattern and pattern not in used and not options.only:
            print(f"note: nothing differs any more that '{pattern}' of cli_differences.txt excuses")
    print(f"note: {passed} of {passed + excused} recorded command lines agree; {excused} known differences")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
