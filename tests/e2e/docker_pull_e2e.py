#!/usr/bin/python3
"""Images from registries: a real one with TLS and passwords, and some that refuse, hang or lie."""
import base64
import contextlib
import crypt
import hashlib
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import warnings

import harness
from docker_e2e import ONCE, docker_agent, ended, events, job, logs, run, shell, with_engine
from docker_kills_e2e import programs
from harness import check, equal, until

warnings.filterwarnings("ignore", category=DeprecationWarning)
REGISTRY = shutil.which("docker-registry")
USER, PASSWORD = "drover", "s3cret"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Registry:
    """docker-registry with a certificate that nobody knows (loopback registries need none) and one user."""

    def __init__(self, world):
        check(REGISTRY, "docker-registry is missing: install it (./dev deps)")
        self.folder = world.dir / "registry"
        self.folder.mkdir()
        self.host = f"127.0.0.1:{free_port()}"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", self.folder / "key.pem", "-out", self.folder / "cert.pem"], check=True, capture_output=True)
        (self.folder / "users").write_text(f"{USER}:{crypt.crypt(PASSWORD, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))}\n")
        (self.folder / "config.yml").write_text(f"""
version: 0.1
log: {{ accesslog: {{ disabled: false }} }}
storage: {{ filesystem: {{ rootdirectory: {self.folder}/data }} }}
http: {{ addr: "{self.host}", tls: {{ certificate: {self.folder}/cert.pem, key: {self.folder}/key.pem }} }}
auth: {{ htpasswd: {{ realm: test, path: {self.folder}/users }} }}
""")
        self.log_path = self.folder / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([REGISTRY, "serve", self.folder / "config.yml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        def listens():
            with contextlib.suppress(OSError), socket.create_connection(self.host.split(":"), 1):
                return True
        until(listens, "the registry to listen")

    def push(self, engine, image, name):
        target = f"{self.host}/{name.rpartition(':')[0]}"
        tag = name.rpartition(":")[2]
        equal(engine.call("POST", f"/images/{image}/tag?repo={target}&tag={tag}")[0], 201, "tag")
        auth = base64.urlsafe_b64encode(json.dumps({"username": USER, "password": PASSWORD, "serveraddress": self.host}).encode()).decode()
        status, body = engine.call("POST", f"/images/{target}/push?tag={tag}", headers={"X-Registry-Auth": auth})
        check(status == 200 and b"errorDetail" not in body, f"push: {status} {body[-300:]}")
        engine.call("DELETE", f"/images/{target}:{tag}")
        return f"{target}:{tag}"

    def blobs_sent(self):
        return self.log_path.read_text(errors="replace").count('"GET /v2/app/blobs/')

    def close(self):
        self.process.kill()
        self.process.wait()


AUTH = f'auth {{\n username = "{USER}"\n password = "{PASSWORD}"\n }}'


@with_engine
def private_registry(world, engine):
    """pulls with credentials of the task, of a config file and of a helper; once for all who want it; removed when unused"""
    registry = Registry(world)
    engine.add_image("drover-test/app:1", {"etc/which": "first\n"})
    image = registry.push(engine, "drover-test/app:1", "app:1")
    equal(engine.call("DELETE", "/images/drover-test/app:1")[0], 200, "the image is gone from the engine")
    agent = docker_agent(world, engine, 'gc {\n image_delay = "1s"\n }')

    run(agent, world, "many", f'image = "{image}"\n {AUTH}\n' + shell("cat /etc/which; sleep 1000"), count=5)
    allocs = agent.wait_running("many", 5, 60)
    for alloc in allocs:
        until(lambda: logs(agent, alloc["ID"]) == "first\n", "the image's own file")
    # Who comes when the pull is over finds the image, and waits for nothing.
    told = [events(agent, alloc["ID"]) for alloc in allocs]
    check(any("Downloading image" in t for t in told), f"the pull is told: {told}")
    equal(registry.blobs_sent(), 2, "blobs that the registry sent: the configuration and one layer, once")
    before = programs("/plugins/docker")
    for pid in before:
        os.kill(pid, signal.SIGKILL)  # what was pulled is remembered with the tasks
    until(lambda: [p for p in programs("/plugins/docker") if p not in before], "another process of the driver")
    agent.cli("job", "stop", "-purge", "many")
    until(lambda: not any(image in (i["RepoTags"] or []) for i in engine.get("/images/json")), "the image is removed when nobody uses it")
    check(any("drover-test/box:1" in (i["RepoTags"] or []) for i in engine.get("/images/json")), "an image that was there before stays")

    run(agent, world, "wrong", f'image = "{image}"\n auth {{\n username = "{USER}"\n password = "no"\n }}\n' + shell("true"), kind="batch", group=ONCE)
    run(agent, world, "none", f'image = "{image}"\n' + shell("true"), kind="batch", group=ONCE)
    for name in ("wrong", "none"):
        told = events(agent, ended(agent, name, 60)["ID"])
        # Without credentials the engine tries plain HTTP at last, and tells of that.
        check(any("Failed to pull" in e and (name == "none" or "unauthorized" in e) for e in told), f"{name}: {told}")

    engine.add_image("drover-test/app:2", {"etc/which": "second\n"})
    registry.push(engine, "drover-test/app:2", "app:1")
    run(agent, world, "moved", f'image = "{image}"\n force_pull = true\n {AUTH}\n' + shell("cat /etc/which"), kind="batch", group=ONCE)
    equal(logs(agent, ended(agent, "moved", 60)["ID"]), "second\n", "force_pull brings the tag's new image")
    registry.close()


@with_engine
def credentials_of_the_agent(world, engine):
    """credentials come from auth.config and from a credential helper"""
    registry = Registry(world)
    image = registry.push(engine, "drover-test/box:1", "app:1")
    config = world.file("auths.json", json.dumps({"auths": {registry.host: {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}}}))
    agent = docker_agent(world, engine, f'auth {{\n config = "{config}"\n }}')
    run(agent, world, "file", f'image = "{image}"\n' + shell("echo fine"), kind="batch", group=ONCE)
    equal(logs(agent, ended(agent, "file", 60)["ID"]), "fine\n", "pulled with the file's credentials")
    agent.cli("job", "stop", "-purge", "file")
    agent.stop()

    engine.call("DELETE", f"/images/{image}?force=1")
    helper = world.file("docker-credential-e2e", f'#!/bin/sh\ncat > {world.dir}/asked\necho \'{{"Username":"{USER}","Secret":"{PASSWORD}"}}\'\n')
    helper.chmod(0o755)
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{world.dir}:{path}"
    try:
        agent = docker_agent(world, engine, 'auth {\n helper = "e2e"\n }')
    finally:
        os.environ["PATH"] = path
    run(agent, world, "helper", f'image = "{image}"\n' + shell("echo fine"), kind="batch", group=ONCE)
    alloc = ended(agent, "helper", 60)
    equal(alloc["ClientStatus"], "complete", f"pulled with the helper's credentials: {events(agent, alloc['ID'])}")
    equal((world.dir / "asked").read_text(), registry.host, "what the helper was asked for")
    registry.close()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class BadRegistry(http.server.ThreadingHTTPServer):
    """A registry whose repositories are each wrong in one way."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [digest(b"")]}}).encode()

    def do_GET(self):
        parts = self.path.split("/")
        if self.path.rstrip("/") == "/v2":
            return self.answer(200, b"{}")
        repository = parts[2]
        if repository == "refuses":
            return self.answer(500, json.dumps({"errors": [{"code": "UNKNOWN", "message": "the disk is full"}]}).encode())
        if repository == "busy":
            return self.answer(429, json.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": "slow down"}]}).encode())
        if repository == "hangs":
            threading.Event().wait(60)
        if parts[3] == "manifests":
            manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(self.config), "digest": digest(self.config)},
                        "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 10, "digest": digest(b"what was promised")}]}
            return self.answer(200, json.dumps(manifest).encode(), "application/vnd.docker.distribution.manifest.v2+json")
        if parts[4] == digest(self.config):
            return self.answer(200, self.config)
        return self.answer(200, b"something else, and longer than was said")

    do_HEAD = do_GET

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", digest(body))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@with_engine
def bad_registries(world, engine):
    """a registry that refuses, is busy, hangs, lies about its layers or is not there: a clear event, a retry where it may help"""
    registry = BadRegistry()
    agent = docker_agent(world, engine)
    wanted = {"refuses": "500 Internal Server Error", "busy": "slow down", "hangs": "image_pull_timeout", "lies": "verification failed"}
    for name in wanted:
        run(agent, world, name, f'image = "{registry.host}/{name}:1"\n image_pull_timeout = "3s"\n' + shell("true"), kind="batch",
            group='restart {\n attempts = 1\n delay = "1s"\n mode = "fail"\n }\n reschedule {\n attempts = 0\n unlimited = false\n }')
    gone = free_port()
    run(agent, world, "gone", f'image = "127.0.0.1:{gone}/x:1"\n' + shell("true"), kind="batch", group=ONCE)
    for name, words in {**wanted, "gone": "connection refused"}.items():
        alloc = ended(agent, name, 90)
        told = events(agent, alloc["ID"])
        check(any("Failed to pull" in e and words in e for e in told), f"{name}: {words!r} is told: {told}")
        if name in ("refuses", "busy", "hangs"):
            equal(alloc["TaskStates"]["t"]["Restarts"], 1, f"{name} is tried again")
    run(agent, world, "good", shell("echo fine"), kind="batch", group=ONCE)
    equal(logs(agent, ended(agent, "good")["ID"]), "fine\n", "a task after all this")
    registry.shutdown()


if __name__ == "__main__":
    harness.main([private_registry, credentials_of_the_agent, bad_registries])
