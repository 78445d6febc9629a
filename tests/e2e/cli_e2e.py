#!/usr/bin/python3
"""The command line against a real agent: a newcomer's first tour, and what operators do with an agent's configuration."""
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import check, equal, main, raw_job, until  # noqa: E402

TWO_TASKS = '''
job "pair" {
  group "g" {
    task "talker" {
      driver = "raw_exec"
      config {
        command = "/bin/sh"
        args = ["-c", "for i in 1 2 3; do echo line $i; echo oops $i >&2; done; exec sleep 600"]
      }
      resources {
        cpu = 20
        memory = 16
      }
    }
    task "sleeper" {
      driver = "raw_exec"
      config {
        command = "/bin/sleep"
        args = ["600"]
      }
      resources {
        cpu = 20
        memory = 16
      }
    }
  }
}
'''


def run(world, agent, *words, cwd=None, input=None):
    """(exit code, standard output, standard error) of one command line."""
    env = dict(os.environ, NOMAD_ADDR=f"http://{agent.address}:{agent.port}")
    done = subprocess.run([world.drover, *map(str, words)], env=env, cwd=cwd or world.dir, input=input, stdin=None if input is not None else subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def fine(world, agent, *words, **how):
    code, out, err = run(world, agent, *words, **how)
    equal(code, 0, f"exit code of drover {' '.join(map(str, words))} ({out}{err})")
    return out


def tour(world):
    """a newcomer writes a job, runs it, looks at it, reads its output, changes it and stops it"""
    agent = world.dev_agent()
    check("ready" in fine(world, agent, "node", "status"), "the node is ready")
    check("alive" in fine(world, agent, "server", "members"), "the server is alive")
    equal(fine(world, agent, "status").strip(), "No running jobs", "jobs at first")

    fine(world, agent, "job", "init")
    fine(world, agent, "job", "validate", "example.nomad.hcl")
    code, out, _ = run(world, agent, "job", "plan", "example.nomad.hcl")
    equal(code, 1, "exit code of a plan that would start something")
    check("All tasks successfully allocated" in out and "job run -check-index 0 example.nomad.hcl" in out, f"what a plan says: {out}")
    out = fine(world, agent, "job", "run", "example.nomad.hcl")
    check(re.search(r'Deployment "\w+" successful', out), f"the run follows its deployment: {out}")
    check(re.search(r"^example +service +50 +running", fine(world, agent, "ps"), re.M), "the job is listed")
    check("running" in fine(world, agent, "ps", "example") and "hello" in fine(world, agent, "job", "status", "exam"), "one job by name and by prefix")

    alloc = agent.running("example")[0]["ID"]
    check("hello from" in until(lambda: fine(world, agent, "logs", "example"), "output"), "the output of a job")
    check(alloc in fine(world, agent, "alloc", "status", alloc[:8]) and "Task started by client" in fine(world, agent, "alloc", "status", alloc[:8]), "an allocation by the start of its id")
    check("alloc/" in fine(world, agent, "alloc", "fs", alloc[:8]), "its folder")
    equal(json.loads(fine(world, agent, "job", "inspect", "example"))["Job"]["ID"], "example", "the job as JSON")
    equal(fine(world, agent, "alloc", "status", "-t", "{{.JobID}} {{.ClientStatus}}", alloc).strip(), "example running", "a template")

    file = world.dir / "example.nomad.hcl"
    file.write_text(file.read_text().replace("count = 2", "count = 3"))
    fine(world, agent, "job", "run", "example.nomad.hcl")
    equal(len(agent.wait_running("example", 3)), 3, "allocations after the change")
    check("everything it asks for is running" in fine(world, agent, "why", "example"), "nothing to explain")
    fine(world, agent, "job", "stop", "example")
    check("it was stopped" in fine(world, agent, "job", "why", "example"), "why a stopped job does not run")
    check("dead (stopped)" in fine(world, agent, "status", "example"), "it is stopped")
    fine(world, agent, "job", "start", "example")
    agent.wait_running("example", 3)
    fine(world, agent, "stop", "-purge", "example")
    equal(agent.stop(), 0, "exit code of the agent")


def explains(world):
    """what does not start is explained in a sentence, with its numbers and the next step"""
    agent = world.dev_agent()
    big = world.file("big.nomad.hcl", raw_job("big", "/bin/sleep", "600", resources="cpu = 20\n memory = 99999999"))
    code, out, _ = run(world, agent, "job", "run", big)
    equal(code, 2, "exit code when something finds no place")
    sentence = 'group g: 1 allocation finds no place: of 1 node, no memory on 1 node (each needs 99999999 MB). Next: stop something, ask for less memory'
    check(sentence in out, f"the run says why: {out}")
    check(sentence in fine(world, agent, "job", "why", "big"), "and so does job why")
    check(sentence in fine(world, agent, "job", "status", "big"), "and job status")

    lost = world.file("lost.nomad.hcl", raw_job("lost", "/no/such/program", kind="batch", extra="", task_extra="restart {\n attempts = 0\n mode = \"fail\"\n}"))
    code, out, _ = run(world, agent, "job", "run", lost)
    equal(code, 1, "exit code when its tasks fail")
    check("task t of lost.g[0]: " in out and "/no/such/program" in out and "Next: " in out, f"the reason of a task that cannot start: {out}")


def shows_output(world):
    """output is shown by task, from the end, by bytes and lines, and followed on both streams"""
    agent = world.dev_agent()
    fine(world, agent, "job", "run", "-detach", world.file("pair.nomad.hcl", TWO_TASKS))
    alloc = agent.wait_running("pair", 1)[0]["ID"]
    until(lambda: "line 3" in fine(world, agent, "logs", "pair", "talker"), "output")
    equal(fine(world, agent, "alloc", "logs", "-tail", "-n", "2", alloc[:8], "talker"), "line 2\nline 3\n", "the last two lines")
    equal(fine(world, agent, "alloc", "logs", "-c", "7", "-task", "talker", alloc), "line 3\n", "the last seven bytes")
    equal(fine(world, agent, "alloc", "logs", "-stderr", alloc[:8], "talker"), "oops 1\noops 2\noops 3\n", "standard error")
    equal(fine(world, agent, "alloc", "fs", "-tail", "-n", "1", alloc[:8], "alloc/logs/talker.stdout.0"), "line 3\n", "the end of a file")
    code, _, err = run(world, agent, "logs", "pair")
    check(code == 1 and "* sleeper\n" in err and "Please specify the task" in err, f"a task must be named: {err}")
    code, _, err = run(world, agent, "alloc", "logs", "-n", "many", alloc, "talker")
    check(code == 1 and "expected a number" in err, f"a number that is none: {err}")

    env = dict(os.environ, NOMAD_ADDR="http://127.0.0.1:4646")
    with subprocess.Popen([world.drover, "logs", "-f", "pair", "talker"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as follower:
        lines = [follower.stdout.readline() for _ in range(3)], [follower.stderr.readline() for _ in range(3)]
        equal(lines, (["line 1\n", "line 2\n", "line 3\n"], ["oops 1\n", "oops 2\n", "oops 3\n"]), "what is followed")
        follower.send_signal(signal.SIGINT)
        equal(follower.wait(10), 0, "exit code after Ctrl-C")


def unknown_words(world):
    """wrong words are told with what was meant, and nothing is sent"""
    agent = world.dev_agent()
    code, out, err = run(world, agent, "jbo", "status")
    check(code == 127 and 'Did you mean "job"?' in err and "Usage: drover" in out, f"an unknown command: {code} {err}")
    code, out, err = run(world, agent, "job", "staus")
    check(code == 1 and 'no subcommand "staus"' in err and "job status" in out, f"an unknown subcommand: {code} {err}")
    code, _, err = run(world, agent, "job", "status", "-jsno")
    check(code == 1 and "flag provided but not defined: -jsno" in err, f"an unknown flag: {code} {err}")
    code, _, err = run(world, agent, "job", "stop", "nothing")
    check(code == 1 and 'No job(s) with prefix or ID "nothing" found' in err, f"an unknown job: {code} {err}")
    code, _, err = run(world, agent, "job", "plan")
    check(code == 255 and "This command takes one argument: <path>" in err, f"a missing argument of plan: {code} {err}")
    agent.stop()
    code, _, err = run(world, agent, "job", "status")
    check(code == 1 and "is the agent running?" in err, f"no agent: {code} {err}")


def every_help(world):
    """every command has a help with an example, and says its flags"""
    agent = type("Nobody", (), {"address": "127.0.0.1", "port": 1})
    code, out, _ = run(world, agent, "-help")
    equal(code, 0, "exit code of -help")
    words = [re.split(r"  +", line.strip())[0] for line in out.splitlines() if re.match(r"  [a-z]", line)]
    check(len(words) > 40, f"commands in the help: {words}")
    for command in words:
        text = fine(world, agent, *command.split(), "-help")
        named = re.match(r"Usage: drover ([a-z -]+?)(?= \[| <|$)", text, re.M)
        check(named and f"{command} ".startswith(named.group(1) + " "), f"help of {command}: {text[:80]}")
        check("\nExample:\n" in text, f"the help of {command} has an example")
        for line in text.splitlines():
            check(not re.match(r"  -\S+ *$", line), f"a flag of {command} without a word on it: {line}")


def follows_the_log(world):
    """monitor shows the agent's log from any level on, in text or JSON, until Ctrl-C"""
    agent = world.both_roles().start()  # logs from INFO on
    for words, wanted in (([], "[INFO]"), (["-json"], '"@level":"info"')):
        with subprocess.Popen([world.drover, "monitor", *words], env=dict(os.environ, NOMAD_ADDR="http://127.0.0.1:4646"), stdout=subprocess.PIPE, text=True) as monitor:
            def logs_and_shows():
                agent.process.send_signal(signal.SIGHUP)  # the reload is a line
                return select.select([monitor.stdout], [], [], 0.2)[0]
            until(logs_and_shows, "a line of the log")
            line = monitor.stdout.readline()
            check(wanted in line and "configuration reloaded" in line, f"a line of the log: {line!r}")
            monitor.send_signal(signal.SIGINT)
            equal(monitor.wait(10), 0, "exit code after Ctrl-C")
    code, _, err = run(world, agent, "monitor", "-log-level=loud")
    check(code == 1 and "Unknown log level: loud" in err, f"a level that is none: {code} {err}")


COMPLETE = r'''
source <("$1" completion bash)
shift
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMP_LINE="$*"
COMP_POINT=${#COMP_LINE}
_drover
printf '%s\n' "${COMPREPLY[@]}"
'''


def completes(world):
    """a shell completes commands of two and three words, flags, and the names of what runs"""
    agent = world.dev_agent()
    fine(world, agent, "job", "run", "-detach", world.file("pair.nomad.hcl", TWO_TASKS))
    alloc = agent.wait_running("pair", 1)[0]["ID"]

    def completed(*words):
        env = dict(os.environ, NOMAD_ADDR="http://127.0.0.1:4646", PATH=f"{world.build}/bin:{os.environ['PATH']}")
        done = subprocess.run(["bash", "-c", COMPLETE, "bash", world.drover, *words], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        equal(done.stderr, "", "complaints of the shell")
        return done.stdout.split()
    equal(completed("drover", "jo"), ["job"], "a command")
    equal(completed("drover", "job", "sta"), ["start", "status"], "a subcommand")
    equal(completed("drover", "job", "periodic", ""), ["force"], "a third word")
    equal(completed("drover", "node", "drain", "-en"), ["-enable"], "a flag")
    equal(completed("drover", "job", "status", "pa"), ["pair"], "a job")
    equal(completed("drover", "alloc", "status", alloc[:3]), [alloc], "an allocation")
    equal(completed("drover", "logs", "pa"), ["pair"], "a job where an allocation is asked for")
    equal(completed("drover", "job", "status", "-namespace", "d"), ["default"], "the value of a flag")
    equal(completed("drover", "job", "status", "-address=http://127.0.0.1:1", "pa"), [], "names that the agent of the line does not know")
    for shell in ("zsh", "fish"):
        check("COMP_LINE" in fine(world, agent, "completion", shell), f"completions for {shell}")


def manual(world):
    """every command has a manual page, which man shows without complaint"""
    nobody = type("Nobody", (), {"address": "127.0.0.1", "port": 1})
    share = os.path.join(str(world.dir), "share")
    fine(world, nobody, "manual", share)
    pages = sorted(os.listdir(os.path.join(share, "man", "man1")))
    check({"drover.1", "drover-job-run.1", "drover-alloc-exec.1", "drover-job-periodic-force.1"} <= set(pages) and len(pages) > 60, f"pages: {pages}")
    for page in pages:
        text = open(os.path.join(share, "man", "man1", page)).read()
        for section in ("NAME", "SYNOPSIS", "EXIT STATUS"):
            check(f".SH {section}\n" in text, f"{page} has the section {section}")
    check(os.path.exists(os.path.join(share, "bash-completion", "completions", "drover")), "completions of bash")


def configuration(world):
    """a folder of configuration files is read in order, a wrong key is refused with its line, SIGHUP takes over the log level"""
    folder = world.dir / "conf.d"
    folder.mkdir()
    (folder / "10-base.hcl").write_text(f'data_dir = "{world.dir}/data"\nlog_level = "INFO"\nserver {{\n  enabled = true\n  bootstrap_expect = 1\n}}\nclient {{\n  enabled = true\n}}\n')
    (folder / "20-site.json").write_text(json.dumps({"name": "from-json", "client": {"meta": {"rack": "r7"}}}))
    (folder / "notes.txt").write_text("this is no configuration")
    nobody = type("Nobody", (), {"address": "127.0.0.1", "port": 1})
    equal(fine(world, nobody, "config", "validate", folder).strip(), "Configuration is valid!", "a good folder")
    (folder / "30-bad.hcl").write_text('log_level = "INFO"\nclient {\n  enabeld = true\n}\n')
    code, _, err = run(world, nobody, "config", "validate", folder)
    check(code == 1 and "30-bad.hcl:3" in err and "enabeld" in err and "enabled" in err, f"an unknown key: {code} {err}")
    code, _, err = run(world, nobody, "agent", "-config", folder)
    check(code == 1 and "30-bad.hcl:3" in err, f"an agent refuses it, too: {code} {err}")
    (folder / "30-bad.hcl").unlink()

    from harness import Agent
    agent = Agent(world, "configured", ["-config", str(folder)])
    world.agents.append(agent)
    agent.start()
    node = agent.ready_node()
    equal(node["Name"], "from-json", "the name of a later file")
    equal(agent.get("/v1/node/" + node["ID"])["Meta"].get("rack"), "r7", "metadata of a later file")

    check("[DEBUG]" not in agent.log(), "no debug lines at first")
    (folder / "40-level.hcl").write_text('log_level = "DEBUG"\n')
    agent.process.send_signal(signal.SIGHUP)
    until(lambda: "configuration reloaded: log_level=DEBUG" in agent.log(), "the reload is told")
    (folder / "40-level.hcl").write_text('log_levle = "INFO"\n')
    agent.process.send_signal(signal.SIGHUP)
    until(lambda: "goes on with the old one" in agent.log() and "40-level.hcl:1" in agent.log(), "a bad file is told with its line")
    equal(agent.get("/v1/agent/health")["server"]["ok"], True, "the agent is alive after it")
    equal(agent.stop(), 0, "exit code of the agent")


def lays_out_files(world):
    """fmt lays files out, lists those that change, and its check fails only while something would change"""
    nobody = type("Nobody", (), {"address": "127.0.0.1", "port": 1})
    messy, neat = 'job   "x" {\n  type="batch"\n}\n', 'job "x" {\n  type = "batch"\n}\n'
    (world.dir / "jobs" / "deep").mkdir(parents=True)
    for name in ("a.nomad.hcl", "deep/b.hcl"):
        (world.dir / "jobs" / name).write_text(messy)
    equal(run(world, nobody, "fmt", "-check", "jobs")[:2], (1, "jobs/a.nomad.hcl\n"), "a check of one folder")
    equal(run(world, nobody, "fmt", "-check", "-recursive", "jobs")[:2], (1, "jobs/a.nomad.hcl\njobs/deep/b.hcl\n"), "a check of folders")
    equal((world.dir / "jobs/a.nomad.hcl").read_text(), messy, "a check writes nothing")
    fine(world, nobody, "fmt", "-recursive", "jobs")
    equal((world.dir / "jobs/deep/b.hcl").read_text(), neat, "what was written")
    equal(run(world, nobody, "fmt", "-check", "-recursive", "jobs")[:2], (0, ""), "a check afterwards")
    equal(fine(world, nobody, "fmt", "-", input=messy), neat, "standard input")
    broken = world.file("broken.hcl", "job {\n")
    code, _, err = run(world, nobody, "fmt", broken)
    check(code == 1 and "broken.hcl:1" in err and broken.read_text() == "job {\n", f"a broken file stays as it is: {code} {err}")


def checks_offline(world):
    """a job file is checked and described without an agent, with every mistake at its place"""
    nobody = type("Nobody", (), {"address": "127.0.0.1", "port": 1})
    good = world.file("good.nomad.hcl", TWO_TASKS)
    code, out, err = run(world, nobody, "job", "validate", good)
    check(code == 0 and "Job validation successful" in out and "Checked without a server" in err, f"a good file: {code} {out}{err}")
    bad = world.file("bad.nomad.hcl", 'job "bad" {\n  group "g" {\n    count = -1\n    task "t" {\n      confg {}\n    }\n  }\n}\n')
    code, _, err = run(world, nobody, "job", "validate", bad)
    check(code == 1 and "bad.nomad.hcl:5" in err and "confg" in err, f"a bad file: {code} {err}")
    api = world.file("bad.json", json.dumps({"Job": {"ID": "x", "Type": "service", "TaskGroups": [{"Name": "g", "Tasks": [{"Name": "t"}]}, {"Name": "g"}]}}))
    code, _, err = run(world, nobody, "job", "validate", "-json", api)
    check(code == 1 and "Missing task driver" in err and "redefines" in err, f"every mistake of a JSON job: {code} {err}")

    schema = json.loads(fine(world, nobody, "job", "schema"))
    named = set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(schema)))
    equal(named - set(schema["$defs"]), set(), "kinds of blocks that are named but not there")
    equal(schema["$defs"]["group"]["properties"]["count"]["x-api"], "Count", "the member that count becomes")
    kind = schema["$defs"]["job"]["properties"]["type"]
    check("batch" in kind["anyOf"][0]["enum"] and kind["description"].endswith("Default: service"), f"what people are told of a job's type: {kind}")


if __name__ == "__main__":
    main([tour, explains, shows_output, unknown_words, every_help, follows_the_log, completes, manual, configuration, lays_out_files, checks_offline])
