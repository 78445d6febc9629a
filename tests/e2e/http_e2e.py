#!/usr/bin/python3
"""HTTP under bad input and many waiting readers: the agent answers on."""
import pathlib
import resource
import select
import socket
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import check, equal, main, until  # noqa: E402

READERS = 10_000
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
    resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
    agent = world.dev_agent("-config", str(world.file("limits.hcl", MANY_CONNECTIONS)))
    agent.put("/v1/jobs", {"Job": {"ID": "watched", "Type": "batch", "TaskGroups": [{"Name": "g", "Count": 0, "Tasks": [
        {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}}]}]}})
    index = until(lambda: agent.get("/v1/job/watched")["Status"] == "dead" and agent.call("GET", "/v1/job/watched").headers["X-Nomad-Index"], "the job has settled")
    before = resident_mb(agent.process)
    readers = [connect() for _ in range(READERS)]
    try:
        for one in readers:
            ask(one, f"/v1/job/watched?index={index}&wait=300s")
        started = time.monotonic()
        agent.get("/v1/nodes")
        check(time.monotonic() - started < 5, "another request is answered while readers are parked")
        until(lambda: not select.select(readers[-1:], [], [], 0)[0], "the last reader is parked")
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


if __name__ == "__main__":
    main([ten_thousand_blocking_queries, bad_filters])
