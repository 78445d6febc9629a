#!/usr/bin/python3
"""A task driver in Python, from the .proto files and the documentation alone: runs a script with /bin/sh.

    protoc -I ROOT --python_out=gen --grpc_python_out=gen --plugin=protoc-gen-grpc_python=$(command -v grpc_python_plugin) ROOT/sdk/proto/*.proto

writes the messages that it imports from `gen` beside it. README.md says the rest.
"""
import asyncio
import base64
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

COOKIE = "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255"
if os.environ.get("NOMAD_PLUGIN_MAGIC_COOKIE") != COOKIE:
    print("This is the task driver 'hello_py', a plugin: an agent launches it, people do not.", file=sys.stderr)
    sys.exit(1)

HERE = pathlib.Path(__file__).resolve().parent
os.environ["GRPC_VERBOSITY"] = "NONE"  # what it says is no JSON
sys.path.insert(0, str(HERE / "gen"))

import grpc  # noqa: E402
import msgpack  # noqa: E402
from google.protobuf import empty_pb2  # noqa: E402,F401
from sdk.proto import base_pb2, base_pb2_grpc, driver_pb2, driver_pb2_grpc, driver_task_pb2, driver_types_pb2, handshake_pb2, handshake_pb2_grpc, health_pb2, health_pb2_grpc  # noqa: E402
from supervise import descendants, start_time  # noqa: E402

NAME, VERSION = "hello_py", "0.1.0"
MESSAGE_MAX = 64 << 20
HANDLE_VERSION = 1
NOT_FOUND = "task not found for given id"
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def log(level, message, **more):
    """A line as hosts read it; nobody reading is no reason to end."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}Z"
    with contextlib.suppress(OSError):
        os.write(2, (json.dumps({"@level": level, "@message": message[:4000], "@timestamp": stamp, **more}) + "\n").encode())


class Refused(Exception):
    """What a caller is told."""


def stamp_of(message, seconds):
    message.seconds, message.nanos = int(seconds), int(seconds % 1 * 1e9)


def script_of(packed):
    """The one option of a task's config."""
    try:
        config = msgpack.unpackb(packed, raw=False)
    except Exception as error:
        raise Refused(f"config: no msgpack: {error}") from error
    if not isinstance(config, dict):
        raise Refused("config: expected a map")
    script = config.get("script")
    if not isinstance(script, str):
        raise Refused("config: 'script' is required" if script is None else f"config: 'script' must be a string, not {type(script).__name__}")
    return script


def signal_number(name, otherwise=None):
    if not name and otherwise is not None:
        return otherwise
    number = getattr(signal.Signals, name if name.startswith("SIG") else "SIG" + name, None)
    if number is None:
        raise Refused(f"unknown signal '{name}'")
    return number


def open_process(pid, started):
    """A descriptor of exactly that process, or None when it is gone: a pid alone does not name one."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    if start_time(pid) == started:
        return descriptor
    os.close(descriptor)
    return None


async def until_ended(descriptor):
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)


class Task:
    """A task whose supervisor runs, or has left its exit in the state folder."""

    def __init__(self, config, state, started):
        self.config, self.state, self.started = config, state, started
        self.ended = asyncio.Event()
        self.exit = None    # {"code", "signal", "at"}
        self.error = ""
        supervisor = json.loads((state / "supervisor.json").read_text())
        self.supervisor, self.supervisor_pid = open_process(*supervisor), supervisor[0]
        self.process = open_process(started["pid"], started["pid_started"])
        self.watch = asyncio.ensure_future(self.watch_end())

    async def watch_end(self):
        if self.supervisor is not None:
            await until_ended(self.supervisor)
        try:
            self.exit = json.loads((self.state / "exit.json").read_text())
        except OSError:
            self.exit = {"code": -1, "signal": 0, "at": time.time()}
            self.error = "exit unknown: its supervisor was killed"
        self.ended.set()
        for descriptor in (self.supervisor, self.process):
            if descriptor is not None:
                os.close(descriptor)
        self.supervisor = self.process = None

    def send(self, number):
        if self.process is None or self.ended.is_set():
            raise Refused("the task has ended")
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.process, number)

    async def stop(self, number, grace_s):
        if self.ended.is_set():
            return
        with contextlib.suppress(Refused):
            self.send(number if grace_s > 0 else signal.SIGKILL)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.ended.wait(), max(grace_s, 0.001))
        if not self.ended.is_set():
            with contextlib.suppress(Refused):
                self.send(signal.SIGKILL)
            await self.ended.wait()

    def result(self):
        if self.exit is None:
            return driver_types_pb2.ExitResult()
        return driver_types_pb2.ExitResult(exit_code=self.exit["code"], signal=self.exit["signal"])

    def usage(self):
        """(resident bytes, user seconds, system seconds) of all its processes."""
        resident, user, system = 0, 0.0, 0.0
        for pid in descendants(self.supervisor_pid):
            with contextlib.suppress(OSError, IndexError):
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
                resident += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
                user += int(fields[11]) * TICK_S
                system += int(fields[12]) * TICK_S
        return resident, user, system


async def end_leftovers(state):
    """An earlier start of this task, whose answer may never have arrived."""
    with contextlib.suppress(OSError, ValueError):
        descriptor = open_process(*json.loads((state / "supervisor.json").read_text()))
        if descriptor is not None:
            signal.pidfd_send_signal(descriptor, signal.SIGTERM)
            await until_ended(descriptor)
            os.close(descriptor)
    shutil.rmtree(state, ignore_errors=True)


def errors_told(method):
    """Turns what is refused into the status of the call. UNKNOWN: other codes make hosts think that the driver died."""
    async def call(self, request, context):
        try:
            return await method(self, request, context)
        except (Refused, OSError) as error:
            await context.abort(grpc.StatusCode.UNKNOWN, str(error) or "failed")
    return call


class Base(base_pb2_grpc.BasePluginServicer):
    async def PluginInfo(self, request, context):
        return base_pb2.PluginInfoResponse(type=base_pb2.DRIVER, plugin_api_versions=["v0.1.0"], plugin_version=VERSION, name=NAME)

    async def ConfigSchema(self, request, context):
        return base_pb2.ConfigSchemaResponse()

    async def SetConfig(self, request, context):
        if request.msgpack_config:
            try:
                msgpack.unpackb(request.msgpack_config, raw=False)
            except Exception as error:
                await context.abort(grpc.StatusCode.UNKNOWN, f"plugin config: no msgpack: {error}")
        return base_pb2.SetConfigResponse()


class Driver(driver_pb2_grpc.DriverServicer):
    def __init__(self):
        self.tasks = {}
        self.starting = set()

    def find(self, task_id):
        if task_id not in self.tasks:
            raise Refused(NOT_FOUND)
        return self.tasks[task_id]

    async def Init(self, request, context):
        return driver_pb2.InitResponse()

    async def Shutdown(self, request, context):
        return driver_pb2.ShutdownResponse()

    async def TaskConfigSchema(self, request, context):
        response = driver_pb2.TaskConfigSchemaResponse()
        script = getattr(response.spec.object.attributes["script"], "Attr")
        script.name, script.type, script.required = "script", "string", True
        return response

    async def Capabilities(self, request, context):
        return driver_pb2.CapabilitiesResponse(capabilities=driver_types_pb2.DriverCapabilities(send_signals=True))

    async def Fingerprint(self, request, context):
        response = driver_pb2.FingerprintResponse(health=driver_pb2.FingerprintResponse.HEALTHY, health_description="Healthy")
        response.attributes[f"driver.{NAME}"].bool_val = True
        yield response
        await asyncio.Event().wait()  # until the host goes

    async def TaskEvents(self, request, context):
        await asyncio.Event().wait()
        yield  # this makes it a stream

    @errors_told
    async def StartTask(self, request, context):
        task = request.task
        if not task.id or not task.alloc_dir or not task.name:
            raise Refused("the task has no id, name or folder")
        if task.id in self.tasks or task.id in self.starting:
            raise Refused(f"task '{task.id}' is already started")
        script = script_of(task.msgpack_driver_config)
        self.starting.add(task.id)
        try:
            self.tasks[task.id] = made = await self.start(task, script)
        finally:
            self.starting.discard(task.id)
        handle = driver_task_pb2.TaskHandle(version=HANDLE_VERSION, config=task, state=driver_types_pb2.RUNNING, driver_state=json.dumps({"state": str(made.state)}).encode())
        return driver_pb2.StartTaskResponse(result=driver_pb2.StartTaskResponse.SUCCESS, handle=handle)

    async def start(self, task, script):
        folder = pathlib.Path(task.alloc_dir) / task.name
        state = folder / "private" / "hello_py"
        await end_leftovers(state)
        state.mkdir(mode=0o700)
        spec = {"argv": ["/bin/sh", "-c", script], "env": dict(task.env), "cwd": str(folder), "stdout": task.stdout_path, "stderr": task.stderr_path}
        (state / "spec.json").write_text(json.dumps(spec))
        process = await asyncio.create_subprocess_exec(sys.executable, "-S", "-E", str(HERE / "supervise.py"), str(state), stdin=subprocess.DEVNULL,
                                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        line = await process.stdout.readline()
        started = json.loads(line) if line else {"error": "its supervisor ended"}
        if "error" in started:
            await process.wait()
            shutil.rmtree(state, ignore_errors=True)
            raise Refused(f"start /bin/sh: {started['error']}")
        log("info", "task started", task=task.id)
        return Task(task, state, started)

    @errors_told
    async def RecoverTask(self, request, context):
        handle = request.handle
        if not handle.config.id:
            raise Refused("the handle has no configuration")
        if handle.config.id in self.tasks:
            return driver_pb2.RecoverTaskResponse()
        if handle.version != HANDLE_VERSION:
            raise Refused(f"the handle has version {handle.version}, this driver knows {HANDLE_VERSION}")
        try:
            state = pathlib.Path(json.loads(handle.driver_state)["state"])
            started = json.loads((state / "started.json").read_text())
            self.tasks[handle.config.id] = Task(handle.config, state, started)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Refused(f"recover '{handle.config.id}': {error}") from error
        return driver_pb2.RecoverTaskResponse()

    @errors_told
    async def WaitTask(self, request, context):
        task = self.find(request.task_id)
        await task.ended.wait()
        return driver_pb2.WaitTaskResponse(result=task.result(), err=task.error)

    @errors_told
    async def StopTask(self, request, context):
        task = self.find(request.task_id)
        try:
            number = signal_number(request.signal, otherwise=signal.SIGTERM)
        except Refused:
            number = signal.SIGTERM
        await task.stop(number, request.timeout.seconds + request.timeout.nanos / 1e9)
        return driver_pb2.StopTaskResponse()

    @errors_told
    async def DestroyTask(self, request, context):
        task = self.find(request.task_id)
        if not task.ended.is_set():
            if not request.force:
                raise Refused("cannot destroy a running task without force")
            await task.stop(signal.SIGKILL, 0)
        shutil.rmtree(task.state, ignore_errors=True)
        self.tasks.pop(request.task_id, None)
        return driver_pb2.DestroyTaskResponse()

    @errors_told
    async def InspectTask(self, request, context):
        task = self.find(request.task_id)
        response = driver_pb2.InspectTaskResponse()
        response.task.id, response.task.name = request.task_id, task.config.name
        response.task.state = driver_types_pb2.EXITED if task.ended.is_set() else driver_types_pb2.RUNNING
        stamp_of(response.task.started_at, task.started["started_at"])
        stamp_of(response.task.completed_at, task.exit["at"] if task.exit else 0)
        response.task.result.CopyFrom(task.result())
        response.driver.SetInParent()
        return response

    @errors_told
    async def SignalTask(self, request, context):
        self.find(request.task_id).send(signal_number(request.signal))
        return driver_pb2.SignalTaskResponse()

    async def TaskStats(self, request, context):
        if request.task_id not in self.tasks:
            await context.abort(grpc.StatusCode.UNKNOWN, NOT_FOUND)
        task = self.tasks[request.task_id]
        interval = request.collection_interval.seconds + request.collection_interval.nanos / 1e9 or 1.0
        before, at = task.usage(), time.monotonic()
        while not task.ended.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(task.ended.wait(), interval)
                return
            usage, now = task.usage(), time.monotonic()
            response = driver_pb2.TaskStatsResponse()
            response.stats.id = request.task_id
            stamp_of(response.stats.timestamp, time.time())
            total = response.stats.agg_resource_usage
            total.memory.rss = usage[0]
            total.memory.measured_fields.append(driver_types_pb2.MemoryUsage.RSS)
            user, system = (max(usage[i] - before[i], 0) / (now - at) * 100 for i in (1, 2))
            total.cpu.user_mode, total.cpu.system_mode, total.cpu.percent = user, system, user + system
            total.cpu.measured_fields.extend([driver_types_pb2.CPUUsage.USER_MODE, driver_types_pb2.CPUUsage.SYSTEM_MODE, driver_types_pb2.CPUUsage.PERCENT])
            before, at = usage, now
            yield response


class Health(health_pb2_grpc.HealthServicer):
    async def Check(self, request, context):
        if request.service not in ("", "plugin"):
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)


class Controller(handshake_pb2_grpc.GRPCControllerServicer):
    def __init__(self, path):
        self.path = path

    async def Shutdown(self, request, context):
        # Open streams are no reason to stay; tasks go on without us.
        asyncio.get_running_loop().call_later(0.1, lambda: (os.unlink(self.path), os._exit(0)))
        return handshake_pb2.Empty()


class Stdio(handshake_pb2_grpc.GRPCStdioServicer):
    async def StreamStdio(self, request, context):
        await asyncio.Event().wait()
        yield


class Broker(handshake_pb2_grpc.GRPCBrokerServicer):
    async def StartStream(self, requests, context):
        await asyncio.Event().wait()
        yield


def certificate(folder):
    """(key, certificate as PEM, the same as DER in base64 without padding), made for this process."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{home}/key", "-out", f"{home}/cert"], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        key, pem = pathlib.Path(home, "key").read_bytes(), pathlib.Path(home, "cert").read_bytes()
    body = "".join(pem.decode().split("-----")[2].split())
    return key, pem, base64.b64encode(base64.b64decode(body)).decode().rstrip("=")


async def serve():
    folder = os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or os.environ.get("TMPDIR") or "/tmp"
    path = f"{folder}/plugin{os.getpid()}"
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", MESSAGE_MAX), ("grpc.so_reuseport", 0)])
    base_pb2_grpc.add_BasePluginServicer_to_server(Base(), server)
    driver_pb2_grpc.add_DriverServicer_to_server(Driver(), server)
    health_pb2_grpc.add_HealthServicer_to_server(Health(), server)
    handshake_pb2_grpc.add_GRPCControllerServicer_to_server(Controller(path), server)
    handshake_pb2_grpc.add_GRPCStdioServicer_to_server(Stdio(), server)
    handshake_pb2_grpc.add_GRPCBrokerServicer_to_server(Broker(), server)
    theirs, ours = os.environ.get("PLUGIN_CLIENT_CERT", ""), ""
    if theirs:
        key, pem, ours = certificate(folder)
        server.add_secure_port(f"unix:{path}", grpc.ssl_server_credentials([(key, pem)], root_certificates=theirs.encode(), require_client_auth=True))
    else:
        server.add_insecure_port(f"unix:{path}")
    await server.start()
    line = f"1|2|unix|{path}|grpc|{ours}"
    if os.environ.get("PLUGIN_MULTIPLEX_GRPC"):
        line += "|false"
    print(line, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the agent's terminal is for the agent
    asyncio.run(serve())
