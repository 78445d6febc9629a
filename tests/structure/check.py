#!/usr/bin/python3
"""Holds the tree against the rules of docs/architecture.md: include arrows, seams, order of iteration, folder cycles."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Which folders may include which (docs/architecture.md, "Folders"). Generated messages count as their folder.
MAY_INCLUDE = {
    "base": {"base", "sdk/include"},
    "model": {"model", "base", "sdk/include"},
    "api": {"api", "model", "base", "sdk/include"},
    "server": {"server", "api", "model", "base", "sdk/include"},
    "agent": {"agent", "api", "model", "base", "sdk/include", "sdk/host"},
    "sdk/include": {"sdk/include"},
    "sdk/proto": {"sdk/proto"},
    "sdk/src": {"sdk/src", "sdk/include", "sdk/proto", "base"},
    "sdk/host": {"sdk/host", "sdk/include", "sdk/proto", "base"},
    "sdk/shim": {"sdk/shim", "sdk/include", "base"},
    "plugins": {"plugins", "sdk/include"},
    # Wrong drivers, built from the right one; the judge itself shares nothing with those it judges.
    "conformance/broken": {"conformance/broken", "plugins", "sdk/src", "sdk/proto", "sdk/include", "base"},
    "conformance": {"conformance", "sdk/host", "sdk/proto", "sdk/include", "base"},
}

# The only places that may read the clock, randomness or the environment, and sleep.
WORLD = re.compile(r"(system|steady|high_resolution)_clock::now|std::random_device|(?<![\w.>:])rand\(\)|\bgetenv\(|sleep_for\(|\bsleep_until\(")
WORLD_SEAMS = ("base/loop/", "base/http/", "cli/", "sdk/", "plugins/", "tests/", "base/process/", "base/cgroup/", "base/rpc/", "conformance/", "agent/logs/")
MUTEX = re.compile(r"std::(mutex|shared_mutex|recursive_mutex|lock_guard|unique_lock|scoped_lock)")
MUTEX_SEAMS = ("base/", "sdk/", "plugins/", "conformance/", "tests/", "cli/")
UNORDERED = re.compile(r"std::unordered_(map|set|multimap|multiset)")

problems = []
checks = 0


def sources():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True, capture_output=True, check=True).stdout
    return [f for f in listed.split("\n") if f.endswith((".cc", ".h")) and (ROOT / f).is_file()]


def folder(path):
    parts = path.split("/")
    two_parts = parts[0] == "sdk" or parts[:2] == ["conformance", "broken"]
    return "/".join(parts[:2]) if two_parts else parts[0]


def target_folder(include):
    if include.startswith("drover/"):
        return "sdk/include"
    return folder(include)


def check_arrows(files):
    for name in files:
        if name.endswith("_test.cc") or "/test_" in name:
            continue
        allowed = MAY_INCLUDE.get(folder(name))
        if allowed is None:
            continue
        for number, line in enumerate((ROOT / name).read_text(errors="replace").splitlines(), 1):
            found = re.match(r'\s*#include [<"]((?:[a-z_]+/)+[\w.]+)[">]', line)
            if not found:
                continue
            into = target_folder(found.group(1))
            ours = into == "sdk/include" or (ROOT / into).is_dir()
            if ours and into not in allowed:
                problems.append(f"{name}:{number}: {folder(name)} may not include {found.group(1)}")


def check_pattern(files, pattern, allowed, what):
    for name in files:
        if name.endswith("_test.cc") or name.startswith(allowed):
            continue
        for number, line in enumerate((ROOT / name).read_text(errors="replace").splitlines(), 1):
            if pattern.search(line.split("//")[0]):
                problems.append(f"{name}:{number}: {what}: {line.strip()[:100]}")


def check_order(files):
    """No decision iterates an unordered container: server/ and agent/ and model/ hold none that is ever iterated."""
    for name in files:
        if not name.startswith(("server/", "agent/", "model/")) or name.endswith("_test.cc"):
            continue
        text = (ROOT / name).read_text(errors="replace")
        members = set(re.findall(r"std::unordered_\w+<[^;]*>\s+(\w+)", text))
        for member in members:
            if re.search(r"for \([^;)]*:\s*(?:\w+(?:\.|->))*" + member + r"\)", text) or re.search(member + r"\.begin\(\)", text):
                problems.append(f"{name}: iterates the unordered container {member}; use a sorted copy")


def check_cycles(files):
    """Folders include each other in one direction only. A folder is the first two parts of a path: what lies deeper belongs to it."""
    edges = {}

    def place(path):
        return "/".join(pathlib.PurePath(path).parent.parts[:2])

    for name in files:
        if name.endswith("_test.cc"):
            continue
        here = place(name)
        for include in re.findall(r'#include "((?:[a-z_]+/)+[\w.]+)"', (ROOT / name).read_text(errors="replace")):
            there = place(include)
            if there != here and (ROOT / there).is_dir():
                edges.setdefault(here, set()).add(there)
    seen, stack = {}, []

    def visit(node):
        seen[node] = 1
        stack.append(node)
        for after in sorted(edges.get(node, ())):
            if seen.get(after) == 1:
                problems.append("folder cycle: " + " -> ".join(stack[stack.index(after):] + [after]))
            elif after not in seen:
                visit(after)
        stack.pop()
        seen[node] = 2

    for node in sorted(edges):
        if node not in seen:
            visit(node)


def check_headers(files):
    for name in files:
        if name.endswith(".h") and "#pragma once" not in (ROOT / name).read_text(errors="replace"):
            problems.append(f"{name}: a header without #pragma once")


def main():
    files = sources()
    suite = [
        ("include arrows", lambda: check_arrows(files)),
        ("the world is passed in", lambda: check_pattern(files, WORLD, WORLD_SEAMS, "reads clock, random, environment or sleeps below main")),
        ("no mutex outside base and the SDK", lambda: check_pattern(files, MUTEX, MUTEX_SEAMS, "a mutex outside base/ and sdk/")),
        ("no decision iterates an unordered container", lambda: check_order(files)),
        ("no folder cycle", lambda: check_cycles(files)),
        ("headers guard themselves", lambda: check_headers(files)),
    ]
    failed = 0
    for name, check in suite:
        before = len(problems)
        check()
        if len(problems) > before:
            failed += 1
            print(f"FAIL {name}")
            print("\n".join("  " + p for p in problems[before:]))
        else:
            print(f"ok   {name}")
    print(f"{len(suite) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
