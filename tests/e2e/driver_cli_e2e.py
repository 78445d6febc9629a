#!/usr/bin/python3
"""drover driver list, inspect, run, trace, attach: drivers looked at without any cluster; plugin status: with one."""
import json
import os
import shutil
import signal
import subprocess

from harness import check, equal, main, raw_job, until

COOKIE = "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255"
SHELL = "/bin/sh"


def drover(world, *words):
    """(exit status, standard output, standard error)"""
    done = subprocess.run([world.drover, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def script(text):
    return json.dumps({"command": SHELL, "args": ["-c", text]})


def list_shows_what_is_there(world):
    """list shows each plugin's health, and what is wrong with a file that is none"""
    folder = world.dir / "plugins"
    folder.mkdir()
    (folder / "raw_exec").symlink_to(world.build / "lib/drover/plugins/raw_exec")
    (folder / "broken").write_text("#!/bin/sh\necho hello\n")
    (folder / "broken").chmod(0o755)

    code, out, err = drover(world, "driver", "list", f"-plugin-dir={folder}")

    equal(code, 0, f"the status ({err})")
    rows = {line.split()[3] if not line.startswith("-") else "broken": line for line in out.splitlines()[1:]}
    check("raw_exec" in rows and "healthy" in rows["raw_exec"], f"raw_exec is healthy: {out}")
    check("no driver" in rows["broken"] and "hello" in rows["broken"], f"what is wrong with the other: {out}")


def inspect_shows_a_driver(world):
    """inspect shows health, capabilities and options; a driver that is not there is an error that says where to look"""
    code, out, err = drover(world, "driver", "inspect", "raw_exec")
    equal(code, 0, f"the status ({err})")
    for wanted in ("= raw_exec", "Health", "Signals", "driver.raw_exec", "command", "required"):
        check(wanted in out, f"'{wanted}' in {out}")

    code, out, err = drover(world, "driver", "inspect", "no_such_driver")
    equal(code, 1, "the status")
    check("no_such_driver" in err and "drover driver list" in err, err)


def run_is_the_task(world):
    """run gives the task's output and exit code; its config may be a file; a wrong one names what is wrong"""
    code, out, err = drover(world, "driver", "run", "raw_exec", script("echo to-out; echo to-err >&2; exit 7"))
    equal((code, out), (7, "to-out\n"), f"status and output ({err})")
    check("to-err" in err and "exit code 7" in err, err)

    file = world.file("task.json", script("echo from-file"))
    equal(drover(world, "driver", "run", "raw_exec", f"@{file}")[:2], (0, "from-file\n"), "a config from a file")

    for config, wanted in (("[]", "JSON object"), ("{", "JSON object"), ('{"args": []}', "command"), ('{"command": ["x"]}', "command"), ('{"command": "/no/such/program"}', "/no/such/program"),
                           ('{"comand": "x", "command": "y"}', "comand")):
        code, out, err = drover(world, "driver", "run", "raw_exec", config)
        check(code == 1 and wanted in err, f"{config}: {code} {err}")


def interrupted_run_stops_the_task(world):
    """Ctrl-C stops the task, and nothing is left of it"""
    process = subprocess.Popen([world.drover, "driver", "run", "raw_exec", script("trap 'echo asked; exit 3' INT TERM; echo ready; while :; do sleep 0.05; done")],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    equal(process.stdout.readline(), "ready\n", "the first line")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    equal(process.returncode, 3, f"the status ({err})")
    check("asked" in out, out)


def trace_shows_calls_without_secrets(world):
    """trace shows every call to the driver, and no secret"""
    code, out, err = drover(world, "driver", "trace", "raw_exec", script("echo hi"))
    equal((code, out), (0, "hi\n"), f"status and output ({err})")
    for wanted in ("→ StartTask {", "← StartTask {", "■ StartTask ok", "WaitTask", "DestroyTask", '\\"command\\":\\"/bin/sh\\"'):
        check(wanted in err, f"'{wanted}' in {err}")


def attach_talks_to_a_plugin_by_hand(world):
    """attach shows a plugin that somebody else started, runs a task in it, and leaves it running"""
    env = {"NOMAD_PLUGIN_MAGIC_COOKIE": COOKIE, "PLUGIN_PROTOCOL_VERSIONS": "2", "PATH": os.environ["PATH"], "TMPDIR": str(world.dir)}
    with open(world.dir / "plugin.log", "wb") as log:
        plugin = subprocess.Popen([world.build / "lib/drover/plugins/raw_exec"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
    line = plugin.stdout.readline().strip()

    code, out, err = drover(world, "driver", "attach", line)
    check(code == 0 and "= raw_exec" in out, f"{code} {out} {err}")
    code, out, err = drover(world, "driver", "attach", "-trace", line.split("|")[3], script("echo in it; exit 4"))
    equal((code, out), (4, "in it\n"), f"a task in it ({err})")
    check("StartTask" in err, err)
    check(plugin.poll() is None, "it runs on")
    plugin.kill()
    plugin.wait()

    code, out, err = drover(world, "driver", "attach", "/no/such/socket")
    check(code == 1 and "/no/such/socket" in err, err)


def plugin_status_counts_nodes(world):
    """plugin status counts the nodes of each driver, and shows one on each node"""
    agent = world.dev_agent()
    until(lambda: "raw_exec" in agent.cli("plugin", "status"), "raw_exec on a node")
    check("1/1" in agent.cli("plugin", "status"), "it is healthy on its node")
    check("healthy" in agent.cli("plugin", "status", "raw_exec"), "its health")
    check("no node has a driver 'none'" in agent.cli("plugin", "status", "none", code=1), "one that is nowhere")
    equal(agent.stop(), 0, "the agent's end")


def modules_beside_programs(world):
    """a module in a plugin folder is a driver like any other; a wrong one is a sentence in the log and hinders nobody"""
    folder = world.dir / "plugins"
    folder.mkdir()
    shutil.copy(world.build / "libexec/drover/examples/hello_module.so", folder / "hello.so")
    shutil.copy(world.build / "tests/modules/wrong_abi.so", folder / "wrong_abi.so")
    agent = world.dev_agent(f"-plugin-dir={folder}")
    until(lambda: "hello" in agent.cli("plugin", "status"), "the module's driver on a node")
    until(lambda: "ABI 2" in agent.log(), "what is wrong with the other, in the log")

    job = world.file("greet.nomad.hcl", raw_job("greet", "x").replace('driver = "raw_exec"', 'driver = "hello"').replace('command = "x"', 'script = "echo from a module; sleep 1000"').replace("args = []", ""))
    agent.cli("job", "run", "-detach", job)
    alloc = agent.wait_running("greet", 1)[0]
    until(lambda: "from a module" in agent.cli("alloc", "logs", alloc["ID"]), "the task's output")
    equal(agent.stop(), 0, "the agent's end")


if __name__ == "__main__":
    main([list_shows_what_is_there, inspect_shows_a_driver, run_is_the_task, interrupted_run_stops_the_task, trace_shows_calls_without_secrets, attach_talks_to_a_plugin_by_hand, plugin_status_counts_nodes,
          modules_beside_programs])
