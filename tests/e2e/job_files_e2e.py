#!/usr/bin/python3
"""Job files from the command line: an editor's language server over its pipes, plans in colour, what is sent and comes
back, and files that no program should be given."""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import check, equal, main, raw_job, until  # noqa: E402

BROKEN = '''job "web" {
  group "app" {
    cuont = 3
    task "t" {
      driver = "raw_exec"

    }
  }
}
'''
GREEN, RED, YELLOW = "\x1b[32m", "\x1b[31m", "\x1b[33m"
FILE_SECONDS_MAX = 60  # for one bad file, on a machine that does much else; here they take less than one


def run(world, *words, agent=None, input=None, timeout=FILE_SECONDS_MAX):
    """(exit code, standard output, standard error) of one command line; without an agent nothing listens."""
    address = f"http://{agent.address}:{agent.port}" if agent else "http://127.0.0.1:1"
    done = subprocess.run([world.drover, *map(str, words)], env=dict(os.environ, NOMAD_ADDR=address), cwd=world.dir, input=input, stdin=None if input is not None else subprocess.DEVNULL,
                          capture_output=True, timeout=timeout)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


class Editor:
    """Speaks to `drover lsp` as editors do."""

    def __init__(self, world):
        self.process = subprocess.Popen([world.drover, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.asked = 0

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def receive(self):
        length = 0
        while (line := self.process.stdout.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return json.loads(self.process.stdout.read(length))

    def ask(self, method, params=None):
        self.asked += 1
        self.send({"id": self.asked, "method": method, "params": params or {}})
        answer = self.receive()
        equal(answer["id"], self.asked, f"the question that an answer to {method} belongs to")
        return answer["result"]

    def tell(self, method, params):
        self.send({"method": method, "params": params})


def serves_an_editor(world):
    """an editor is told of mistakes as they are typed, what may be written, what a word means, and how a file is laid out"""
    editor = Editor(world)
    can = editor.ask("initialize", {"processId": None, "capabilities": {}, "rootUri": None})["capabilities"]
    check(can["hoverProvider"] and can["completionProvider"] is not None and can["documentFormattingProvider"], f"what the server can do: {can}")
    editor.tell("initialized", {})

    uri = "file:///jobs/web.nomad.hcl"
    editor.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "hcl", "version": 1, "text": BROKEN}})
    told = editor.receive()
    equal(told["method"], "textDocument/publishDiagnostics", "what comes unasked")
    [mistake] = [d for d in told["params"]["diagnostics"] if "cuont" in d["message"]]
    equal(mistake["range"]["start"], {"line": 2, "character": 4}, "where the mistake is")
    check("Did you mean \"count\"?" in mistake["message"], f"its cure: {mistake}")

    position = {"textDocument": {"uri": uri}, "position": {"line": 5, "character": 0}}
    labels = {item["label"] for item in editor.ask("textDocument/completion", position)}
    check({"config", "resources", "env", "user"} <= labels and "count" not in labels, f"what may be written in a task: {sorted(labels)}")
    text = editor.ask("textDocument/hover", {"textDocument": {"uri": uri}, "position": {"line": 4, "character": 8}})["contents"]["value"]
    check("driver" in text and "Driver" in text, f"what a word means: {text}")

    mended = BROKEN.replace("cuont = 3", "count   =   3")
    editor.tell("textDocument/didChange", {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": mended}]})
    equal([d for d in editor.receive()["params"]["diagnostics"] if d["severity"] == 1], [], "mistakes of the mended file")
    [edit] = editor.ask("textDocument/formatting", {"textDocument": {"uri": uri}, "options": {"tabSize": 2, "insertSpaces": True}})
    check("    count = 3\n" in edit["newText"], f"the laid out file: {edit}")

    equal(editor.ask("shutdown"), None, "the answer to a shutdown")
    editor.tell("exit", {})
    equal(editor.process.wait(FILE_SECONDS_MAX), 0, "exit code of the server")
    editor.process.communicate()


def shows_a_plan_in_colour(world):
    """a plan shows what changes, in colour where that is wanted, and its exit code says whether anything would"""
    agent = world.dev_agent()
    before = raw_job("pair", "/bin/sleep", "600", task_extra='env {\n KEPT = "1"\n GONE = "1"\n CHANGED = "1"\n }')
    after = before.replace('GONE = "1"', 'NEW = "1"').replace('CHANGED = "1"', 'CHANGED = "2"')
    old, new = world.file("old.nomad.hcl", before), world.file("new.nomad.hcl", after)
    equal(run(world, "job", "plan", old, agent=agent)[0], 1, "exit code of a plan that starts something")
    equal(run(world, "job", "run", "-detach", old, agent=agent)[0], 0, "exit code of the run")
    agent.wait_running("pair", 1)
    code, out, err = run(world, "job", "plan", old, agent=agent)
    check(code == 0 and 'Task Group: "g" (1 ignore)' in out, f"a plan that changes nothing: {code} {out}{err}")

    code, plain, err = run(world, "job", "plan", new, agent=agent)
    equal(code, 1, f"exit code of a plan that changes something ({err})")
    for line in ('+/- Env[CHANGED]: "1" => "2"', '+ Env[NEW]:     "1"', '- Env[GONE]:    "1"', "(forces create/destroy update)"):
        check(line in plain, f"{line!r} in a plan:\n{plain}")
    check("\x1b[" not in plain and "KEPT" not in plain, f"no colour in a pipe, nothing that stays:\n{plain}")
    colourful = run(world, "job", "plan", "-force-color", new, agent=agent)[1]
    check(all(colour in colourful for colour in (GREEN, RED, YELLOW)), f"a plan in colour:\n{colourful!r}")
    check("Env" not in run(world, "job", "plan", "-diff=false", new, agent=agent)[1], "a plan without a difference")
    broken = world.file("broken.nomad.hcl", BROKEN)
    equal(run(world, "job", "plan", broken, agent=agent)[0], 255, "exit code of a plan of a broken file")
    agent.stop()


def comes_back_as_it_went(world):
    """what `job run -output` prints can be run, and what `job inspect` prints of it changes nothing"""
    agent = world.dev_agent()
    source = world.file("round.nomad.hcl", raw_job("round", "/bin/sleep", "600", extra='meta {\n a = "b"\n }'))
    code, sent, err = run(world, "job", "run", "-output", source)
    equal(code, 0, f"exit code of run -output, which needs no agent ({err})")
    equal(json.loads(sent)["Job"]["ID"], "round", "the job's id")
    equal(run(world, "job", "run", "-detach", "-json", world.file("round.json", sent), agent=agent)[0], 0, "exit code of a run of that")
    agent.wait_running("round", 1)
    code, shown, err = run(world, "job", "inspect", "round", agent=agent)
    equal(code, 0, f"exit code of inspect ({err})")
    code, out, err = run(world, "job", "plan", "-json", world.file("again.json", shown), agent=agent)
    equal(code, 0, f"exit code of a plan of what inspect printed ({out}{err})")
    equal(agent.get("/v1/job/round")["Version"], 0, "the job's version")
    agent.stop()


def task(value):
    return 'job "bad" {\n  group "g" {\n    task "t" {\n      driver = "raw_exec"\n      config {\n        command = "/bin/true"\n      }\n      env {\n        A = %s\n      }\n    }\n  }\n}\n' % value


def refuses_bad_files(world):
    """deep nesting, huge files, circles, texts that double, broken characters: each is one clear error, at once"""
    doubling = "locals {\n  a0 = \"xxxxxxxxxxxxxxxx\"\n" + "".join(f"  a{i} = \"${{local.a{i - 1}}}${{local.a{i - 1}}}\"\n" for i in range(1, 60)) + "}\n"
    cases = (
        ("nested", task("[" * 10_000).encode(), "may be nested 200 levels deep at most"),
        ("blocks", b"b {\n" * 10_000, "may be nested 200 levels deep at most"),
        ("huge", b"# 50 MB\n" * (50 * 1024 * 1024 // 8), "at most 16777216 are read"),
        ("circle", ("locals {\n  a = local.b\n  b = local.a\n}\n" + task("local.a")).encode(), "local.a"),
        ("doubling", (doubling + task("local.a59")).encode(), "Evaluation too large"),
        ("latin", task('"caf\xe9"').encode("latin-1"), "All text must be UTF-8"),
        ("zero", b'job "x" \0 {\n}\n', "Invalid character"),
        ("json", b'{"job": ' + b"[" * 10_000, "100 levels"),
    )
    for name, content, wanted in cases:
        file = world.dir / f"{name}.nomad.hcl"
        file.write_bytes(content)
        code, out, err = run(world, "job", "validate", file)
        check(code == 1 and wanted in err, f"{name}: {code} {out[-300:]}{err[-600:]}")
        check(err.count("Error:") <= 2 and len(err) < 4000, f"one error, in few words, of {name}: {err[:2000]}")


def reads_odd_files(world):
    """a byte order mark and mixed line ends are read as nothing more than that"""
    odd = world.dir / "odd.nomad.hcl"
    lines = task('"x"').split("\n")
    odd.write_bytes(b"\xef\xbb\xbf" + b"".join(line.encode() + (b"\r\n" if i % 2 else b"\n") for i, line in enumerate(lines)))
    even = world.file("even.nomad.hcl", task('"x"'))
    equal(run(world, "job", "run", "-output", odd), run(world, "job", "run", "-output", even), "the same file, written in two ways")
    equal(run(world, "job", "validate", odd)[0], 0, "exit code of a check of it")


if __name__ == "__main__":
    main([serves_an_editor, shows_a_plan_in_colour, comes_back_as_it_went, refuses_bad_files, reads_odd_files])
