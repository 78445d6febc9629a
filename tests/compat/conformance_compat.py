#!/usr/bin/python3
"""The judge of drivers, judged: right drivers conform, and every check finds the driver that is wrong in its way."""
import argparse
import concurrent.futures
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FIXTURE = ROOT / "conformance" / "broken" / "fixture.json"
AT_ONCE = 3
# Faults whose checks wait for something that must not happen, ten seconds and more: with --soak only.
SLOW_S = 120

passed, failed = 0, []


def check(name, condition, seen=""):
    global passed
    if condition:
        passed += 1
    else:
        failed.append(name)
        print(f"failed: {name}: {seen}", flush=True)


def run(*argv, timeout=900):
    try:
        done = subprocess.run(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        return -1, f"still running after {late.timeout} s"


def failures(text):
    return [line for line in text.splitlines() if line.startswith(("FAIL", "LEFT"))]


def right(judge, plugin):
    code, text = run(judge, "--plugin", plugin, "--fixture", FIXTURE) if plugin.name == "drover-broken-driver" else run(judge, "--plugin", plugin)
    check(f"{plugin.name} conforms", code == 0 and not failures(text), text[-3000:])


def wrong(judge, broken, check_id):
    code, text = run(judge, "--plugin", broken, "--arg", check_id, "--only", check_id, "--fixture", FIXTURE, timeout=SLOW_S)
    return check_id, f"FAIL  {check_id}" in text.splitlines(), text[-600:]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "dev")
    options.add_argument("--soak", action="store_true")
    options.add_argument("only", nargs="*")
    given = options.parse_args()
    build = given.build.resolve()
    judge, broken = build / "bin" / "drover-conformance", build / "libexec" / "drover" / "drover-broken-driver"

    checks = [line.split("\t")[0] for line in run(judge, "--list")[1].splitlines()]
    check("there are at least 200 checks", len(checks) >= 200, len(checks))
    check("their names are unique", len(set(checks)) == len(checks))
    clauses = run(judge, "--clauses")[1]
    check("conformance/CLAUSES.md is written by the judge", clauses == (ROOT / "conformance" / "CLAUSES.md").read_text(), "run: drover-conformance --clauses > conformance/CLAUSES.md")
    check("a level that does not exist is an error", run(judge, "--plugin", "/bin/true", "--level", "none")[0] == 2)
    check("a program that is none is an error", run(judge, "--plugin", "/nonexistent")[0] == 2)
    check("a program that is no plugin does not conform", run(judge, "--plugin", "/bin/true", "--only", "info.")[0] == 1)
    if not given.only:
        for plugin in (build / "lib/drover/plugins/mock", build / "lib/drover/plugins/raw_exec", broken):
            right(judge, plugin)
    chosen = [c for c in checks if not given.only or any(c == o or (o.endswith(".") and c.startswith(o)) for o in given.only)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for check_id, found, text in pool.map(lambda one: wrong(judge, broken, one), chosen):
            check(f"{check_id} finds the driver that is wrong in its way", found, text)
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
