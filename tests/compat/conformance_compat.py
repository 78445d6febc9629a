#!/usr/bin/python3
"""The judge of drivers, judged: right drivers conform, and every check finds the driver that is wrong in its way.

Judges wait more than they work, so many run beside each other. What a loaded machine may have spoilt is judged again, alone,
before it counts. `--matrix` writes docs/conformance-matrix.md from what was seen; without it the file is compared.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

from judging import EXAMPLES, ROOT, check, end, judge_argv, options, run

BROKEN_FIXTURE = ROOT / "conformance" / "broken" / "fixture.json"
MATRIX = ROOT / "docs" / "conformance-matrix.md"
JUDGES_AT_ONCE = 8
JUDGED_AGAIN_MAX = 2

# Faults whose checks must wait long to see them: with --soak only.
SLOW = set("""
destroy.twice exec.at-once exec.timeout exec.timeout-kills output.at-once output.binary output.burst output.closed output.error
output.no-newline output.not-closed output.short-task output.slow-reader output.standard process.shutdown
process.shutdown-with-streams recover.graceful recover.output recover.same-process recover.signal signal.hup signal.usr1
stats.ended-task stats.ends stats.interval stop.prompt stop.zero stream.input stream.input-at-once stream.input-end
stream.slow-reader stream.terminal-child stream.terminal-input task.memory task.no-descriptors task.no-input
task.signals-default unknown-task.StopTask
""".split())

class RightDriver:
    """A driver that conforms at its levels."""

    def __init__(self, name, program, fixture=None, levels=("core", "process", "exec"), quick=None):
        self.name, self.program, self.fixture, self.levels = name, program, fixture, levels
        self.quick = quick  # the groups of a run that is no soak, judged in one go; None: all of them

    def judge(self, judge, only):
        """(the outcomes, what was left or went wrong)"""
        code, text = run(*judge_argv(judge, self.program, "--format", "json", fixture=self.fixture, levels=self.levels, only=only))
        try:
            whole = json.loads(text)
        except ValueError:
            return [], [f"exit status {code}: {text[-500:]}"]
        return whole["checks"], whole["left"]


def right_drivers(build, folder):
    plugins, examples = build / "lib" / "drover" / "plugins", EXAMPLES
    return [RightDriver("raw_exec", plugins / "raw_exec"),
            RightDriver("mock", plugins / "mock"),
            RightDriver("hello", build / "libexec/drover/examples/hello", examples / "hello/fixture.json"),
            RightDriver("hello in Go", folder / "go" / "hello_go", examples / "go/fixture.json", ("core", "process")),
            # An interpreter takes long to start, so what starts it again and again is left for the soak.
            RightDriver("hello in Python", folder / "python" / "hello.py", examples / "python/fixture.json", ("core", "process"),
                        quick=("info.", "start.", "wait.", "stop.", "signal.", "destroy.", "inspect."))]


def make_others(folder):
    """The drivers in other languages, from the .proto files."""
    examples = EXAMPLES
    (folder / "python").mkdir()
    for name in ("hello.py", "supervise.py"):
        shutil.copy(examples / "python" / name, folder / "python")
    code, text = run(examples / "python" / "make.sh", ROOT, folder / "python")
    check("the Python driver is made from the .proto files", code == 0, text)
    code, text = run(examples / "go" / "make.sh", ROOT, folder / "go", env={"GOCACHE": str(ROOT / "build" / "gocache")})
    check("the Go driver is made from the .proto files", code == 0, text)


def judge_right(pool, judge, drivers, rows, whole):
    """Starts the judges; the answer gives {driver: {check: verdict}} when they are done."""
    jobs = {}
    for driver in drivers:
        mine = [row[0] for row in rows if row[1] in driver.levels]
        groups = [(group,) for group in sorted({each.split(".")[0] + "." for each in mine})]
        for group in [driver.quick] if driver.quick and not whole else groups:
            jobs[pool.submit(driver.judge, judge, group)] = (driver, group, [each for each in mine if each.startswith(group)])

    def answer():
        seen = {driver.name: {} for driver in drivers}
        for job, (driver, group, ids) in jobs.items():
            outcomes, left = job.result()
            for _ in range(JUDGED_AGAIN_MAX):
                bad = [one["id"] for one in outcomes if one["verdict"] == "FAIL"]
                if not bad and not left and len(outcomes) == len(ids):
                    break
                again = bad if not left and len(outcomes) == len(ids) else group
                print(f"note: {driver.name}: judged again, alone: {' '.join(again)}", flush=True)
                fresh, left = driver.judge(judge, again)
                outcomes = [one for one in outcomes if one["id"] not in {new["id"] for new in fresh}] + fresh
            for one in outcomes:
                seen[driver.name][one["id"]] = one["verdict"]
                if one["verdict"] == "FAIL":
                    print(f"{driver.name}: {one['id']}: {one['seen']}", flush=True)
            fails = [one["id"] for one in outcomes if one["verdict"] == "FAIL"]
            check(f"{driver.name} conforms in {' '.join(group)}", not fails and not left and sorted(one["id"] for one in outcomes) == sorted(ids), (fails, left))
        return seen
    return answer


def finds(judge, broken, check_id):
    code, text = run(*judge_argv(judge, broken, args=[check_id], fixture=BROKEN_FIXTURE, only=[check_id]))
    # What it left was told, and then removed: the next judge must not meet it.
    groups = re.findall(r"^LEFT  control group (.*)$", text, re.M)
    still = [f"still there: {group}" for group in groups if os.path.exists(group)]
    return f"FAIL  {check_id}" in text.splitlines() and not still, "\n".join([text[-600:], *still])


def judge_wrong(pool, judge, broken, ids):
    jobs = {check_id: pool.submit(finds, judge, broken, check_id) for check_id in ids}

    def answer():
        for check_id, job in jobs.items():
            found, text = job.result()
            for _ in range(JUDGED_AGAIN_MAX):
                if found:
                    break
                print(f"note: the fault of {check_id} is looked for again, alone", flush=True)
                found, text = finds(judge, broken, check_id)
            check(f"{check_id} finds the driver that is wrong in its way", found, text)
    return answer


UNSPOILT = "broken, without a fault"
WORDS = {"PASS": "yes", "SKIP": "–", "FAIL": "no"}


def matrix_cells():
    """{driver: {check: cell}} as the file has it."""
    cells, names = {}, []
    for line in MATRIX.read_text().splitlines() if MATRIX.exists() else []:
        columns = [column.strip() for column in line.strip("|").split("|")]
        if line.startswith("| check |"):
            names = columns[1:]
        elif line.startswith("| ") and "." in columns[0]:
            for name, cell in zip(names, columns[1:]):
                cells.setdefault(name, {})[columns[0]] = cell
    return cells


def matrix_text(cells, rows):
    names = list(cells)
    text = ("# Which driver passes which check\n\n"
            "Written by `tests/compat/conformance_compat.py --matrix` from what `drover-conformance` saw, and compared with it in every run of\n"
            "`./dev test`. `yes`: passed. `–`: skipped, because the driver does not claim what the check asks for or its tasks cannot show it. Empty: of a\n"
            "level that the driver is not judged at. What the checks say is in [CLAUSES.md](../conformance/CLAUSES.md).\n")
    group = None
    for check_id, _level, _must in rows:
        if check_id.split(".")[0] != group:
            group = check_id.split(".")[0]
            text += f"\n## {group}\n\n| check | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n"
        text += f"| {check_id} | {' | '.join(cells[name].get(check_id, '') for name in names)} |\n"
    return text


def judge_all(given, build, folder, rows, wanted):
    judge, broken = build / "bin" / "drover-conformance", build / "libexec" / "drover" / "drover-broken-driver"
    drivers = []
    if not given.only:
        folder.chmod(0o755)
        make_others(folder)
        drivers = right_drivers(build, folder)
        if given.soak:
            drivers.append(RightDriver(UNSPOILT, broken, BROKEN_FIXTURE, ("core", "process", "exec", "network")))
    with concurrent.futures.ThreadPoolExecutor(JUDGES_AT_ONCE) as pool:
        right = judge_right(pool, judge, drivers, rows, given.soak or given.matrix)
        wrong = judge_wrong(pool, judge, broken, wanted)
    # Nothing else runs any more: what is judged again is judged alone.
    seen = right()
    wrong()
    cells = matrix_cells()
    judged = {name: {check_id: WORDS[verdict] for check_id, verdict in outcomes.items()} for name, outcomes in seen.items() if name != UNSPOILT}
    if given.matrix:
        MATRIX.write_text(matrix_text({**cells, **judged}, rows))
        cells = matrix_cells()
    for name, outcomes in judged.items():
        stale = sorted(check_id for check_id, cell in outcomes.items() if cell != cells.get(name, {}).get(check_id))
        check(f"docs/conformance-matrix.md is right about {name}", not stale, f"write it again with --matrix: {stale[:10]}")
    mentioned = {check_id for column in cells.values() for check_id in column}
    check("docs/conformance-matrix.md has a row for each check", mentioned == {row[0] for row in rows}, "write it again with --matrix")


def main():
    parser = options(__doc__)
    parser.add_argument("--matrix", action="store_true", help="write docs/conformance-matrix.md")
    parser.add_argument("only", nargs="*", help="ids of checks, or groups as 'start.': only their faults are looked for")
    given = parser.parse_args()
    build = given.build
    judge, broken = build / "bin" / "drover-conformance", build / "libexec" / "drover" / "drover-broken-driver"

    rows = [tuple(line.split("\t")) for line in run(judge, "--list")[1].splitlines()]
    ids = [row[0] for row in rows]
    check("the faults that are left for the soak are faults of checks", SLOW <= set(ids), SLOW - set(ids))
    check("conformance/CLAUSES.md is written by the judge", run(judge, "--clauses")[1] == (ROOT / "conformance" / "CLAUSES.md").read_text(),
          "run: drover-conformance --clauses > conformance/CLAUSES.md")
    check("a level that does not exist is an error", run(judge, "--plugin", "/bin/true", "--level", "none")[0] == 2)
    check("a program that is none is an error", run(judge, "--plugin", "/no/such/program")[0] == 2)
    check("a program that is no plugin does not conform", run(judge, "--plugin", "/bin/true", "--only", "info.")[0] == 1)

    wanted = [c for c in ids if any(c == o or (o.endswith(".") and c.startswith(o)) for o in given.only)] if given.only else [c for c in ids if given.soak or c not in SLOW]
    with tempfile.TemporaryDirectory(prefix="dct-") as folder:
        judge_all(given, build, pathlib.Path(folder), rows, wanted)
    return end()


if __name__ == "__main__":
    sys.exit(main())
