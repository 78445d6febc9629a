#!/usr/bin/python3
"""alloc exec against an agent that the test plays: what is sent, what is shown, and what becomes of agents that misbehave."""
import base64
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import fcntl
import threading
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import check, equal, main, raw_job, until  # noqa: E402

ALLOC = "11111111-2222-3333-4444-555555555555"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Talk:
    """The agent's end of one websocket."""

    def __init__(self, connection, query):
        self.connection, self.query, self.buffer = connection, query, b""

    def need(self, count):
        while len(self.buffer) < count:
            piece = self.connection.recv(65536)
            if not piece:
                raise EOFError
            self.buffer += piece
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def receive(self):
        """The next message, as JSON; None when the other side closes."""
        while True:
            first, second = self.need(2)
            size = second & 127
            if size == 126:
                size = struct.unpack(">H", self.need(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self.need(8))[0]
            mask = self.need(4)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(self.need(size)))
            if first & 15 == 8:
                return None
            if first & 15 in (1, 2) and data != b"{}":
                return json.loads(data)

    def frame(self, opcode, data):
        size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data)) if len(data) < 65536 else b"\x7f" + struct.pack(">Q", len(data))
        self.connection.sendall(bytes([0x80 | opcode]) + size + data)

    def send(self, message):
        self.frame(1, json.dumps(message).encode())

    def output(self, stream, text):
        self.send({stream: {"data": base64.b64encode(text.encode()).decode()}})

    def exit(self, code):
        self.send({"exited": True, "result": {"exit_code": code}})
        self.close(1000, "")

    def close(self, code, reason):
        self.frame(8, struct.pack(">H", code) + reason.encode())


class FakeAgent:
    """Answers what alloc exec looks up; `script` is called with the Talk of its websocket."""

    def __init__(self, script):
        alloc = {"ID": ALLOC, "TaskGroup": "g", "Job": {"TaskGroups": [{"Name": "g", "Tasks": [{"Name": "t"}]}]}}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, value, status=200):
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                if url.path == "/v1/allocations":
                    return self.answer([alloc])
                if url.path == "/v1/allocation/" + ALLOC:
                    return self.answer(alloc)
                key = self.headers.get("Sec-WebSocket-Key")
                if not url.path.endswith("/exec") or not key:
                    return self.answer("not found", 404)
                accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
                self.wfile.write(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())
                self.wfile.flush()
                self.close_connection = True
                with contextlib.suppress(EOFError, OSError):
                    script(Talk(self.connection, dict(urllib.parse.parse_qsl(url.query))))

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def run(world, agent, *words, input="", timeout=20, env=None):
    done = subprocess.run([world.drover, *words], env=dict(os.environ, NOMAD_ADDR=agent.address, **(env or {})), input=input, capture_output=True, text=True, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def passes_on(world):
    """command, input, both outputs and the exit code are passed on"""
    seen = {}

    def script(talk):
        seen.update(talk.query)
        text = b""
        while True:
            message = talk.receive()["stdin"]
            if message.get("close"):
                break
            text += base64.b64decode(message["data"])
        talk.output("stdout", "got " + text.decode())
        talk.output("stderr", "and that was all\n")
        talk.exit(7)
    with FakeAgent(script) as agent:
        code, out, err = run(world, agent, "alloc", "exec", ALLOC[:8], "/bin/sh", "-c", "echo $X", input="line one\nline two\n")
    equal((code, out, err), (7, "got line one\nline two\n", "and that was all\n"), "what the command said")
    equal((json.loads(seen["command"]), seen["task"], seen["tty"]), (["/bin/sh", "-c", "echo $X"], "t", "false"), "what was asked for")


def passes_much(world):
    """a megabyte each way arrives whole"""
    block = "0123456789abcdef" * 65536

    def script(talk):
        got = ""
        while True:
            message = talk.receive()["stdin"]
            if message.get("close"):
                break
            got += base64.b64decode(message["data"]).decode()
        for at in range(0, len(got), 50000):
            talk.output("stdout", got[at:at + 50000])
        talk.exit(0)
    with FakeAgent(script) as agent:
        code, out, _ = run(world, agent, "alloc", "exec", ALLOC, "cat", input=block)
    check(code == 0 and out == block, f"{len(out)} of {len(block)} bytes came back, exit code {code}")


def misbehaving(world):
    """an agent that refuses, says garbage, cuts the line or ends without an exit code is told in one line, with exit code 1"""
    def refuses(talk):
        talk.close(1011, 'task "t" is not running.')

    def garbage(talk):
        talk.frame(1, b"this is no frame")
        talk.receive()

    def cuts(talk):
        talk.output("stdout", "begin\n")
        talk.connection.shutdown(socket.SHUT_RDWR)

    def silent_end(talk):
        talk.close(1000, "")
    cases = [(refuses, 'failed to exec into task: task "t" is not running.'), (garbage, "the agent sent what is no frame"), (cuts, "the connection was lost"), (silent_end, "closed before the command ended")]
    for script, words in cases:
        with FakeAgent(script) as agent:
            code, _, err = run(world, agent, "alloc", "exec", ALLOC, "true")
        check(code == 1 and words in err and err.count("\n") == 1, f"{script.__name__}: {code} {err!r}")


def stalled(world):
    """an agent that says nothing more is waited for, and Ctrl-C ends the waiting"""
    def script(talk):
        talk.output("stdout", "here\n")
        while talk.receive() is not None:
            pass
    with FakeAgent(script) as agent:
        with subprocess.Popen([world.drover, "alloc", "exec", "-i=false", ALLOC, "true"], env=dict(os.environ, NOMAD_ADDR=agent.address), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as waiting:
            equal(waiting.stdout.readline(), b"here\n", "what was said before the silence")
            equal(waiting.poll(), None, "it waits")
            waiting.send_signal(signal.SIGINT)
            check(waiting.wait(10) != 0, "ended by Ctrl-C")


class Terminal:
    """A command on a pseudo terminal of 33 lines and 111 columns."""

    def __init__(self, world, agent, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(world.drover, [world.drover, *words], dict(os.environ, NOMAD_ADDR=agent.address, TERM="xterm"))
        self.resize(33, 111)
        self.shown = b""

    def resize(self, lines, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def until(self, text):
        def look():
            if select.select([self.fd], [], [], 0.1)[0]:
                with contextlib.suppress(OSError):
                    self.shown += os.read(self.fd, 65536)
            return text.encode() in self.shown
        until(look, f"{text!r} on the terminal, shown: {self.shown!r}", 10)

    def exit_code(self):
        with contextlib.suppress(OSError):
            while os.read(self.fd, 65536):
                pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def on_a_terminal(world):
    """on a terminal keys go out one by one, its size is told and told again, and tilde dot leaves"""
    sizes, keys, asked = [], [], {}

    def script(talk):
        asked.update(talk.query)
        talk.output("stdout", "ready$ ")
        while True:
            message = talk.receive()
            if message is None:
                return
            if "tty_size" in message:
                sizes.append((message["tty_size"]["height"], message["tty_size"]["width"]))
            if "stdin" in message and "data" in message["stdin"]:
                keys.append(base64.b64decode(message["stdin"]["data"]).decode())
                if "\x03" in keys[-1]:
                    talk.output("stdout", "interrupted ")
    with FakeAgent(script) as agent:
        terminal = Terminal(world, agent, "alloc", "exec", ALLOC, "/bin/sh")
        terminal.until("ready$ ")
        equal(asked["tty"], "true", "a terminal is asked for")
        terminal.resize(40, 90)
        until(lambda: (40, 90) in sizes, f"the new size: {sizes}")
        os.write(terminal.fd, b"\x03")
        terminal.until("interrupted")
        os.write(terminal.fd, b"\r~.")
        equal(terminal.exit_code(), 1, "exit code after the escape")
    check("~" not in "".join(keys), f"the escape is not passed on: {keys}")


def short_commands(world):
    """a command that ends while its input is being closed tells all its output and its exit code, whoever is quicker"""
    agent = world.dev_agent()
    agent.cli("job", "run", "-detach", world.file("s.nomad.hcl", raw_job("s", "/bin/sleep", "1000")))
    alloc = agent.wait_running("s", 1)[0]["ID"]
    env = dict(os.environ, NOMAD_ADDR="http://127.0.0.1:4646")
    for _ in range(SHORT_ROUNDS):
        done = subprocess.run([world.drover, "alloc", "exec", "-t=false", alloc, "/bin/sh", "-c", "echo out; echo err >&2; exit 7"], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        equal((done.returncode, done.stdout, done.stderr), (7, b"out\n", b"err\n"), "exit code and output")


SHORT_ROUNDS = 40

if __name__ == "__main__":
    main([short_commands, passes_on, passes_much, misbehaving, stalled, on_a_terminal])
