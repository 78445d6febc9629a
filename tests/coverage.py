#!/usr/bin/python3
"""Shows how much of base/hcl and model/jobspec their tests run, by file, and the lines that none of them does.

    ./dev build coverage base_hcl_test model_jobspec_test jobspec_json table_answers && tests/coverage.py

Last line: `N passed, N failed`: a library below the share it must have is a failure."""
import argparse
import glob
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
LIBRARIES = ("base/hcl", "model/jobspec")
SHARE_MIN = 95.0


def record(build, folder):
    """Runs the tests; each process leaves its counts in the folder."""
    env = dict(os.environ, LLVM_PROFILE_FILE=str(folder / "%p.profraw"))
    programs = [build / "tests" / name for name in ("base_hcl_test", "model_jobspec_test", "jobspec_json")]
    for program in programs[:2]:
        subprocess.run([str(program)], env=env, stdout=subprocess.DEVNULL, check=True)
    subprocess.run([sys.executable, str(HERE / "compat" / "jobspec_compat.py"), "--build", str(build)], env=env, stdout=subprocess.DEVNULL, check=True)
    return programs


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "coverage")
    parser.add_argument("--lines", action="store_true", help="show the lines that no test runs")
    options = parser.parse_args()
    build = options.build.resolve()
    folder = build / "coverage"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.prof*"):
        old.unlink()
    programs = record(build, folder)
    merged = folder / "all.profdata"
    (folder / "list").write_text("\n".join(glob.glob(str(folder / "*.profraw"))))
    subprocess.run(["llvm-profdata-16", "merge", "-sparse", "-f", str(folder / "list"), "-o", str(merged)], check=True)
    for old in folder.glob("*.profraw"):
        old.unlink()
    objects = [str(programs[0])] + [f"-object={program}" for program in programs[1:]]
    done = subprocess.run(["llvm-cov-16", "export", "-format=text", f"-instr-profile={merged}", *objects], capture_output=True, text=True, check=True)
    files = {}
    for entry in json.loads(done.stdout)["data"][0]["files"]:
        # Debug information names files relative to the repository.
        name = os.path.relpath(entry["filename"], ROOT) if os.path.isabs(entry["filename"]) else os.path.normpath(entry["filename"])
        name = name[name.index("base/hcl"):] if "base/hcl" in name else name[name.index("model/jobspec"):] if "model/jobspec" in name else ""
        if name and not name.endswith("_test.cc"):
            files[name] = entry
    passed = failed = 0
    for library in LIBRARIES:
        count = covered = 0
        for name, entry in sorted(files.items()):
            if name.startswith(library + "/"):
                lines = entry["summary"]["lines"]
                count, covered = count + lines["count"], covered + lines["covered"]
                print(f"  {lines['percent']:6.1f} %  {name}")
        share = 100.0 * covered / max(count, 1)
        good = share >= SHARE_MIN
        passed, failed = passed + good, failed + (not good)
        print(f"{'note' if good else 'FAIL'}: {library}: {share:.1f} % of {count} lines (at least {SHARE_MIN})")
    if options.lines:
        subprocess.run(["llvm-cov-16", "show", f"-instr-profile={merged}", "-show-line-counts-or-regions", *objects])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
