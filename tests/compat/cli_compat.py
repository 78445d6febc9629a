#!/usr/bin/python3
"""Compares command lines with recorded ones: exit code, standard output and standard error of each must agree, but for those of
cli_differences.txt, which are counted and named. What that list still excuses though it agrees is noted.

What is compared away, because it cannot agree: the program's name and version, and the hint to a page of the web interface. Commands of areas that
are not built are not judged, but must be refused with "not supported yet". Of the recorded help every flag must be known.
Each group of commands gets an agent of its own, in namespaces of its own; several run at a time.
Last line: `N passed, N failed`. The recordings are looked for in ../shared, or in $DROVER_SHARED; they need root (namespaces)."""
import argparse
import concurrent.futures
import contextlib
import fnmatch
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import types

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402

GROUPS = ("job", "alloc", "node", "deployment", "job-batch", "state", "terminal", "operator", "basic", "eval", "help")  # the longest first
AT_A_TIME = 5
HINT = re.compile(r"^==> .* in the Web UI: ")
PATIENCE = 0.2  # of the recorded waits: what is built answers at once
REFUSAL = "not supported yet"
KINDS = {"-": "area", "x": "unfit", "+": "adds", "?": "maybe"}  # of rows of cli_differences.txt, which explains them
WARMING_UP = 6  # jobs that come and go before a recording begins: the compared texts hide indexes of two digits and more


class Known:
    """cli_differences.txt: what is not judged, and what differs."""

    def __init__(self):
        self.rows, self.used = [], set()
        for line in (HERE / "cli_differences.txt").read_text().splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            case, _, why = line.partition(" | ")
            kind, case = (KINDS[case[0]], case[2:].strip()) if case[:2] in ("- ", "x ", "+ ", "? ") else ("differs", case.strip())
            self.rows.append((kind, case, why.strip()))

    def of(self, case):
        """"" when nothing is known of it, else "area", "adds", "maybe" or "differs"."""
        for kind, pattern, _ in self.rows:
            if fnmatch.fnmatchcase(case, pattern):
                self.used.add(pattern)
                return kind
        return ""

    def unused(self):
        return [pattern for _, pattern, _ in self.rows if pattern not in self.used]


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
        value = re.sub(r"^Drover v[\d.]+$", "Nomad v2.0.5", value)
        return re.sub(r"(?<![\w/.-])[dD]rover(?= )", lambda name: "nomad" if name.group()[0] == "d" else "Nomad", value)
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


def recordings(shared):
    sys.path.insert(0, str(shared))
    import agent as recorded_agent
    import compare as recorded_compare
    import record
    from rec import cli, merge
    import scen  # noqa: F401
    return types.SimpleNamespace(Agent=recorded_agent.Agent, compare=recorded_compare, record=record, cli=cli, merge=merge)


def replay(drover, recorded, group):
    """What drover answers to the recorded command lines of a group: {"exchanges": …}."""
    if group == "help":
        return {"exchanges": help_texts(drover, recorded)}
    started = recorded.Agent(drover, "open")
    try:
        if not wait_ready(started):
            log = pathlib.Path(started.logfile).read_text(errors="replace")
            raise SystemExit(f"the agent did not become ready:\n{log[-3000:]}")
        options = types.SimpleNamespace(mode="open", only=group, cli_cmd=drover, patience=PATIENCE, quiet=True, verbose=0)
        session = recorded.record.session(started.addr, options)
        warm_up(session)
        return recorded.cli.run(session, options)["groups"][group]
    finally:
        started.stop()


def warm_up(session):
    for n in range(WARMING_UP):
        task = {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}}
        job = {"ID": f"warm-{n}", "Name": "warm", "Type": "batch", "Datacenters": ["dc1"], "TaskGroups": [{"Name": "g", "Count": 0, "Tasks": [task]}]}
        session.raw("PUT", "/v1/jobs", None, {"Job": job})


def help_texts(drover, recorded):
    """Of each recorded command: exit code and flags of its help."""
    exchanges = []
    for row in recorded.merge.load(str(pathlib.Path(recorded.merge.__file__).parent.parent / "cli"), "open")[1]["help"]:
        done = subprocess.run([drover, *row["request"]["args"]], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        exchanges.append({"step": row["step"], "exit": done.returncode, "flags": recorded.cli.flag_names(done.stdout + done.stderr), "text": done.stdout + done.stderr})
    return exchanges


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


def replayed_apart(group, options, folder):
    """Runs this script for one group in namespaces of its own; what was answered."""
    answer = folder / f"{group}.json"
    argv = [sys.executable, str(pathlib.Path(__file__).resolve()), "--build", options.build, "--replay", group, "--into", str(answer)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0 or not answer.exists():
        return {"exchanges": [], "error": (done.stdout + done.stderr)[-3000:] or f"exit code {done.returncode}"}
    return json.loads(answer.read_text())


def compare_help(rows, found):
    """A recorded flag that is not known is a difference; more flags are none."""
    answers = {x["step"]: x for x in found.get("exchanges", [])}
    report = []
    for row in rows:
        answer = answers.get(row["step"], {"exit": "not reached", "flags": [], "text": found.get("error", "")})
        differences = [["exit", "", f"{row['response']['exit']} -> {answer['exit']}"]] if answer["exit"] != row["response"]["exit"] else []
        lacking = sorted(set(row["response"]["flags"]) - set(answer["flags"]))
        if lacking:
            differences.append(["flags", "", "not known: " + " ".join(lacking)])
        report.append({"group": "help", "step": row["step"], "equal": not differences, "differences": differences, "wanted": row["response"],
                       "found": {"exit": answer["exit"], "stderr": [answer["text"]]}})
    return report


def compare(recorded, wanted, found):
    """[{group, step, equal, differences, wanted, found}] of all groups."""
    report = []
    for group, rows in wanted.items():
        if group == "help":
            report += compare_help(rows, found[group])
            continue
        prepared(rows)
        prepared(found[group]["exchanges"])
        part, tally = [], {"passed": 0, "failed": 0, "skipped": 0, "groups": []}
        with contextlib.redirect_stdout(io.StringIO()):
            recorded.compare.compare_groups({group: rows}, found, set(), 0, tally, None, part)
        answers = {x["step"]: x["response"] for x in found[group]["exchanges"]}
        for row, judged in zip(rows, part):
            report.append(dict(judged, wanted=row["response"], found=answers.get(row["step"], {})))
    return report


def only_adds(row, recorded):
    """Whether every recorded line is there, in its order, and the exit code too."""
    wanted, found = row["wanted"], row["found"]
    if wanted.get("exit") != found.get("exit"):
        return False
    matcher = recorded.compare.Matcher()
    for stream in ("stdout", "stderr"):
        lines, more = wanted.get(stream, []), found.get(stream, [])
        if not isinstance(lines, list) or not isinstance(more, list):
            if lines != more and lines not in ([], "<omitted>"):
                return False
            continue
        rest = iter(more)
        if not all(any(matcher.same_text(line, other) for other in rest) for line in lines):
            return False
    return True


def refused(row):
    answer = row["found"]
    said = answer.get("stderr") or answer.get("stdout", [])
    return answer.get("exit") not in (0, None) and (said == "<omitted>" or any(REFUSAL in line for line in said if isinstance(line, str)))


def judge(report, known, recorded):
    """Gives each row its "verdict": agrees, added, excused, outside, FAIL or stale."""
    for row in report:
        case = f"{row['group']}: {row['step']}"
        kind = known.of(case)
        if row["group"] == "help" and any(REFUSAL in line for line in row["found"].get("stderr", [])):
            kind = "area"
        if kind == "unfit":
            row["verdict"], row["why"] = "unfit", ""
        elif kind == "area":
            fine = row["group"] == "help" or refused(row)
            row["verdict"], row["why"] = ("outside", "") if fine else ("FAIL", "of an area that is not built, but not refused with " + REFUSAL)
        elif row["equal"]:
            row["verdict"], row["why"] = "agrees", "" if kind in ("", "maybe") else "agrees now: take it off cli_differences.txt"
        elif kind == "adds":
            row["verdict"], row["why"] = ("added", "") if only_adds(row, recorded) else ("FAIL", "a recorded line is not there")
        else:
            row["verdict"], row["why"] = ("excused", "") if kind else ("FAIL", "")
    return report


def described(row):
    return "; ".join(f"{k} {p.replace('/response', '', 1)} {d}" for k, p, d in row["differences"][:4])


def show(row):
    print(f"--- {row['group']}: {row['step']}")
    for name, side in (("recorded", row["wanted"]), ("here", row["found"])):
        print(f"    {name}: exit {side.get('exit')}")
        for stream in ("stdout", "stdout_json", "stderr"):
            value = side.get(stream, [])
            for line in value if isinstance(value, list) else [json.dumps(value)]:
                print(f"        {stream[3:]}| {line}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=str(ROOT / "build" / "dev"))
    parser.add_argument("--soak", action="store_true", help="accepted, and the same")
    parser.add_argument("--write", action="store_true", help="print the differences that are not in the list, for it")
    parser.add_argument("--all", action="store_true", help="known differences, too")
    parser.add_argument("--show", action="store_true", help="print both outputs of what differs and is not in the list (with --all: of all that differs)")
    parser.add_argument("--replay", help=argparse.SUPPRESS)
    parser.add_argument("--into", help=argparse.SUPPRESS)
    parser.add_argument("only", nargs="*", help="groups: " + " ".join(GROUPS))
    options = parser.parse_args()
    shared = pathlib.Path(os.environ.get("DROVER_SHARED", ROOT.parent / "shared")) / "recordings"
    if not (shared / "compare.py").exists():
        print(f"note: not run: recorded command lines are absent ({shared}; set DROVER_SHARED)")
        print("0 passed, 0 failed")
        return 0
    if os.geteuid() != 0 or options.replay:
        harness.enter_namespaces()
    drover = str(pathlib.Path(options.build).resolve() / "bin" / "drover")
    recorded = recordings(shared)
    if options.replay:
        pathlib.Path(options.into).write_text(json.dumps(replay(drover, recorded, options.replay)))
        return 0

    groups = [g for g in GROUPS if not options.only or g in options.only]
    with tempfile.TemporaryDirectory(prefix="cli-compat-") as folder, concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        answers = dict(zip(groups, pool.map(lambda group: replayed_apart(group, options, pathlib.Path(folder)), groups)))
    _, wanted = recorded.merge.load(str(shared / "cli"), "open")
    known = Known()
    report = judge(compare(recorded, {g: wanted[g] for g in groups}, answers), known, recorded)
    return tell(report, known, options, answers)


def tell(report, known, options, answers):
    for group, answer in answers.items():
        if answer.get("error"):
            print(f"note: {group} did not run to its end: {answer['error']}")
    verdicts = ("agrees", "added", "excused", "outside", "unfit", "FAIL")
    count = {v: sum(1 for row in report if row["verdict"] == v and row["group"] != "help") for v in verdicts}
    helps = {v: sum(1 for row in report if row["verdict"] == v and row["group"] == "help") for v in verdicts}
    for row in report:
        case = f"{row['group']}: {row['step']}"
        bad = row["verdict"] == "FAIL" or options.all and not row["equal"]
        if bad and options.show:
            show(row)
        elif bad and options.write:
            print(f"{case} | {described(row)[:160]}")
        elif row["verdict"] == "FAIL":
            print(f"FAIL {case}: {row['why'] or described(row)}")
        elif bad:
            print(f"{row['verdict']} {case}: {described(row)}")
        elif row["why"]:
            print(f"note: {case} {row['why']}")
    if not options.only:
        for pattern in known.unused():
            print(f"note: no recorded command line matches '{pattern}' of cli_differences.txt")
    good = count["agrees"] + count["added"]
    judged = good + count["excused"] + count["FAIL"]
    print(f"note: {good} of {judged} recorded command lines agree ({100 * good / max(1, judged):.1f} %), {count['added']} of them with lines of ours added; "
          f"{count['excused']} known differences; "
          f"not judged: {count['outside']} of areas that are not built, which are refused, and {count['unfit']} that need what the machine of the recording had")
    if sum(helps.values()):
        print(f"note: the help of {helps['agrees']} of {helps['agrees'] + helps['excused'] + helps['FAIL']} recorded commands names every flag; {helps['outside']} are of areas that are not built")
    failures = count["FAIL"] + helps["FAIL"]
    print(f"{good + helps['agrees']} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
