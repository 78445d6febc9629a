#!/usr/bin/python3
"""Files that a task finds before it starts: the payload of a dispatched job."""
import json

from harness import check, equal, main, until

SHOW = 'cat "$NOMAD_TASK_DIR/in/put.json"; echo "meta $NOMAD_META_WHO"; stat -c %a "$NOMAD_TASK_DIR/in/put.json"'


def parameterized(name, file):
    return f'''
job "{name}" {{
  type = "batch"
  parameterized {{
    payload = "optional"
    meta_optional = ["who"]
  }}
  group "g" {{
    restart {{
      attempts = 0
      mode = "fail"
    }}
    reschedule {{
      attempts = 0
      unlimited = false
    }}
    task "t" {{
      driver = "raw_exec"
      config {{
        command = "/bin/sh"
        args = ["-c", {json.dumps(SHOW)}]
      }}
      dispatch_payload {{
        file = "{file}"
      }}
      resources {{
        cpu = 20
        memory = 16
      }}
    }}
  }}
}}
'''


def child_of(agent, name):
    children = [j["ID"] for j in agent.get("/v1/jobs?prefix=" + name) if j["ParentID"] == name]
    return children[-1] if children else None


def ended(agent, job):
    return until(lambda: next((a for a in agent.allocs(job) if a["ClientStatus"] in ("complete", "failed")), None), f"{job} to end")


def output(agent, alloc, kind="stdout"):
    return agent.call("GET", f"/v1/client/fs/logs/{alloc['ID']}?task=t&type={kind}&plain=true&origin=start").text


def dispatched(world):
    """a dispatched job finds its payload in its file and its meta in its environment; without a payload there is no file"""
    agent = world.dev_agent()
    agent.cli("job", "run", world.file("encode.hcl", parameterized("encode", "in/put.json")))
    payload = '{"text": "grüße", "zero": "\x00"}\n'
    agent.cli("job", "dispatch", "-detach", "-meta", "who=me", "encode", world.file("payload.json", payload))
    alloc = ended(agent, until(lambda: child_of(agent, "encode"), "the dispatched job"))
    equal((alloc["ClientStatus"], output(agent, alloc)), ("complete", payload + "meta me\n644\n"), "what the task found")

    agent.cli("job", "run", world.file("bare.hcl", parameterized("bare", "in/put.json")))
    agent.cli("job", "dispatch", "-detach", "bare")
    alloc = ended(agent, until(lambda: child_of(agent, "bare"), "the dispatched job"))
    check("No such file" in output(agent, alloc, "stderr"), "no payload, no file")


def escapes(world):
    """a payload's file that leads out of the task's folder is refused with its name, and nothing is written"""
    agent = world.dev_agent()
    text = parameterized("evil", "../../../evil")
    answer = agent.cli("job", "run", world.file("evil.hcl", text), code=None)
    child = None
    if "rror" not in answer:  # what the server takes, the agent refuses
        agent.cli("job", "dispatch", "-detach", "evil", world.file("payload", "gone"))
        child = until(lambda: child_of(agent, "evil"), "the dispatched job")
        alloc = ended(agent, child)
        told = [e["DisplayMessage"] for e in alloc["TaskStates"]["t"]["Events"]]
        equal(alloc["ClientStatus"], "failed", "its status")
        answer = " ".join(told)
    check("outside" in answer or "escape" in answer, f"the reason: {answer}")


if __name__ == "__main__":
    main([dispatched, escapes])
