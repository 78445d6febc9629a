"""The parent of one task: starts it, waits for it, and leaves its exit on disk. It outlives the driver.

Called as `supervise.py STATE`. STATE/spec.json says what to run. One line on standard output says how the start went; the
exit is in STATE/exit.json before the process ends. SIGTERM ends everything. Only the standard library is loaded: there is one
of these beside every task.
"""
import ctypes
import json
import os
import signal
import stat
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def write_whole(path, value):
    """A reader sees all of the file or nothing of it."""
    with open(path + ".new", "w") as file:
        json.dump(value, file)
    os.rename(path + ".new", path)


def start_time(pid):
    """Names a process together with its pid; None when there is none."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rsplit(") ", 1)[1].split()[19])
    except (OSError, IndexError):
        return None


def descendants(pid):
    found, left = [], [pid]
    while left:
        parent = left.pop()
        try:
            for thread in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{thread}/children") as file:
                    children = [int(child) for child in file.read().split()]
                found += children
                left += children
        except OSError:
            pass
    return found


def kill_all():
    """Ends whatever the task has left, whichever session it made: orphans become children of ours."""
    while True:
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def open_output(path):
    if not path:
        return os.open(os.devnull, os.O_RDWR)
    # A FIFO opened for both does not wait for a reader, and a reader that goes away kills nobody.
    is_fifo = stat.S_ISFIFO(os.stat(path).st_mode)
    return os.open(path, (os.O_RDWR if is_fifo else os.O_WRONLY | os.O_APPEND))


def become_task(spec, outputs, report):
    """In the child: never returns."""
    try:
        os.setsid()
        for number in range(1, signal.NSIG):
            if number not in (signal.SIGKILL, signal.SIGSTOP):
                try:
                    signal.signal(number, signal.SIG_DFL)
                except (OSError, ValueError):
                    pass
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.chdir(spec["cwd"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(outputs[0], 1)
        os.dup2(outputs[1], 2)
        os.closerange(3, report)
        os.closerange(report + 1, 256)
        os.execve(spec["argv"][0], spec["argv"], spec["env"])
    except OSError as error:
        os.write(report, str(error).encode())
    os._exit(127)


def main():
    state = sys.argv[1]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.umask(0o22)
    signal.signal(signal.SIGTERM, lambda *_: (kill_all(), os._exit(1)))
    with open(f"{state}/spec.json") as file:
        spec = json.load(file)
    write_whole(f"{state}/supervisor.json", [os.getpid(), start_time(os.getpid())])
    try:
        outputs = [open_output(spec["stdout"]), open_output(spec["stderr"])]
    except OSError as error:
        print(json.dumps({"error": f"open the output: {error}"}), flush=True)
        return 1
    # Ends by itself when the program is executed; else it says why not.
    listen, report = os.pipe()
    task = os.fork()
    if task == 0:
        become_task(spec, outputs, report)
    os.close(report)
    for output in outputs:
        os.close(output)
    problem = os.read(listen, 4096).decode()
    os.close(listen)
    if problem:
        os.waitpid(task, 0)
        print(json.dumps({"error": problem}), flush=True)
        return 1
    started = {"pid": task, "pid_started": start_time(task), "started_at": time.time()}
    write_whole(f"{state}/started.json", started)
    print(json.dumps(started), flush=True)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)  # nobody's pipe is held

    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == task:
            break
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    code = 128 + number if number else os.WEXITSTATUS(status)
    write_whole(f"{state}/exit.json", {"code": code, "signal": number, "at": time.time()})
    kill_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
