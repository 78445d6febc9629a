#!/usr/bin/python3
"""Runs every suite and ends with one line: `N passed, N failed`.

Unit tests are the programs named in build/<preset>/unit-tests.txt (Catch2). Every other suite is a program that prints
`N passed, N failed` as its last line; suites() lists them.

A suite that failed beside real kernels, engines and clocks is run a second time, after all others, and the second answer
counts; both are printed, and the line before the last names it (docs/decisions/0005-second-look.md). With --soak or --strict
there is no second time.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNIT_TIMEOUT_S = 300
JOBS = 2
LIVE = ("_e2e", "_compat")
SECOND_TIMES_MAX = 3  # more than that is no chance


class Outcome:
    def __init__(self, name, passed, failed, seconds, output):
        self.name, self.passed, self.failed, self.seconds, self.output = name, passed, failed, seconds, output


def run(argv, timeout, env=None):
    started = time.monotonic()
    # A file, not a pipe: a process that a failed test left behind would keep a pipe open, and us waiting.
    with tempfile.TemporaryFile() as output:
        try:
            code, late = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, timeout=timeout, env=env, cwd=ROOT).returncode, ""
        except subprocess.TimeoutExpired:
            code, late = -1, f"\nstill running after {timeout} s: killed"
        except OSError as error:
            code, late = -1, f"cannot run {argv[0]}: {error}"
        output.seek(0)
        text = output.read().decode(errors="replace") + late
    return code, text, time.monotonic() - started


def unit(program, soak=False):
    """The tests of a program; with `soak` those with the tag [soak] instead, which a plain run leaves out."""
    code, text, seconds = run([str(program)] + (["[soak]"] if soak else []), UNIT_TIMEOUT_S)
    if soak and "No test cases matched" in text:
        return None
    return counted(program.name, code, text, seconds)


def sanitized(program, kind):
    """The same built with a sanitizer: whatever that reports is a failure."""
    name = f"{program.name}.{kind}"
    env = dict(os.environ, UBSAN_OPTIONS="print_stacktrace=1", ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1",
               TSAN_OPTIONS=f"ignore_noninstrumented_modules=1:suppressions={ROOT}/tests/tsan.supp")
    code, text, seconds = run([str(program)], UNIT_TIMEOUT_S, env)
    if "LeakSanitizer has encountered a fatal error" in text:  # it cannot trace here
        env["ASAN_OPTIONS"] = "detect_leaks=0:detect_stack_use_after_return=1"
        code, text, seconds = run([str(program)], UNIT_TIMEOUT_S, env)
        text += "\nnote: leaks were not looked for: this environment does not allow ptrace"
    return counted(name, code, text, seconds)


def counted(name, code, text, seconds):
    """What a Catch2 program says of itself."""
    whole = re.search(r"All tests passed \(\d+ assertions? in (\d+) test cases?\)", text)
    if code == 0 and whole:
        return Outcome(name, int(whole.group(1)), 0, seconds, text)
    part = re.search(r"test cases:\s*(\d+) \|(?:\s*(\d+) passed \|)?\s*(\d+) failed", text)
    if part:
        return Outcome(name, int(part.group(2) or 0), int(part.group(3)), seconds, text)
    return Outcome(name, 0, 1, seconds, text + f"\nexit code {code}")


def suite(name, argv, timeout, env):
    code, text, seconds = run(argv, timeout, env)
    last = re.findall(r"^(?:\w+: )?(\d+) passed, (\d+) failed", text, re.M)
    if not last:
        return Outcome(name, 0, 1, seconds, text + f"\nno line 'N passed, N failed'; exit code {code}")
    passed, failed = map(int, last[-1])
    if code != 0 and failed == 0:
        failed, text = 1, text + f"\nexit code {code}"
    return Outcome(name, passed, failed, seconds, text)


def suites(build, soak, asan):
    """(name, argv, timeout in seconds); what needs a program that this tree does not build yet is not listed."""
    rows = [("structure", ["/usr/bin/python3", "tests/structure/check.py"], 120),
            ("mutants", ["/usr/bin/python3", "tests/mutants/run.py"] + ([] if soak else ["--check"]), 7200 if soak else 120)]
    sim = build / "bin" / "drover-sim"
    if sim.exists():
        rows.append(("simulation", [str(sim), "--first-seed", "1", "--seeds", "2000" if soak else "20"], 7200 if soak else 900))
    if asan and (asan / "tests" / "fuzz_hcl").exists():
        rows.append(("fuzz", ["/usr/bin/python3", "tests/fuzz/fuzz.py", "--build", str(asan)] + (["--soak"] if soak else []), 14400 if soak else 900))
    for script in sorted((ROOT / "tests" / "e2e").glob("*_e2e.py")) + sorted((ROOT / "tests" / "compat").glob("*_compat.py")):
        rows.append((script.stem, ["/usr/bin/python3", str(script), "--build", str(build)] + (["--soak"] if soak else []),
                     7200 if soak else 1200))
    return rows


def show(outcome):
    mark = "ok  " if outcome.failed == 0 else "FAIL"
    print(f"{mark} {outcome.name}: {outcome.passed} passed, {outcome.failed} failed ({outcome.seconds:.1f} s)", flush=True)
    if outcome.failed:
        print("\n".join("    " + line for line in outcome.output.splitlines()[-80:]), flush=True)
    else:
        for line in outcome.output.splitlines():
            if line.startswith("note: "):
                print("    " + line, flush=True)


def blame(output):
    """The lines around what failed, at most 40."""
    lines = output.splitlines()
    at = [i for i, line in enumerate(lines) if "FAILED:" in line or line.startswith("FAIL ")][:4]
    chosen = sorted({n for i in at for n in range(i, min(i + 10, len(lines)))})
    return [lines[n] for n in chosen] or lines[-40:]


def blamed(outcome):
    print(f"failed: {outcome.name}\n" + "\n".join("    " + line for line in blame(outcome.output)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "dev")
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("--asan", type=pathlib.Path, help="a tree built with that preset: the programs of tests/asan-tests.txt (with --soak, of asan-soak-tests.txt too) run from it as well")
    parser.add_argument("--tsan", type=pathlib.Path, help="the same for tests/tsan-tests.txt")
    parser.add_argument("--strict", action="store_true", help="no suite is run a second time")
    parser.add_argument("only", nargs="*", help="names of suites or unit test programs")
    options = parser.parse_args()
    build = options.build.resolve()

    wanted = lambda name: not options.only or name in options.only
    outcomes = []
    programs = [build / "tests" / name for name in (build / "unit-tests.txt").read_text().split() if wanted(name)]
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for outcome in pool.map(unit, programs):
            show(outcome)
            outcomes.append(outcome)
        for kind, tree in (("asan", options.asan), ("tsan", options.tsan)):
            lists = [f"{kind}-tests.txt"] + (["asan-soak-tests.txt"] if kind == "asan" and options.soak else [])
            names = [name for each in lists for name in (ROOT / "tests" / each).read_text().split()] if tree else []
            chosen = [tree.resolve() / "tests" / name for name in names if wanted(f"{name}.{kind}")]
            for outcome in pool.map(sanitized, chosen, [kind] * len(chosen)):
                show(outcome)
                outcomes.append(outcome)
    if options.soak:
        for outcome in filter(None, (unit(program, soak=True) for program in programs)):
            show(outcome)
            outcomes.append(outcome)
    env = dict(os.environ, DROVER_BUILD=str(build))
    chosen = [row for row in suites(build, options.soak, options.asan and options.asan.resolve()) if wanted(row[0])]
    done = []
    for name, argv, timeout in chosen:
        done.append(suite(name, argv, timeout, env))
        show(done[-1])
    second_time = []
    if not options.soak and not options.strict:
        for at, (name, argv, timeout) in enumerate(chosen):
            if done[at].failed and name.endswith(LIVE) and len(second_time) < SECOND_TIMES_MAX:
                blamed(done[at])
                print(f"again {name}", flush=True)
                done[at] = suite(name, argv, timeout, env)
                show(done[at])
                second_time += [name] if not done[at].failed else []
    outcomes += done

    # Again at the end, where a log that is cut still has it.
    for outcome in outcomes:
        if outcome.failed:
            blamed(outcome)
    if second_time:
        print(f"passed only the second time: {' '.join(second_time)}")
    failed = sum(o.failed for o in outcomes)
    print(f"{sum(o.passed for o in outcomes)} passed, {failed} failed")
    sys.exit(1 if failed or not outcomes else 0)


if __name__ == "__main__":
    main()
