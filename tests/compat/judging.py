"""What the suites about drivers share: counting checks, running programs, asking the judge of drivers.

A suite ends with `sys.exit(end())`, which prints the line that tests/run.py reads.
"""
import argparse
import os
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "sdk" / "examples"
COOKIE = "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255"
RUN_S = 300

passed, failed = [], []


def check(name, condition, seen=""):
    (passed if condition else failed).append(name)
    if not condition:
        print(f"failed: {name}: {seen}", flush=True)


def end():
    print(f"{len(passed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def options(doc):
    """The options of every suite; a suite adds its own before it parses."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--build", type=lambda path: pathlib.Path(path).resolve(), default=ROOT / "build" / "dev")
    parser.add_argument("--soak", action="store_true")
    return parser


def run_apart(*argv, timeout=RUN_S, cwd=None, env=None):
    """(exit status, standard output, standard error); `env` is all of its environment."""
    # Files, not pipes: what a wrong driver leaves behind would keep a pipe open, and us waiting.
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        try:
            code = subprocess.run(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=output, stderr=errors, timeout=timeout, cwd=cwd, env=env).returncode
        except subprocess.TimeoutExpired:
            code = -1
            errors.write(f"still running after {timeout} s")
        output.seek(0)
        errors.seek(0)
        return code, output.read(), errors.read()


def run(*argv, timeout=RUN_S, cwd=None, env=None):
    """(exit status, all that it said); `env` is added to ours."""
    code, output, errors = run_apart(*argv, timeout=timeout, cwd=cwd, env=dict(os.environ, **(env or {})))
    return code, output + errors


def judge_argv(judge, plugin, *more, args=(), fixture=None, levels=(), only=()):
    """The judge's command line for one driver."""
    argv = [judge, "--plugin", plugin, *more]
    argv += ["--fixture", fixture] if fixture else []
    for name, words in (("--arg", args), ("--level", levels), ("--only", only)):
        argv += [part for word in words for part in (name, word)]
    return argv
