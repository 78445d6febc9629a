#!/usr/bin/python3
"""HTTP under bad input and many waiting readers: the agent answers on."""
import base64
import json
import os
import pathlib
import resource
import select
import socket
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import check, equal, main, raw_job, until  # noqa: E402

READERS = 10_000  # fewer where the file limit allows no more
MANY_CONNECTIONS = "limits { http_max_conns_per_client = 0 }\n"


def connect():
    one = socket.create_connection(("127.0.0.1", 4646), timeout=20)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one


def ask(one, target):
    one.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


def resident_mb(process):
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) // 1024


def answer_of(one):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = one.recv(65536)
        if not piece:
            break
        data += piece
    return data


def ten_thousand_blocking_queries(world):
    """ten thousand parked readers all wake when the job changes, and the agent answers others meanwhile"""
    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))
    count = min(READERS, allowed - 1000)
    if count < READERS:
        print(f"note: only {count} readers: the file limit of {allowed} allows no more")
    agent = world.dev_agent("-config", str(world.file("limits.hcl", MANY_CONNECTIONS)))
    agent.put("/v1/jobs", {"Job": {"ID": "watched", "Type": "batch", "TaskGroups": [{"Name": "g", "Count": 0, "Tasks": [
        {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}}]}]}})
    index = until(lambda: agent.get("/v1/job/watched")["Status"] == "dead" and agent.call("GET", "/v1/job/watched").headers["X-Nomad-Index"], "the job has settled")
    before = resident_mb(agent.process)
    readers = [connect() for _ in range(count)]
    try:
        for one in readers:
            ask(one, f"/v1/job/watched?index={index}&wait=300s")
        started = time.monotonic()
        agent.get("/v1/nodes")
        check(time.monotonic() - started < 5, "another request is answered while readers are parked")
        last = select.poll()
        last.register(readers[-1], select.POLLIN)
        check(not last.poll(500), "the last reader is parked")
        check(resident_mb(agent.process) - before < 400, f"parked readers take {resident_mb(agent.process) - before} MB")
        started = time.monotonic()
        agent.put("/v1/job/watched/evaluate")
        agent.put("/v1/jobs", {"Job": {"ID": "watched", "Type": "batch", "Priority": 60, "TaskGroups": [{"Name": "g", "Count": 0, "Tasks": [
            {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}}]}]}})
        for one in readers:
            check(answer_of(one).startswith(b"HTTP/1.1 200"), "every reader is answered")
        check(time.monotonic() - started < 30, "all readers are answered soon")
    finally:
        for one in readers:
            one.close()
    equal(agent.call("GET", "/v1/agent/health").status, 200, "health afterwards")
    agent.stop()


def bad_filters(world):
    """a malformed filter is refused with the place of the mistake, whatever its size and depth"""
    agent = world.dev_agent()
    for filter_text, wanted in (("((", "1:3 (2): no match found"), ("ID ==", "1:6 (5): no match found"), ("(" * 5000, "nested deeper than 100"),
                                ("x" * 20000 + " == 1", "bytes, 16384 are allowed"), ('ID matches "["', "[]"), ("Nope == 1", "[]")):
        for path in ("/v1/jobs", "/v1/allocations", "/v1/evaluations", "/v1/deployments"):
            answer = agent.call("GET", f"{path}?filter={urllib.parse.quote(filter_text)}")
            check(wanted in answer.text, f"{path}?filter={filter_text[:20]}: {answer.status} {answer.text[:100]}")
    equal(agent.call("GET", "/v1/nodes?filter=" + urllib.parse.quote('ID matches "["')).status, 400, "a broken pattern")
    agent.stop()


def streams_that_nobody_reads(world):
    """event streams whose readers stall or vanish cost the agent nothing that lasts"""
    agent = world.dev_agent()
    stalled = [connect() for _ in range(50)]
    for one in stalled:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        ask(one, "/v1/event/stream?topic=*")
    register = lambda name: agent.put("/v1/jobs", {"Job": {"ID": name, "Type": "batch", "Meta": {"filler": "x" * 2000}, "TaskGroups": [
        {"Name": "g", "Count": 0, "Tasks": [{"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}}]}]}})
    for number in range(150):
        register(f"j{number}")
    check(resident_mb(agent.process) < 300, f"the agent takes {resident_mb(agent.process)} MB")
    reader = connect()
    ask(reader, "/v1/event/stream?topic=Job&index=0")
    register("after")  # the changes that are kept may all be of evaluations
    until(lambda: b"JobRegistered" in reader.recv(1 << 20), "a reader that reads gets events")
    for one in stalled:
        one.close()
    equal(agent.call("GET", "/v1/agent/health").status, 200, "health afterwards")
    agent.stop()


def upgrade(alloc, task, command, key="dGhlIHNhbXBsZSBub25jZQ=="):
    one = connect()
    query = urllib.parse.urlencode({"task": task, "command": json.dumps(command), "tty": "false"})
    one.sendall((f"GET /v1/client/allocation/{alloc}/exec?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                 f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
    return one


def frames(one, seconds=20):
    """Payloads of the server's frames until it closes: (opcode, bytes)."""
    data, deadline = b"", time.monotonic() + seconds
    while time.monotonic() < deadline:
        while len(data) >= 2:
            size, at = data[1] & 0x7F, 2
            if size == 126:
                size, at = int.from_bytes(data[2:4], "big"), 4
            elif size == 127:
                size, at = int.from_bytes(data[2:10], "big"), 10
            if len(data) < at + size:
                break
            yield data[0] & 0x0F, data[at:at + size]
            data = data[at + size:]
        piece = one.recv(65536)
        if not piece:
            return
        data += piece


def masked(opcode, payload):
    key = os.urandom(4)
    head = bytes([0x80 | opcode, 0x80 | len(payload)]) if len(payload) < 126 else bytes([0x80 | opcode, 0xFE]) + len(payload).to_bytes(2, "big")
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


def exec_over_a_websocket(world):
    """a command runs over a websocket: what it says, its exit code, pings, and websockets that stall or break the rules"""
    agent = world.dev_agent()
    agent.cli("job", "run", "-detach", str(world.file("sleep.nomad.hcl", raw_job("sleep", "/bin/sleep", "600"))))
    alloc = agent.wait_running("sleep", 1)[0]["ID"]

    one = upgrade(alloc, "t", ["/bin/sh", "-c", "cat; echo err >&2; exit 3"])
    check(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer_of(one), "the handshake is answered")
    one.sendall(masked(9, b"beat") + masked(1, json.dumps({"stdin": {"data": base64.b64encode(b"typed\n").decode()}}).encode()) + masked(1, b'{"stdin":{"close":true}}'))
    got = list(frames(one))
    check((10, b"beat") in got, f"a ping is answered: {got}")
    said = [json.loads(payload) for opcode, payload in got if opcode == 1]
    check(any(base64.b64decode(m["stdout"].get("data", "")) == b"typed\n" for m in said if "stdout" in m), f"standard output: {said}")
    check(any(m.get("exited") and m["result"]["exit_code"] == 3 for m in said), f"the exit code: {said}")
    equal(got[-1][0], 8, "the last frame is a close")

    stalled = upgrade(alloc, "t", ["/bin/sh", "-c", "yes stalled"])
    answer_of(stalled)
    time_before = time.monotonic()
    equal(agent.call("GET", "/v1/agent/health").status, 200, "health while a websocket stalls")
    check(time.monotonic() - time_before < 2, "it is answered at once")
    check(resident_mb(agent.process) < 300, f"the agent takes {resident_mb(agent.process)} MB")
    stalled.close()

    for bad in (b"\x81\x05hello", masked(3, b"x"), masked(1, b"not json"), masked(1, b"x" * 300)[:3] + b"\xff" * 9):
        rude = upgrade(alloc, "t", ["/bin/cat"])
        answer_of(rude)
        rude.sendall(bad)
        rude.shutdown(socket.SHUT_WR)
        list(frames(rude))
        rude.close()
    equal(upgrade_status(alloc), 400, "a websocket without a key")
    equal(agent.call("GET", "/v1/agent/health").status, 200, "health afterwards")
    equal(len(agent.running("sleep")), 1, "the task runs on")
    agent.stop()


def upgrade_status(alloc):
    one = upgrade(alloc, "t", ["/bin/true"], key="x")
    return int(answer_of(one).split()[1])


if __name__ == "__main__":
    main([ten_thousand_blocking_queries, bad_filters, streams_that_nobody_reads, exec_over_a_websocket])
