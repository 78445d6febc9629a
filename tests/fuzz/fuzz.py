#!/usr/bin/python3
"""Runs the fuzzers over their seeds and then over what they make of them: some thousands of executions each, or with
--soak a million. Needs a build with sanitizers (--build build/asan). A crash, a hang or a property that does not hold is
a failure; the bytes that did it are kept below <build>/fuzz. Last line: `N passed, N failed`."""
import argparse
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FUZZERS = ("hcl", "evaluator", "hcl_json", "jobspec", "format")
SMOKE, SOAK = 5_000, 1_000_000
INPUT_BYTES_MAX = 1024
SECONDS_MAX = 10  # for one input; a sanitizer makes it ten times slower than it is
MEMORY_MB_MAX = 2048


def fuzz(program, name, found, runs):
    """(whether all was well, executions, the end of the output)"""
    found.mkdir(parents=True, exist_ok=True)
    argv = [str(program), f"-runs={runs}", f"-max_len={INPUT_BYTES_MAX}", f"-timeout={SECONDS_MAX}", f"-rss_limit_mb={MEMORY_MB_MAX}", "-seed=1", "-print_final_stats=1",
            "-entropic=0", "-reload=0",  # weighing the corpus costs as much as all the rest
            f"-dict={HERE / 'hcl.dict'}", f"-artifact_prefix={found}/", str(found / "corpus"), str(HERE / "seeds" / name)]
    (found / "corpus").mkdir(exist_ok=True)
    env = dict(os.environ, ASAN_OPTIONS="malloc_context_size=3:quarantine_size_mb=16")
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, env=env)
    count = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
    return done.returncode == 0, int(count.group(1)) if count else 0, done.stderr[-4000:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "asan")
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("--runs", type=int, help="executions of each, instead")
    parser.add_argument("only", nargs="*", help=f"of {', '.join(FUZZERS)}")
    options = parser.parse_args()
    runs = options.runs or (SOAK if options.soak else SMOKE)
    passed = failed = 0
    for name in options.only or FUZZERS:
        program = options.build.resolve() / "tests" / f"fuzz_{name}"
        good, count, output = fuzz(program, name, options.build.resolve() / "fuzz" / name, runs)
        passed, failed = passed + good, failed + (not good)
        print(f"{'note' if good else 'FAIL'}: fuzz {name}: {count} executions", flush=True)
        if not good:
            print(output, flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
