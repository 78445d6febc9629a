"""What a test may leave on a machine: processes, mounts, network namespaces, cgroups. Used before and after."""
import contextlib
import os
import pathlib

CGROUPS = pathlib.Path("/sys/fs/cgroup")
OUR_GROUPS = ("nomad", "drover")  # how the groups begin that agents make for their tasks


def mounts():
    return sorted(line.split(" ")[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines())


def network_namespaces():
    folder = pathlib.Path("/run/netns")
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def cgroups():
    """All groups that agents make, deepest first: in each hierarchy (v1) or in the only one (v2)."""
    roots = [CGROUPS] + [entry for entry in CGROUPS.iterdir() if entry.is_dir() and not entry.is_symlink()] if CGROUPS.is_dir() else []
    found = set()
    for root in roots:
        with contextlib.suppress(OSError):
            for top in root.iterdir():
                if top.is_dir() and top.name.startswith(OUR_GROUPS):
                    found.update([str(top)] + [str(folder) for folder in top.rglob("*") if folder.is_dir()])
    return sorted(found, key=lambda name: (-name.count("/"), name))


def remove_empty_cgroups(before):
    """Removes the groups that were not there before and that hold no process; gives those that stay."""
    left = []
    for name in cgroups():
        if name in before:
            continue
        try:
            os.rmdir(name)
        except OSError:
            if os.path.isdir(name):
                left.append(name)
    return left


def processes_of(folder):
    """Processes that run a program of that folder: (pid, command line)."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if os.readlink(entry / "exe").startswith(str(folder) + "/"):
                found.append((int(entry.name), (entry / "cmdline").read_text().replace("\0", " ")[:160]))
    return found
