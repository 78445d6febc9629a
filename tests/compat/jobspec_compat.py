#!/usr/bin/python3
"""Compares job files, expressions and their answers with recorded ones: every case must agree but for those of
known_differences.txt, which are counted and named. Cases that agree again must leave that list.

Last line: `N passed, N failed`. The recordings are looked for in ../shared, or in $DROVER_SHARED."""
import argparse
import os
import pathlib
import re
import subprocess
import sys

TABLES = ("constraints", "constraint-validation", "cron", "device-attributes", "device-constraints")
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def known_differences():
    """case → why it differs"""
    known = {}
    for line in (HERE / "known_differences.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            case, _, why = line.partition(" ")
            known[case] = why.strip()
    return known


def compare(corpora, *options):
    done = subprocess.run([sys.executable, str(corpora / "compare.py"), "--corpus", str(corpora), *options], capture_output=True, text=True, timeout=500)
    total = re.findall(r"^(\d+) passed, (\d+) failed$", done.stdout, re.M)
    if not total:
        sys.exit(f"compare.py gave no count:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    failures = {}
    for line in done.stdout.splitlines():
        found = re.match(r"FAIL (\w+) (\S+): (.*)", line)
        if found:
            failures.setdefault(found.group(2), found.group(3))
    return sum(map(int, total[-1])), failures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=str(ROOT / "build" / "dev"))
    parser.add_argument("--soak", action="store_true", help="accepted, and the same")
    parser.add_argument("--write", action="store_true", help="print the list of differences instead, for known_differences.txt")
    options = parser.parse_args()
    shared = pathlib.Path(os.environ.get("DROVER_SHARED", ROOT.parent / "shared"))
    corpora = shared / "corpora"
    program = pathlib.Path(options.build).resolve() / "tests" / "jobspec_json"
    answers = program.parent / "table_answers"
    if not (corpora / "compare.py").exists():
        print(f"note: not run: recorded job files are absent ({corpora}; set DROVER_SHARED)")
        print("0 passed, 0 failed")
        return 0
    jobs, job_failures = compare(corpora, "--cmd", f"{program} {{varargs}} {{file}}")
    expressions, expression_failures = compare(corpora, "--eval-cmd", f"{program} -eval")
    rows = {}
    for table in TABLES:
        count, wrong = compare(corpora, "--table", f"{table}={answers} {table}", "--text")
        rows[table] = count
        expression_failures.update(wrong)
    layouts, layout_failures = compare(corpora, "--fmt-cmd", f"{program} -fmt {{file}}")
    # One case may differ in several ways: the formatter's are named apart.
    failures = {**job_failures, **expression_failures, **{f"fmt:{case}": why for case, why in layout_failures.items()}}
    known = known_differences()
    if options.write:
        for case in sorted(failures):
            print(f"{case} {known.get(case, failures[case][:120])}")
        return 0
    failed = 0
    for case, why in sorted(failures.items()):
        if case not in known:
            failed += 1
            print(f"FAIL {case}: {why}")
    for case in sorted(set(known) - set(failures)):
        failed += 1
        print(f"FAIL {case}: agrees now: take it off known_differences.txt")
    print(f"note: {jobs} recorded job files, {expressions} expressions, {layouts} layouts, " + ", ".join(f"{count} {table}" for table, count in rows.items()) + f"; {len(set(failures) & set(known))} known differences")
    print(f"{jobs + expressions + layouts + sum(rows.values()) - len(failures)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
