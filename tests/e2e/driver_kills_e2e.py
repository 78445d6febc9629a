#!/usr/bin/python3
"""The driver's process dies of SIGKILL before and after every call of the agent, with twenty tasks running: none lost, doubled or orphaned.

The driver is raw_exec, served by the program of the judge's wrong drivers: it kills itself at the call it is told. What each
call is provoked by is a launch of the driver, or a task that is started, signalled, looked into, stopped, ended.
"""
import contextlib
import itertools
import os
import signal

from harness import check, equal, main, raw_job, until
from kills import LEDGERED_CODE, ONCE, PRINT, Apart, Host, Ledger, check_lines, pid_in, pids_of, printers_alive, task_state

PRINTERS = 20
LINES_AT_LEAST = 5
SLOW_S = 60
DRIVER = "/drover-broken-driver"
MOMENTS = ("before", "done", "answered")

# What calls a method: a launch of the driver, or a step of a task.
AT_LAUNCH = ("PluginInfo", "ConfigSchema", "SetConfig", "TaskConfigSchema", "Capabilities", "RecoverTask")
STREAMS_AT_LAUNCH = ("Fingerprint", "TaskEvents")  # they end with the process: no moment after them
OF_TASKS = ("StartTask", "WaitTask", "SignalTask", "ExecTaskStreaming", "StopTask", "DestroyTask")
QUICK = (("RecoverTask", "before"), ("StartTask", "before"), ("StartTask", "done"), ("WaitTask", "done"), ("StopTask", "before"), ("DestroyTask", "done"))

# Whoever dies in the middle of a start takes it with it: another one follows.
AGAIN = 'restart {\n attempts = 2\n delay = "1s"\n interval = "1h"\n mode = "fail"\n }'
NOT_ELSEWHERE = "reschedule {\n attempts = 0\n unlimited = false\n }"


def cases(soak):
    if not soak:
        return QUICK
    # An interactive command has no answer that is held back: its frames come one by one.
    return [(method, moment) for method, moment in itertools.product(AT_LAUNCH + OF_TASKS, MOMENTS)] + [(method, "before") for method in STREAMS_AT_LAUNCH] + [("Fingerprint", "done"), ("TaskStats", "before"), ("TaskStats", "done")]


class Death:
    """An order to die, carried out when the process that took it is gone."""

    def __init__(self, file):
        self.file = file

    def has_come(self):
        text = self.file.read_text() if self.file.exists() else ""
        return text.endswith("\n") and int(text) not in pids_of(DRIVER)


class Sweep:
    def __init__(self, world):
        self.world = world
        self.orders = world.dir / "orders"
        self.orders.mkdir()
        plugins = world.dir / "plugins"
        plugins.mkdir(mode=0o755)
        plugin = plugins / "raw_exec"
        plugin.write_text(f"#!/bin/sh\nexec {world.build}/libexec/drover{DRIVER} --dies-when-told {self.orders}\n")
        plugin.chmod(0o755)
        self.host = Host(Apart(world, f'plugin_dir = "{plugins}"'))
        self.client, self.server = self.host.roles.client, self.host.server
        self.numbers = itertools.count(1)
        self.witness = None  # an allocation that runs all the time: a driver works when a command runs in it
        until(lambda: pids_of(DRIVER), "the driver")

    def tell(self, method, moment):
        order = self.orders / f"{method}.{moment}"
        order.write_text("")
        return Death(self.orders / f"{method}.{moment}.died")

    def revive(self):
        """Until the driver works again: the agent is told to look, because it waits longer and longer with one that dies so often."""
        def works():
            if pids_of(DRIVER) and "in a task" in self.execute(self.witness, "echo", "in a task"):
                return True
            self.client.process.send_signal(signal.SIGHUP)
        try:
            until(works, "the driver to be launched again", SLOW_S)
        except AssertionError as error:
            raise AssertionError(f"{error}; a command in a task: {self.execute(self.witness, 'echo', 'in a task')}") from None

    def execute(self, alloc, *command):
        return self.server.cli("alloc", "exec", "-t=false", "-i=false", "-task=t", alloc, *command, code=None)

    def relaunch(self, died):
        """A launch dies of the order; the one after it works."""
        for pid in pids_of(DRIVER):
            os.kill(pid, signal.SIGKILL)
        def is_dead():
            self.client.process.send_signal(signal.SIGHUP)
            return died.has_come()
        until(is_dead, f"{died.file.name} at a launch of the driver", SLOW_S)

    def live(self, name, ledger, died, again):
        """One task from its start to its end; what it is asked stops mattering once the driver has died of it."""
        self.host.run(name, ledger.script(), kind="batch", task_extra=AGAIN if again else ONCE, extra=NOT_ELSEWHERE)
        def runs():
            if died.has_come():
                self.revive()
            allocs = self.server.allocs(name)
            return allocs and ledger.starts() and task_state(self.host, allocs[0]["ID"])["State"] == "running" and allocs[0]["ID"]
        alloc = until(runs, f"{name} to run", SLOW_S)
        # The step may fail with the driver; that is what the command then says.
        with contextlib.suppress(OSError):
            self.client.call("PUT", f"/v1/client/allocation/{alloc}/signal", {"Signal": "SIGCONT", "Task": "t"})
            self.client.call("GET", f"/v1/client/allocation/{alloc}/stats")
        self.execute(alloc, "true")
        if died.has_come():
            self.revive()
        return alloc

    def end(self, name, alloc, ledger, died, stopped):
        if stopped:
            self.server.cli("job", "stop", "-detach", name)
        else:
            ledger.go()
        def ended():
            if died.has_come():
                self.revive()
            return task_state(self.host, alloc)["State"] == "dead"
        until(ended, f"{name} to be told as dead", SLOW_S)
        until(lambda: not ledger.alive(), f"no process of {name} to be left: {ledger.alive()}")
        check("doubled" not in ledger.lines(), f"{name}: two ran at once: {ledger.lines()}")
        if stopped:
            return
        told = [e["Details"]["exit_code"] for e in task_state(self.host, alloc)["Events"] if e["Type"] == "Terminated"]
        equal(told[-1:], [str(LEDGERED_CODE)], f"{name}: exit code told; its ledger: {ledger.lines()}")

    def one(self, method, moment):
        name = f"{method.lower()}-{moment}-{next(self.numbers)}"
        ledger = Ledger(self.world.dir / name)
        died = self.tell(method, moment)
        if method in AT_LAUNCH + STREAMS_AT_LAUNCH:
            self.relaunch(died)
            self.revive()
        alloc = self.live(name, ledger, died, again=method == "StartTask")
        self.end(name, alloc, ledger, died, stopped=method == "StopTask")
        if method == "DestroyTask":  # a task is destroyed when its end is told, at the latest when it is forgotten
            self.server.cli("job", "stop", "-purge", "-detach", name)
            self.server.put("/v1/system/gc")
        until(died.has_come, f"the driver to die at {method}, {moment}", SLOW_S)
        self.revive()
        if method != "StartTask":
            equal(len(ledger.starts()), 1, f"{name}: starts: {ledger.lines()}")


def every_call(world):
    """kill -9 of the driver before and after every call, with 20 tasks running: 0 lost, doubled, orphaned"""
    sweep = Sweep(world)
    host = sweep.host
    host.run("print", PRINT, count=PRINTERS, task_extra=ONCE)
    allocs = [a["ID"] for a in host.server.wait_running("print", PRINTERS, SLOW_S)]
    for alloc in allocs:
        until(lambda: host.log_text(alloc).count("\n") >= LINES_AT_LEAST, f"{alloc} to print", SLOW_S)
    sweep.witness = allocs[0]
    pids = {alloc: pid_in(host.log_text(alloc)) for alloc in allocs}

    deaths = cases(world.soak)
    for method, moment in deaths:
        before = {alloc: len(host.log_text(alloc)) for alloc in allocs}
        try:
            sweep.one(method, moment)
        except AssertionError as error:
            raise AssertionError(f"{method}, {moment}: {error}") from None
        equal(printers_alive(), sorted(pids.values()), f"the processes that print, after the driver died at {method}, {moment}")
        for alloc in allocs:
            state = task_state(host, alloc)
            equal(state["State"], "running", f"state of {alloc} after the driver died at {method}, {moment}: {[e['DisplayMessage'] for e in state['Events']]}")
        for alloc in allocs:
            until(lambda: len(host.log_text(alloc)) > before[alloc], f"{alloc} to print on after {method}, {moment}")

    for alloc in allocs:
        state = task_state(host, alloc)
        equal((state["State"], state["Restarts"], state["Failed"]), ("running", 0, False), f"state of {alloc}: {[e['DisplayMessage'] for e in state['Events']]}")
    host.server.cli("job", "stop", "print")
    until(lambda: not printers_alive(), "the printers to end", SLOW_S)
    until(lambda: all(task_state(host, a)["State"] == "dead" for a in allocs), "the ends to be told", SLOW_S)
    total = sum(check_lines(host.log_text(alloc), alloc) for alloc in allocs)
    print(f"note: {len(deaths)} deaths of the driver, {total} lines of {PRINTERS} tasks: 0 lost, 0 doubled, 0 orphaned", flush=True)


if __name__ == "__main__":
    main([every_call])
