"""The container engine of the demo: the machine's own where one runs, else one started for it with roots of its own."""
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
import tarfile
import tempfile
import time
import urllib.parse

BRIDGE = "drover-demo0"
BRIDGE_NET = "172.31.251.1/24"
GROUP = "/drover-demo"
IMAGE = "drover-demo/web:1"
READY_S = 40
STOP_S = 40
BUSYBOX = "/bin/busybox"
STANDARD_SOCKET = "/var/run/docker.sock"


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("docker", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(path, method, target, body=None):
    connection = Unix(path)
    try:
        connection.request(method, target, body=body, headers={"Content-Type": "application/x-tar"})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def answers(path):
    with contextlib.suppress(OSError, http.client.HTTPException):
        return ask(path, "GET", "/_ping")[0] == 200
    return False


def web_root():
    """The files of a small web server, as a tar: a static busybox and two pages."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        def add(name, data, mode=0o644):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))
        add("bin/busybox", pathlib.Path(BUSYBOX).read_bytes(), 0o755)
        for link in ("sh", "httpd"):
            info = tarfile.TarInfo(f"bin/{link}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(info)
        add("www/health", b"healthy\n")
        add("www/index.html", b"hello from a container that drover runs\n")
    return out.getvalue()


class DemoEngine:
    """Where containers run during the demo. `problem` says why there are none."""

    def __init__(self, say):
        self.say, self.process, self.folder, self.problem, self.made_image = say, None, None, "", False
        self.socket = os.environ.get("DOCKER_HOST", "").removeprefix("unix://") or STANDARD_SOCKET

    def start(self):
        if not pathlib.Path(BUSYBOX).exists():
            self.problem = f"{BUSYBOX} is missing (package busybox-static)"
        elif not answers(self.socket):
            self.start_own()
        else:
            self.say(f"containers run on the engine at {self.socket}; nothing on it is touched but what the demo makes")
        if not self.problem:
            self.make_image()
        return not self.problem

    def start_own(self):
        dockerd = shutil.which("dockerd") or "/usr/sbin/dockerd"
        if not pathlib.Path(dockerd).exists():
            self.problem = "no Docker engine runs here and dockerd is not installed"
        elif os.geteuid() != 0:
            self.problem = "no Docker engine answers, and starting one needs root"
        if self.problem:
            return
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="drover-d-"))
        self.socket = f"{self.folder}/s"
        if subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], capture_output=True).returncode == 0:
            subprocess.run(["ip", "addr", "add", BRIDGE_NET, "dev", BRIDGE], check=True)
            subprocess.run(["ip", "link", "set", BRIDGE, "up"], check=True)
        argv = [dockerd, f"--data-root={self.folder}/data", f"--exec-root={self.folder}/x", "-H", f"unix://{self.socket}", f"--pidfile={self.folder}/pid",
                f"--bridge={BRIDGE}", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", f"--cgroup-parent={GROUP}"]
        self.say("no Docker engine runs here: starting one for the demo, with its own folder, socket and bridge")
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + READY_S
        while not answers(self.socket):
            if self.process.poll() is not None or time.monotonic() > deadline:
                lines = (self.folder / "log").read_text(errors="replace").strip().splitlines()
                self.problem = "the engine did not start: " + (lines[-1] if lines else "no word from it")
                return
            time.sleep(0.1)

    def make_image(self):
        if ask(self.socket, "GET", f"/images/{IMAGE}/json")[0] == 200:
            return
        query = [("fromSrc", "-"), ("repo", IMAGE.split(":")[0]), ("tag", IMAGE.split(":")[1]), ("changes", 'CMD ["/bin/httpd", "-f", "-p", "8000", "-h", "/www"]')]
        status, body = ask(self.socket, "POST", "/images/create?" + urllib.parse.urlencode(query), web_root())
        self.made_image = status == 200
        if status != 200:
            self.problem = f"the engine takes no image: {body.decode(errors='replace')[:200]}"

    def containers(self, alloc):
        filters = json.dumps({"label": [f"com.hashicorp.nomad.alloc_id={alloc}"]})
        return json.loads(ask(self.socket, "GET", "/containers/json?" + urllib.parse.urlencode({"filters": filters}))[1])

    def kill(self, container):
        ask(self.socket, "POST", f"/containers/{container}/kill")

    def stop(self):
        if self.made_image:
            with contextlib.suppress(OSError, http.client.HTTPException):
                ask(self.socket, "DELETE", f"/images/{IMAGE}")
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_S)
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        if self.folder:
            self.remove_traces()

    def remove_traces(self):
        """Mounts, bridge, control groups and folder of the engine that was started here."""
        for line in reversed(pathlib.Path("/proc/self/mountinfo").read_text().splitlines()):
            mount = line.split(" ")[4]
            if mount.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "-l", mount], stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "link", "del", BRIDGE], stderr=subprocess.DEVNULL)
        base = pathlib.Path("/sys/fs/cgroup")
        for hierarchy in [base, *[p for p in base.iterdir() if p.is_dir()]] if base.is_dir() else []:
            top = hierarchy / GROUP.strip("/")
            for folder in sorted([top, *top.rglob("*")] if top.is_dir() else [], key=lambda p: -len(p.parts)):
                with contextlib.suppress(OSError):
                    folder.rmdir()
        shutil.rmtree(self.folder, ignore_errors=True)
