#!/usr/bin/python3
"""Debian's go-plugin as the judge of our plugin protocol, both ways: a Go host drives our drivers, our host a Go driver."""
import base64
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile

from judging import ROOT, check, end, options

HERE = pathlib.Path(__file__).resolve().parent
GO = "/usr/bin/go"
DRIVER = "/hashicorp.nomad.plugins.drivers.proto.Driver/"
BASE = "/hashicorp.nomad.plugins.base.proto.BasePlugin/"

soak_rounds = 50
HOSTS = []  # the newest last


def msgpack(value):
    """Enough of it for configurations."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return b"\xd3" + value.to_bytes(8, "big", signed=True)
    if isinstance(value, str):
        return b"\xdb" + len(value.encode()).to_bytes(4, "big") + value.encode()
    if isinstance(value, list):
        return b"\xdd" + len(value).to_bytes(4, "big") + b"".join(map(msgpack, value))
    return b"\xdf" + len(value).to_bytes(4, "big") + b"".join(msgpack(k) + msgpack(v) for k, v in value.items())


def packed(value):
    return base64.b64encode(msgpack(value)).decode()


def build(folder):
    cache = ROOT / "build" / "gocache"
    env = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="", GOCACHE=str(cache))
    subprocess.run(["protoc", f"--proto_path={ROOT}", "--include_imports", f"--descriptor_set_out={folder}/wire.bin",
                    *map(str, sorted((ROOT / "sdk" / "proto").glob("*.proto")))], check=True, cwd=ROOT)
    for name, main in (("host", "host.go"), ("go-shell", "driver.go")):
        subprocess.run([GO, "build", "-p", "1", "-o", f"{folder}/{name}", "wire.go", main], check=True, env=env,
                       cwd=HERE / "goplugin")


class Host:
    """The Go host with one driver, spoken to a line at a time."""

    def __init__(self, folder, program, mtls=False):
        argv = [f"{folder}/host", f"{folder}/wire.bin"] + (["-mtls"] if mtls else []) + [str(program)]
        self.log_path = f"{folder}/host.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        first = json.loads(self.process.stdout.readline())
        self.pid, self.error = first.get("pid"), first.get("error")
        self.driver = Process(self.pid) if self.pid else None
        HOSTS.append(self)

    def ask(self, **order):
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def call(self, method, request=None, base=DRIVER, **more):
        return self.ask(call=base + method, request=request or {}, **more)

    def stream(self, method, send, until=0, **more):
        return self.ask(stream=DRIVER + method, send=send, until=until, **more)

    def end(self):
        self.ask(kill=True)
        self.process.stdin.close()
        self.process.wait(10)

    def last_words(self):
        return open(self.log_path, errors="replace").read()[-2000:]


class Process:
    """A process that is not our child: signalled and waited for by its descriptor."""

    def __init__(self, pid):
        try:
            self.fd = os.pidfd_open(pid)
        except ProcessLookupError:
            self.fd = None

    def signal(self, number):
        """False when there is no such process any more."""
        try:
            if self.fd is not None:
                signal.pidfd_send_signal(self.fd, number)
        except ProcessLookupError:
            return False
        return self.fd is not None

    def ends_within(self, seconds):
        return self.fd is None or bool(select.select([self.fd], [], [], seconds)[0])


def judge(judging, *given):
    """A judge that cannot go on is one failure that says why, and the others are heard all the same."""
    try:
        judging(*given)
    except (OSError, ValueError, KeyError, TypeError, IndexError, subprocess.SubprocessError) as error:
        words = HOSTS[-1].last_words() if HOSTS else ""
        check(f"{judging.__name__} came to its end", False, f"{type(error).__name__}: {error}; the host's log ends: {words}")


def judge_basics(folder, name, program, driver, mtls):
    label = f"{name}{' with mTLS' if mtls else ''}: "
    host = Host(folder, program, mtls)
    check(label + "go-plugin shakes hands with it", host.pid, host.error)
    if not host.pid:
        return
    check(label + "health of the service 'plugin'", host.ask(ping=True)["error"] == "")
    info = host.call("PluginInfo", base=BASE)["response"]
    check(label + "who it is", info["name"] == driver and info["type"] == "DRIVER" and "v0.1.0" in info["plugin_api_versions"], info)
    check(label + "SetConfig without configuration, twice", all(host.call("SetConfig", base=BASE)["code"] == 0 for _ in "12"))
    schema = host.call("TaskConfigSchema")["response"]
    check(label + "a schema of its tasks", "object" in schema["spec"], schema)
    check(label + "capabilities", "capabilities" in host.call("Capabilities")["response"])
    check(label + "a first fingerprint at once", len(host.stream("Fingerprint", [{}], until=1, seconds=2)["messages"]) == 1)
    check(label + "the fingerprint stream stays open", host.stream("Fingerprint", [{}], seconds=1)["code"] == 4)
    check(label + "the event stream stays open", host.stream("TaskEvents", [{}], seconds=1)["code"] == 4)
    for method in ("WaitTask", "InspectTask", "DestroyTask"):
        answer = host.call(method, {"task_id": "x"})
        check(label + method + " of an unknown task", answer["code"] == 2 and answer["error"] == "task not found for given id", answer)
    check(label + "Init and Shutdown", host.call("Init")["code"] == 0 and host.call("Shutdown")["code"] == 0)
    check(label + "garbage as a configuration is refused", host.call("SetConfig", {"msgpack_config": "wQ=="}, base=BASE)["code"] == 2)
    garbage = {"task_id": "g", "handle": {"version": 1, "config": {"id": "g"}, "driver_state": "Z2FyYmFnZQ=="}}
    check(label + "garbage as a handle is refused", host.call("RecoverTask", garbage)["code"] == 2)
    check(label + "a handle of another version is refused", host.call("RecoverTask", {"handle": {"version": 9, "config": {"id": "g"}}})["code"] == 2)
    network = host.call("CreateNetwork", {"alloc_id": "a"})
    check(label + "a driver that makes no networks says so",
          (network["code"], network["error"]) == (2, "CreateNetwork RPC not supported by driver"), network)
    check(label + "its process is alive", host.driver.signal(signal.SIGINT))
    check(label + "Ctrl-C at the agent's terminal is not for it", host.call("Init")["code"] == 0)
    host.end()
    check(label + "it ends when asked", host.driver.ends_within(3))


def judge_mock(folder, program):
    host = Host(folder, program)
    start = lambda task, config: host.call("StartTask", {"task": {"id": task, "name": task, "msgpack_driver_config": packed(config)}})
    first = start("a", {"run_for": "1h", "exit_code": 3})
    handle = first["response"]["handle"]
    check("mock: the handle echoes the task", handle["config"]["id"] == "a" and handle["state"] == "RUNNING" and handle["driver_state"], handle)
    second = start("a", {})
    check("mock: the same task twice is refused", second["code"] == 2 and "already started" in second["error"], second)
    recoverable = start("b", {"start_error": "later", "start_error_recoverable": True})
    check("mock: a recoverable error has its detail", (recoverable["code"], recoverable["error"], recoverable["details"]) == (9, "later", 1), recoverable)
    fatal = start("c", {"start_error": "never"})
    check("mock: any other error is plain", (fatal["code"], fatal["error"], fatal["details"]) == (2, "never", 0), fatal)
    waiting = host.call("WaitTask", {"task_id": "a"}, seconds=0.5)
    check("mock: a waiter may give up", waiting["code"] == 4, waiting)
    inspected = host.call("InspectTask", {"task_id": "a"})["response"]["task"]
    check("mock: inspected while running", inspected["state"] == "RUNNING" and {"started_at", "completed_at", "result"} <= set(inspected), inspected)
    stats = host.stream("TaskStats", [{"task_id": "a", "collection_interval": "0.2s"}], until=3, seconds=5)["messages"]
    check("mock: statistics have what Go hosts need", all({"timestamp", "agg_resource_usage"} <= set(m["stats"]) for m in stats), stats)
    unknown = host.stream("TaskStats", [{"task_id": "x", "collection_interval": "1s"}], seconds=5)
    check("mock: statistics of an unknown task are an error", unknown["code"] == 2, unknown)
    check("mock: not destroyed while running", host.call("DestroyTask", {"task_id": "a"})["code"] == 2)
    check("mock: stopped", host.call("StopTask", {"task_id": "a", "timeout": "1s", "signal": "SIGTERM"})["code"] == 0)
    check("mock: stopped again", host.call("StopTask", {"task_id": "a", "timeout": "1s"})["code"] == 0)
    ended = host.call("WaitTask", {"task_id": "a"})["response"]["result"]
    check("mock: how it ended", ended == {"exit_code": 143, "signal": 15}, ended)
    closed = host.stream("TaskStats", [{"task_id": "a", "collection_interval": "1s"}], seconds=5)
    check("mock: statistics end well with the task", closed["code"] == 0, closed)
    check("mock: destroyed, and then unknown", host.call("DestroyTask", {"task_id": "a", "force": True})["code"] == 0
          and host.call("DestroyTask", {"task_id": "a"})["error"] == "task not found for given id")
    host.end()

    host = Host(folder, program)
    del handle["config"]["msgpack_driver_config"]  # as after a restart of an agent that does not keep it
    check("mock: recovered by another process", host.call("RecoverTask", {"handle": handle})["code"] == 0)
    check("mock: recovering twice is fine", host.call("RecoverTask", {"handle": handle})["code"] == 0)
    check("mock: the recovered task runs on", host.call("InspectTask", {"task_id": "a"})["response"]["task"]["state"] == "RUNNING")
    host.end()


def shell_task(folder, name, command, args, **more):
    alloc = folder / "alloc"
    for part in ("alloc/logs", f"{name}/local", f"{name}/secrets"):
        (alloc / part).mkdir(parents=True, exist_ok=True)
    out, err = alloc / f"{name}.out", alloc / f"{name}.err"
    out.touch()
    err.touch()
    task = {"id": f"0f0e/{name}/1", "name": name, "alloc_id": "0f0e", "alloc_dir": str(alloc), "stdout_path": str(out),
            "stderr_path": str(err), "env": {"PATH": "/usr/bin:/bin", "GREETING": "hello", "EMPTY": ""},
            "msgpack_driver_config": packed({"command": command, "args": args, **more}),
            "resources": {"allocated_resources": {"cpu": {"cpu_shares": "100"}, "memory": {"memory_mb": "64"}},
                          "linux_resources": {"cpu_shares": "100", "memory_limit_bytes": str(64 << 20)}}}
    return task, out, err


def data_of(messages, name):
    return b"".join(base64.b64decode(m.get(name, {}).get("data", "")) for m in messages)


def judge_raw_exec(folder, program):
    host = Host(folder, program)
    check("raw_exec: enabled by its configuration", host.call("SetConfig", {"msgpack_config": packed({"enabled": True})}, base=BASE)["code"] == 0)
    print_task, out, err = shell_task(folder, "print", "/bin/sh", ["-c", "echo $GREETING; echo oops >&2; exit 3"])
    started = host.call("StartTask", {"task": print_task})
    check("raw_exec: starts a command", started["code"] == 0, started)
    ended = host.call("WaitTask", {"task_id": print_task["id"]})
    check("raw_exec: its exit code", ended.get("response", {}).get("result") == {"exit_code": 3}, ended)
    check("raw_exec: its output", (out.read_text(), err.read_text()) == ("hello\n", "oops\n"), (out.read_text(), err.read_text()))
    check("raw_exec: destroyed", host.call("DestroyTask", {"task_id": print_task["id"], "force": True})["code"] == 0)
    missing, _, _ = shell_task(folder, "missing", "/no/such/program", [])
    refused = host.call("StartTask", {"task": missing})
    check("raw_exec: a missing program is an error that names it", refused["code"] == 2 and "/no/such/program" in refused["error"], refused)

    loop_task, _, _ = shell_task(folder, "loop", "/bin/sh", ["-c", "trap 'exit 9' USR1; while :; do sleep 0.05; done"])
    handle = host.call("StartTask", {"task": loop_task})["response"]["handle"]
    task = loop_task["id"]
    ran = host.call("ExecTask", {"task_id": task, "command": ["/bin/sh", "-c", "echo $GREETING; exit 4"], "timeout": "5s"})
    check("raw_exec: a command inside", ran.get("response", {}).get("result") == {"exit_code": 4}
          and base64.b64decode(ran["response"]["stdout"]) == b"hello\n", ran)
    late = host.call("ExecTask", {"task_id": task, "command": ["sleep", "60"], "timeout": "0.3s"})
    check("raw_exec: a command that takes too long", late["code"] == 4, late)
    setup = {"setup": {"task_id": task, "command": ["/bin/sh", "-c", "cat; echo err >&2; exit 43"]}}
    said = {"stdin": {"data": base64.b64encode(b"to be or not\n").decode()}}
    exec_ = host.stream("ExecTaskStreaming", [setup, {}, said, {"stdin": {"close": True}}], seconds=10)
    frames = exec_.get("messages") or [{}]
    check("raw_exec: streamed standard output and error", (data_of(frames, "stdout"), data_of(frames, "stderr")) == (b"to be or not\n", b"err\n"), exec_)
    check("raw_exec: the exit is the last frame", frames[-1] == {"exited": True, "result": {"exit_code": 43}} and exec_["code"] == 0, exec_)
    closes = [list(f)[0] for f in frames if any(isinstance(v, dict) and v.get("close") for v in f.values())]
    check("raw_exec: both streams are closed before it", sorted(closes) == ["stderr", "stdout"], frames)
    size = {"tty_size": {"height": 50, "width": 100}}
    tty = host.stream("ExecTaskStreaming", [{"setup": {"task_id": task, "command": ["/bin/sh", "-c", "sleep 0.3; stty size"], "tty": True}},
                                            {"tty_size": {"height": 1, "width": 2}}, size], seconds=10)
    check("raw_exec: the terminal has its last size", b"50 100\r\n" in data_of(tty.get("messages") or [], "stdout"), tty)
    first = host.stream("ExecTaskStreaming", [said], seconds=5)
    check("raw_exec: the first frame must be the setup", first["code"] == 2 and "setup" in first["error"], first)
    none = host.stream("ExecTaskStreaming", [{"setup": {"task_id": task, "command": ["/no/such"]}}], seconds=5)
    check("raw_exec: a command that cannot be started", none["code"] == 2, none)
    endless = {"setup": {"task_id": task, "command": ["/bin/sh", "-c", "echo $$; exec sleep 987"]}}
    gave_up = host.stream("ExecTaskStreaming", [endless], seconds=1)
    command = int(data_of(gave_up.get("messages") or [], "stdout") or b"0")
    check("raw_exec: a command whose caller has gone is killed",
          gave_up["code"] == 4 and command and Process(command).ends_within(5), gave_up)

    check("raw_exec: its process is alive after all this", host.driver.signal(signal.SIGKILL), host.last_words())
    host.process.kill()
    host.process.wait()
    host = Host(folder, program)
    host.call("SetConfig", {"msgpack_config": packed({"enabled": True})}, base=BASE)
    del handle["config"]["msgpack_driver_config"]
    recovered = host.call("RecoverTask", {"handle": handle})
    check("raw_exec: the task outlives its driver and is recovered", recovered["code"] == 0, recovered)
    check("raw_exec: signalled", host.call("SignalTask", {"task_id": task, "signal": "SIGUSR1"})["code"] == 0)
    ended = host.call("WaitTask", {"task_id": task})
    check("raw_exec: the exit code after recovery", ended.get("response", {}).get("result") == {"exit_code": 9}, ended)
    check("raw_exec: destroyed at last", host.call("DestroyTask", {"task_id": task, "force": True})["code"] == 0)
    host.end()


def judge_by_hand(program):
    alone = subprocess.run([str(program)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10)
    check(f"{program.name}: explains itself by hand", alone.returncode == 1 and alone.stdout == b"" and b"plugin" in alone.stderr, alone)


def our_host_with_a_go_driver(folder, tests):
    for name in ("plugins", "state", "run"):
        (folder / name).mkdir(mode=0o700)
    shutil.copy(folder / "go-shell", folder / "plugins" / "go-shell")
    out = folder / "shell.out"
    out.touch()
    done = subprocess.run([str(tests / "drive_driver"), str(folder / "plugins"), str(folder / "state"), str(folder / "run"), "go-shell",
                           str(out), f"DROVER_DESCRIPTORS={folder}/wire.bin", "PATH=/usr/bin:/bin"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, text=True)
    expected = ["driver=go-shell running=true healthy=true description=Healthy", "start: ok", "wait: code=3 signal=0",
                "again: code=3 signal=0", "destroy: ok", "gone: not found: task not found for given id", "second: ok",
                "usage: rss=4096", "signal: ok", "wait: code=7 signal=0", "third: ok", "stop: ok", "wait: code=143 signal=15",
                "refused: config: no argument or block is named 'comand'", "event: started"]
    lines = done.stdout.splitlines()
    for number, line in enumerate(expected):
        check(f"a Go driver under our host: {line}", number < len(lines) and lines[number] == line, lines[number:number + 1])
    check("a Go driver under our host: its task printed", out.read_text() == "hello\n", out.read_text())
    check("a Go driver under our host: ended with it", done.returncode == 0, done.stdout)


def main():
    given = options(__doc__).parse_args()
    if not pathlib.Path(GO).exists() or not pathlib.Path("/usr/share/gocode/src/google.golang.org/grpc").exists():
        print("note: not run: Debian's Go or its go-plugin, grpc and protobuf libraries are absent (./dev deps)")
        print("0 passed, 1 failed")
        return 1
    plugins = given.build / "lib" / "drover" / "plugins"
    with tempfile.TemporaryDirectory(prefix="drover-go-") as name:
        folder = pathlib.Path(name)
        os.environ["TMPDIR"] = name
        build(folder)
        for name, driver in (("mock", "mock_driver"), ("raw_exec", "raw_exec")):
            judge(judge_by_hand, plugins / name)
            for mtls in (False, True):
                judge(judge_basics, folder, name, plugins / name, driver, mtls)
        judge(judge_mock, folder, plugins / "mock")
        for _ in range(soak_rounds if given.soak else 1):
            judge(judge_raw_exec, folder, plugins / "raw_exec")
        judge(our_host_with_a_go_driver, folder, given.build / "tests")
    return end()


if __name__ == "__main__":
    sys.exit(main())
