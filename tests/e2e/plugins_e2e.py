#!/usr/bin/python3
"""What an agent makes of a plugin folder: bad plugins are one sentence each, good ones come and go without a restart."""
import os
import shutil
import signal

from harness import check, children_left, equal, main, raw_job, until

MACHINE_AARCH64 = 0xB7


def folder_of(world, name="plugins"):
    folder = world.dir / name
    folder.mkdir(mode=0o755)
    return folder


def put(folder, name, content, mode=0o755):
    """As a package manager does: written aside, then in place at once."""
    fresh = folder / f".{name}.new"
    fresh.write_bytes(content if isinstance(content, bytes) else content.encode())
    fresh.chmod(mode)
    fresh.rename(folder / name)


def foreign_binary():
    header = bytearray(64)
    header[0:7] = b"\x7fELF\x02\x01\x01"
    header[16], header[18], header[20] = 2, MACHINE_AARCH64, 1
    return bytes(header)


def with_folder(world, folder):
    agent = world.both_roles(extra=f'plugin_dir = "{folder}"')
    return agent.start()


def drivers(agent):
    nodes = agent.get("/v1/nodes")
    return agent.get(f"/v1/node/{nodes[0]['ID']}")["Drivers"] if nodes else {}


def description(agent, name):
    return (drivers(agent).get(name) or {}).get("HealthDescription", "")


def healthy(agent, name):
    return (drivers(agent).get(name) or {}).get("Healthy", False)


def says(agent, folder, name, *words):
    """Once the driver's entry names its place and holds the words."""
    def found():
        text = description(agent, name)
        return text if all(word in text for word in words) else None
    try:
        text = until(found, f"{name} says {words}", 15)
    except AssertionError as error:
        raise AssertionError(f"{error}; it says: {description(agent, name)!r}") from None
    check(text.startswith(f"{folder}/{name}: "), f"{name} names its place: {text}")
    check("\n" not in text, f"{name} says one line: {text}")


def bad_plugins(world):
    """Files that are no plugins are one sentence each, with place and cure, and hinder nobody"""
    folder = folder_of(world)
    put(folder, "notes.txt", "remember the milk\n", 0o644)
    put(folder, "garbage", "#!/bin/sh\necho Hello World; exec sleep 1000\n")
    put(folder, "foreign", foreign_binary())
    put(folder, "old", "#!/bin/sh\necho '1|1|unix|/tmp/x|grpc|'; exec sleep 1000\n")
    put(folder, "hangs", "#!/bin/sh\nexec sleep 1000\n")
    put(folder, "early", "#!/bin/sh\necho 'no disk' >&2; exit 3\n")
    put(folder, "open", "#!/bin/sh\n", 0o777)

    agent = with_folder(world, folder)
    agent.put("/v1/jobs", {"Job": agent_job(agent, "now", "sleep", "1000")})
    agent.wait_running("now", 1)

    says(agent, folder, "notes.txt", "is not executable", "chmod +x", "take it out of the plugin folder")
    says(agent, folder, "garbage", 'wrote "Hello World" to standard output first', "take it out of the plugin folder")
    says(agent, folder, "foreign", "built for another machine (aarch64)", "install a plugin built for this machine")
    says(agent, folder, "old", "speaks version 1 of the plugin protocol, this agent speaks 2", "install a build")
    says(agent, folder, "early", "exited with 3 before the handshake", "its last words: no disk")
    says(agent, folder, "open", "is writable by others", "chmod go-w")
    says(agent, folder, "hangs", "is being launched")
    check(healthy(agent, "raw_exec"), "raw_exec is healthy meanwhile")
    sleepers = [line for _, line in children_left() if line.startswith("sleep 1000")]
    equal(len(sleepers), 1, f"nothing of the refused plugins lives, only what hangs: {sleepers}")
    equal(agent.stop(), 0, "the agent ends well")


def agent_job(agent, name, command, *args):
    import json
    return json.loads(agent.call("POST", "/v1/jobs/parse", {"JobHCL": raw_job(name, "/bin/" + command, *args), "Canonicalize": True}).text)


def hanging_plugin(world):
    """A plugin that hangs is killed at its limit and says so (soak only: the limit is a minute)"""
    if not world.soak:
        return
    folder = folder_of(world)
    put(folder, "hangs", "#!/bin/sh\necho 'waiting for the moon' >&2\nexec sleep 1000\n")
    agent = with_folder(world, folder)
    until(lambda: "did not shake hands within 60 s" in description(agent, "hangs"), "the hanging plugin is given up", 90)
    says(agent, folder, "hangs", "take it out of the plugin folder", "its last words: waiting for the moon")


def rescan(world):
    """SIGHUP: a new driver appears, a broken one is repaired, a replaced one takes over its tasks"""
    folder = folder_of(world)
    put(folder, "mock", "#!/bin/sh\necho Hello\n")
    agent = with_folder(world, folder)
    says(agent, folder, "mock", 'wrote "Hello"')
    mock = (world.build / "lib/drover/plugins/mock").read_bytes()
    raw_exec = (world.build / "lib/drover/plugins/raw_exec").read_bytes()

    put(folder, "mock", mock)
    agent.process.send_signal(signal.SIGHUP)
    until(lambda: healthy(agent, "mock_driver"), "the repaired driver is healthy")
    check("mock" not in drivers(agent) or not description(agent, "mock").startswith(str(folder)), "the old complaint is gone")

    agent.put("/v1/jobs", {"Job": agent_job(agent, "stays", "sleep", "1000")})
    agent.wait_running("stays", 1)
    task = [pid for pid, line in children_left() if line.startswith("/bin/sleep 1000")]
    equal(len(task), 1, "the task runs")
    put(folder, "raw_exec", raw_exec)
    agent.process.send_signal(signal.SIGHUP)
    agent.process.send_signal(signal.SIGHUP)
    until(lambda: str(folder / "raw_exec") in agent.log(), "the new file is seen")
    put(folder, "mock", mock)
    agent.process.send_signal(signal.SIGHUP)
    until(lambda: f"{folder}/mock: its program file has changed" in agent.log(), "the replaced driver ends")
    until(lambda: healthy(agent, "mock_driver"), "the replacing driver is healthy")
    equal([pid for pid, line in children_left() if line.startswith("/bin/sleep 1000")], task, "the task has not noticed")
    os.kill(task[0], signal.SIGTERM)
    equal(agent.stop(), 0, "the agent ends well")


def ticks(world):
    """A busy task's ticks are its percentage of this machine's cores in MHz"""
    agent = world.both_roles().start()
    attributes = agent.get("/v1/node/" + agent.ready_node()["ID"])["Attributes"]
    core = float(attributes["cpu.totalcompute"]) / float(attributes["cpu.numcores"])
    agent.put("/v1/jobs", {"Job": agent_job(agent, "busy", "sh", "-c", "while :; do :; done")})
    alloc = agent.wait_running("busy", 1)[0]["ID"]

    def busy():
        usage = agent.get(f"/v1/client/allocation/{alloc}/stats")["ResourceUsage"]["CpuStats"]
        return usage if usage["Percent"] > 5 else None
    usage = until(busy, "the task is measured as busy")
    wanted = usage["Percent"] / 100 * core
    check(abs(usage["TotalTicks"] - wanted) < 0.02 * wanted + 1, f"{usage['TotalTicks']} ticks, expected {wanted}: {usage}")


main([bad_plugins, hanging_plugin, rescan, ticks])
