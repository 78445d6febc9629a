#!/usr/bin/python3
"""Plants faults one at a time and expects each to be found.

A fault is a patch in this folder. Each is applied to a copy of the tree under build/mutants, the programs of its finder
are built there, and the finder must fail; before the first fault every finder must pass on the unchanged copy.
docs/mutants.md lists the faults and what finds them. The last line is `N passed, N failed`.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = pathlib.Path(__file__).resolve().parent
SCRATCH = ROOT / "build" / "mutants"
TREE = SCRATCH / "tree"
FINDER_TIMEOUT_S = 300
SIMULATED_SEEDS = 20


class Unit:
    """A test case of a unit test program."""

    def __init__(self, program, test):
        self.program, self.test = program, test
        self.target = program
        self.text = f"`{program}`: {test}"

    def commands(self, build):
        # A comma would begin another pattern; a name that matches nothing is a failure.
        return [[str(build / "tests" / self.program), self.test.replace(",", "\\,"), "-w", "NoTests"]]


class Simulator:
    """The first seeds of the simulator, until one fails."""

    def __init__(self, seeds=SIMULATED_SEEDS):
        self.seeds = seeds
        self.target = "drover-sim"
        self.text = f"simulator, seeds 1 to {seeds}"

    def commands(self, build):
        return [[str(build / "bin" / "drover-sim"), "--seed", str(seed)] for seed in range(1, self.seeds + 1)]


# Patch (without .patch) and its finder.
FAULTS = [
    ("01-missing-fsync", Unit("server_journal_test", "what an append called durable is there when the power goes right after it")),
    ("02-lost-effect", Simulator()),
    ("03-skipped-fit-check", Unit("server_plan_test", "what does not fit on one node is left out, the rest is taken")),
    ("04-handle-saved-late", Unit("agent_alloc_test", "a handle that cannot be saved ends the start, and the task with it")),
    ("05-status-sent-twice", Unit("agent_session_test", "the newest status of each allocation is told, in one message")),
    ("06-status-acknowledged-early", Unit("server_test", "what an agent says is acknowledged when it is durable, and not before")),
    ("07-port-given-twice", Unit("server_scheduler_test", "ports are never given twice on a node")),
    ("08-blocked-evaluation-forgotten", Unit("server_test", "a job that finds no room is blocked, and placed when a node comes")),
    ("09-nack-ignored", Unit("server_test", "while the journal is full an evaluation is tried now and then, and done when there is room again")),
    ("10-heartbeat-of-a-dead-node", Unit("server_test", "a node that falls silent is given up and its work runs elsewhere; when it comes back it stops what is no longer its own")),
    ("11-restarts-not-saved", Unit("agent_alloc_test", "attempts are counted across a crash of the agent")),
    ("12-snapshot-skips-rows", Unit("server_state_test", "what is saved and restored has all allocations, those that have ended as well")),
    ("13-answered-before-durable", Simulator()),
    ("14-index-not-advanced", Unit("server_state_test", "the index of a table is that of its last change: readers that wait for more are told of it")),
    ("15-secret-not-checked", Unit("server_commands_test", "a node id belongs to the secret that used it first")),
    ("16-stop-is-lost", Simulator()),
    ("17-task-started-again", Unit("agent_alloc_test", "after a crash of the agent the running task is adopted, not started again")),
    ("18-end-taken-back", Unit("server_state_test", "an allocation that has ended does not come back*")),
]


def say(text):
    print(text, flush=True)


def patch_of(name):
    return HERE / f"{name}.patch"


def check():
    """Without building: every patch applies to the tree as it is, and the document tells of each."""
    document = (ROOT / "docs" / "mutants.md").read_text()
    failed = 0
    for name, finder in FAULTS:
        tried = subprocess.run(["git", "apply", "-C1", "--check", str(patch_of(name))], cwd=ROOT, capture_output=True, text=True)
        if tried.returncode != 0:
            say(f"FAIL {name}: does not apply any more; make the fault anew in the changed code:\n{tried.stderr}")
        elif f"`{name}`" not in document or finder.text not in document:
            say(f"FAIL {name}: docs/mutants.md does not name it with its finder ({finder.text})")
        else:
            continue
        failed += 1
    unlisted = sorted({p.stem for p in HERE.glob("*.patch")} - {name for name, _ in FAULTS})
    for name in unlisted:
        say(f"FAIL {name}: a patch without a finder")
    failed += len(unlisted)
    say(f"{len(FAULTS) + len(unlisted) - failed} passed, {failed} failed")
    return failed == 0


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [pathlib.Path(name) for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def copy_tree():
    """Makes the scratch tree equal to this one; files that are equal keep their times, so that little is built anew."""
    wanted = tracked_files()
    for name in wanted:
        source, target = ROOT / name, TREE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.write_bytes(source.read_bytes())
        target.chmod(source.stat().st_mode & 0o777)
    keep = {str(name) for name in wanted}
    for target in TREE.rglob("*"):
        name = str(target.relative_to(TREE))
        if not name.startswith("build/") and target.is_file() and name not in keep:
            target.unlink()


def build(targets, log):
    folder = TREE / "build" / "dev"
    env = dict(os.environ)
    if not (folder / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "dev"], cwd=TREE, stdout=log, stderr=subprocess.STDOUT, check=True, env=env)
    done = subprocess.run(["ninja", "-C", str(folder)] + sorted(targets), stdout=log, stderr=subprocess.STDOUT, env=env)
    return done.returncode == 0


def finds(finder, log):
    """Whether the finder fails; what it says goes to the log. Hanging is failing."""
    env = dict(os.environ, DROVER_SHARED=os.environ.get("DROVER_SHARED", str(ROOT.parent / "shared")))
    for command in finder.commands(TREE / "build" / "dev"):
        try:
            code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=FINDER_TIMEOUT_S, cwd=TREE, env=env).returncode
        except subprocess.TimeoutExpired:
            return True
        if code != 0:
            return True
    return False


def try_fault(name, finder):
    started = time.monotonic()
    patch = patch_of(name)
    files = [TREE / path for path in re.findall(r"^\+\+\+ b/(\S+)", patch.read_text(), re.M)]
    originals = {path: path.read_bytes() for path in files}
    log_path = SCRATCH / f"{name}.log"
    with open(log_path, "wb") as log:
        try:
            subprocess.run(["git", "apply", "-C1", "--unsafe-paths", f"--directory={TREE}", str(patch)], cwd="/", check=True, stdout=log, stderr=subprocess.STDOUT)
            built = build({finder.target}, log)
            found = built and finds(finder, log)
        finally:
            for path, content in originals.items():
                path.write_bytes(content)
    seconds = time.monotonic() - started
    if found:
        say(f"ok   {name}: found by {finder.text} ({seconds:.0f} s)")
    else:
        say(f"FAIL {name}: {'not found by ' + finder.text if built else 'does not build'}, see {log_path} ({seconds:.0f} s)")
    return found


def replay(faults):
    SCRATCH.mkdir(parents=True, exist_ok=True)
    copy_tree()
    with open(SCRATCH / "unchanged.log", "wb") as log:
        if not build({finder.target for _, finder in faults}, log):
            say(f"FAIL the unchanged tree does not build, see {log.name}\n0 passed, 1 failed")
            return False
        for finder in {finder.text: finder for _, finder in faults}.values():
            if finds(finder, log):
                say(f"FAIL {finder.text} fails on the unchanged tree, see {log.name}\n0 passed, 1 failed")
                return False
    failed = sum(0 if try_fault(name, finder) else 1 for name, finder in faults)
    say(f"{len(faults) - failed} passed, {failed} failed")
    return failed == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="build nothing: do all patches still apply, and are they documented")
    parser.add_argument("only", nargs="*", help="names of faults, or beginnings of them")
    options = parser.parse_args()
    faults = [fault for fault in FAULTS if not options.only or any(fault[0].startswith(wish) for wish in options.only)]
    sys.exit(0 if (check() if options.check else replay(faults)) else 1)


if __name__ == "__main__":
    main()
