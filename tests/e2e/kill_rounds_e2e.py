#!/usr/bin/python3
"""Twenty tasks that print numbered lines, while the agent, the driver, drover-logs and the server are killed in turn."""
from harness import equal, main, until
from kills import ONCE, PRINT, Apart, Host, Together, check_lines, pid_in, printers_alive, task_state

PRINTERS = 20
ROUNDS, SOAK_ROUNDS = 5, 50
EXIT_BASE = 40
LINES_AT_LEAST = 20


def one_kill(host, part, name, code, pids):
    """Kills one part while a task ends; the printers go on, the exit is told, nothing runs twice."""
    go = host.world.dir / f"go-{name}"
    host.run(name, f'echo ready; until [ -e {go} ]; do sleep 0.01; done; exit {code}', kind="batch", task_extra=ONCE, extra="reschedule {\n attempts = 0\n unlimited = false\n }")
    alloc = host.server.wait_running(name, 1)[0]["ID"]
    until(lambda: host.log_text(alloc) == "ready\n", f"{name} to be ready")
    before = {a: len(host.log_text(a)) for a in pids}

    bring_back = host.kill(part)
    go.write_text("")
    bring_back()

    def told():
        state = task_state(host, alloc)
        return state["State"] == "dead" and [e for e in state["Events"] if e["Type"] == "Terminated"]
    terminated = until(told, f"the end of {name} to be told after {part} was killed")
    equal([e["Details"]["exit_code"] for e in terminated], [str(code)], f"exit code of {name}, while {part} was away")
    for a in pids:
        until(lambda: len(host.log_text(a)) > before[a], f"{a} to print on after {part} was killed")
    equal(printers_alive(), sorted(pids.values()), f"the processes that print, after {part} was killed")


def kill_rounds(world, arrangement):
    host = Host(arrangement(world))
    host.run("print", PRINT, count=PRINTERS, task_extra=ONCE)
    allocs = [a["ID"] for a in host.server.wait_running("print", PRINTERS)]
    for alloc in allocs:
        until(lambda: host.log_text(alloc).count("\n") >= LINES_AT_LEAST, f"{alloc} to print")
    pids = {alloc: pid_in(host.log_text(alloc)) for alloc in allocs}
    equal(printers_alive(), sorted(pids.values()), "the processes that print")

    for number in range(SOAK_ROUNDS if world.soak else ROUNDS):
        for index, part in enumerate(arrangement.parts):
            one_kill(host, part, f"exit-{number}-{part}", EXIT_BASE + index, pids)

    for alloc in allocs:
        state = task_state(host, alloc)
        equal((state["State"], state["Restarts"], state["Failed"]), ("running", 0, False), f"state of {alloc}")
    host.server.cli("job", "stop", "print")
    until(lambda: not printers_alive(), "the printers to end")
    until(lambda: all(task_state(host, a)["State"] == "dead" for a in allocs), "the ends to be told")
    total = sum(check_lines(host.log_text(alloc), alloc) for alloc in allocs)
    print(f"note: {total} lines of {PRINTERS} tasks, none lost or doubled")


def together(world):
    """kill -9 of agent, driver and drover-logs in turn: same pids, no line lost or doubled, exit codes right"""
    kill_rounds(world, Together)


def apart(world):
    """the same with the server as a process of its own, killed in its turn"""
    kill_rounds(world, Apart)


if __name__ == "__main__":
    main([together, apart])
