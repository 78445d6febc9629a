"""A Docker engine of the tests' own: in the namespaces of the test, with its own roots, socket and control group."""
import contextlib
import http.client
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import urllib.parse

from harness import check, equal, until

DOCKERD = shutil.which("dockerd") or "/usr/sbin/dockerd"
BUSYBOX = "/bin/busybox"
READY_S = 60


def missing():
    """What cannot be run here, and why; empty where all is there."""
    for program in (DOCKERD, BUSYBOX):
        if not pathlib.Path(program).exists():
            return f"{program} is missing: install docker.io and busybox-static (./dev deps)"
    return ""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("docker", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def tree(files, links=("sh", "sleep", "echo", "cat", "httpd", "id", "env", "ls", "kill", "head", "dd", "stty", "tty", "true", "nproc", "mount", "grep", "wc", "trap", "yes", "pwd", "hostname", "touch")):
    """A tar of a root with busybox and the given files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        def add(name, data, mode=0o644):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))
        for folder in ("bin", "etc", "tmp", "dev", "proc", "sys"):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(info)
        add("bin/busybox", pathlib.Path(BUSYBOX).read_bytes(), 0o755)
        for link in links:
            info = tarfile.TarInfo(f"bin/{link}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(info)
        add("etc/passwd", b"root:x:0:0:root:/:/bin/sh\nweb:x:1000:1000:web:/:/bin/sh\n")
        add("etc/group", b"root:x:0:\nweb:x:1000:\n")
        for name, text in files.items():
            add(name, text.encode())
    return out.getvalue()


class Engine:
    """One dockerd. Start it, stop it, kill it; its containers may outlive it."""

    def __init__(self, world, name="engine", live_restore=False, bridge=True, extra=()):
        self.world, self.root = world, world.dir / name
        self.root.mkdir()
        self.socket = str(self.root / "docker.sock")
        self.group = f"/drover-test-{os.path.basename(world.dir)}-{name}"
        self.live_restore, self.bridge, self.extra = live_restore, bridge, list(extra)
        self.process = None

    def start(self, wait=True):
        argv = [DOCKERD, f"--data-root={self.root}/data", f"--exec-root={self.root}/exec", "-H", f"unix://{self.socket}", f"--pidfile={self.root}/pid",
                f"--cgroup-parent={self.group}", "--iptables=false", "--ip-forward=false", "--ip-masq=false", *self.extra]
        if not self.bridge:
            argv.append("--bridge=none")
        if self.live_restore:
            argv.append("--live-restore")
        with open(self.root / "log", "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        def ready():
            check(self.process.poll() is None, f"dockerd ended:\n{self.log()[-2000:]}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.call("GET", "/_ping")[0] == 200
            return False
        until(ready, "the engine answers", READY_S)

    def log(self):
        return (self.root / "log").read_text(errors="replace")

    def call(self, method, path, body=None, timeout=60, headers=None):
        connection = UnixConnection(self.socket, timeout)
        try:
            data = json.dumps(body) if isinstance(body, (dict, list)) else body
            connection.request(method, path, body=data, headers={"Content-Type": "application/json" if not isinstance(body, bytes) else "application/x-tar", **(headers or {})})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def get(self, path):
        status, body = self.call("GET", path)
        check(status == 200, f"GET {path}: {status} {body[:300]}")
        return json.loads(body)

    def add_image(self, reference, files=None, changes=()):
        name, _, tag = reference.rpartition(":")
        query = [("fromSrc", "-"), ("repo", name), ("tag", tag), *[("changes", c) for c in changes]]
        status, body = self.call("POST", "/images/create?" + urllib.parse.urlencode(query), tree(files or {}))
        check(status == 200 and b"errorDetail" not in body, f"import {reference}: {status} {body[:300]}")

    def containers(self, **filters):
        query = urllib.parse.urlencode({"all": 1, "filters": json.dumps(filters)})
        return self.get("/containers/json?" + query)

    def output(self, id):
        """What the engine has kept of a container's standard output."""
        status, body = self.call("GET", f"/containers/{id}/logs?stdout=1")
        equal(status, 200, f"logs of {id[:12]}: {body[:200]}")
        text, at = [], 0
        while at < len(body):  # frames: kind, three zeros, length, bytes
            end = at + 8 + int.from_bytes(body[at + 4:at + 8], "big")
            text.append(body[at + 8:end])
            at = end
        return b"".join(text).decode()

    def kill_container(self, id):
        status, body = self.call("POST", f"/containers/{id}/kill?signal=KILL")
        check(status == 204, f"kill {id[:12]}: {status} {body}")

    def stop(self, seconds=60):
        """As a service manager would."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"dockerd did not end {seconds} s after SIGTERM:\n{self.log()[-2000:]}") from None

    def kill(self):
        """dockerd alone, as a crash would: containerd and the containers go on until another dockerd comes."""
        containerd = [pid for pid in self.processes() if "containerd.toml" in command_line(pid)]
        self.process.kill()
        self.process.wait()
        # It dies with its parent; as long as it is a zombie, the next dockerd takes it for alive and waits for it.
        until(lambda: not any(reap(pid) and is_alive(pid) for pid in containerd), "containerd to end", READY_S)

    def processes(self):
        """dockerd's, containerd's, shims': whatever names this engine's root."""
        return [int(e.name) for e in pathlib.Path("/proc").iterdir() if e.name.isdigit() and int(e.name) not in (os.getpid(), os.getppid()) and str(self.root) in command_line(int(e.name))]

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        """Ends whatever is left of it, also after a test that failed half-way: containers outlive an engine with live-restore."""
        try:
            self.stop()
        except (AssertionError, OSError) as error:
            print(f"  {error}", file=sys.stderr)
        for pid in self.processes():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for line in reversed(pathlib.Path("/proc/self/mountinfo").read_text().splitlines()):
            mount = line.split(" ")[4]
            if mount.startswith(f"{self.root}/") or mount == str(self.root):
                subprocess.run(["umount", "-l", mount], stderr=subprocess.DEVNULL)
        # A group can be removed when the last of its processes is reaped.
        until(lambda: kill_groups(self.group) or remove_groups(self.group), f"the control groups {self.group} to be empty")


def command_line(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    return ""


def reap(pid):
    """Nobody else does in a namespace whose first process is the test."""
    with contextlib.suppress(OSError):
        os.waitpid(pid, os.WNOHANG)
    return True


def is_alive(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}").exists()
    return False


def groups_of(group):
    """Control group folders of this name in every hierarchy."""
    found = []
    base = pathlib.Path("/sys/fs/cgroup")
    for hierarchy in [base, *[p for p in base.iterdir() if p.is_dir()]]:
        folder = hierarchy / group.strip("/")
        if folder.is_dir():
            found += [pathlib.Path(at) for at, _, _ in os.walk(folder)]  # what goes meanwhile is left out
    return found


def kill_groups(group):
    """Kills what runs in these groups; the processes lose their parents with the engine, so they are ours to reap."""
    for folder in groups_of(group):
        with contextlib.suppress(OSError):
            for pid in map(int, (folder / "cgroup.procs").read_text().split()):
                if pid > 1:  # 0: not of our process namespace
                    os.kill(pid, signal.SIGKILL)
                    reap(pid)


def remove_groups(group):
    for folder in sorted(groups_of(group), key=lambda p: -len(p.parts)):
        with contextlib.suppress(OSError):
            folder.rmdir()
    return not groups_of(group)
