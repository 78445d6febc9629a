#!/usr/bin/python3
"""Commands against answers that the test gives: what is sent, what is shown, with which exit code. For answers that are hard to bring about."""
import base64
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import check, equal, main  # noqa: E402

NODE = "aaaaaaaa-1111-1111-1111-111111111111"
ALLOC = "bbbbbbbb-2222-2222-2222-222222222222"
NEXT = "cccccccc-3333-3333-3333-333333333333"
EVAL = "dddddddd-4444-4444-4444-444444444444"
DEPLOYMENT = "eeeeeeee-5555-5555-5555-555555555555"


class Agent:
    """Answers by a table: "GET /v1/jobs" → a value, text, (status, text), a function of the request's JSON, or a list of these taken one after the other."""

    def __init__(self, answers):
        self.answers, self.seen = answers, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                url = urllib.parse.urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                sent = json.loads(body) if body else None
                outer.seen.append((f"{self.command} {urllib.parse.unquote(url.path)}", dict(urllib.parse.parse_qsl(url.query)), sent))
                answer = outer.answers.get(f"{self.command} {urllib.parse.unquote(url.path)}", (404, "not found"))
                if isinstance(answer, Turns):
                    answer = answer.pop(0) if len(answer) > 1 else answer[0]
                if callable(answer):
                    answer = answer(sent)
                status, value = answer if isinstance(answer, tuple) else (200, answer)
                data = value.encode() if isinstance(value, str) else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = do_DELETE = answer

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def sent(self, what):
        """What was sent there: (query, body) of the only request."""
        found = [(query, body) for where, query, body in self.seen if where == what]
        equal(len(found), 1, f"requests to {what}, of {[w for w, _, _ in self.seen]}")
        return found[0]


class Turns(list):
    pass


def run(world, agent, *words, input=None, env=None):
    done = subprocess.run([world.drover, *map(str, words)], env=dict(os.environ, NOMAD_ADDR=agent.address, TZ="UTC", **(env or {})), cwd=world.dir, input=input,
                          stdin=None if input is not None else subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


def squeezed(text):
    """Lines with runs of blanks as two."""
    import re
    return [re.sub(r"(?<=\S) {2,}", "  ", line.rstrip()) for line in text.splitlines()]


def job(**members):
    return {"ID": "web", "Name": "web", "Namespace": "default", "Type": "service", "Priority": 50, "Status": "running", "Stop": False, "SubmitTime": 1700000000000000000, **members}


def done_eval(**members):
    return {"ID": EVAL, "JobID": "web", "Type": "service", "Status": "complete", "CreateIndex": 10, **members}


def with_job(**more):
    return {"GET /v1/jobs": [job()], "GET /v1/job/web": job(), f"GET /v1/evaluation/{EVAL}": done_eval(), f"GET /v1/evaluation/{EVAL}/allocations": [], **more}


def services(world):
    """services are listed by name with their tags, their instances with addresses, and one is removed by its id"""
    instance = {"ID": "_nomad-task-1", "ServiceName": "api", "Namespace": "default", "NodeID": NODE, "Datacenter": "dc1", "JobID": "web", "AllocID": ALLOC, "Tags": ["b", "a"], "Address": "10.0.0.1", "Port": 8080}
    answers = {"GET /v1/services": [{"Namespace": "default", "Services": [{"ServiceName": "web", "Tags": []}, {"ServiceName": "api", "Tags": ["a", "b"]}]}],
               "GET /v1/service/api": [instance], "GET /v1/service/none": [], "DELETE /v1/service/api/_nomad-task-1": "", "DELETE /v1/service/api/x": (500, "service registration not found")}
    with Agent(answers) as agent:
        equal(squeezed(run(world, agent, "service", "list")[1]), ["Service Name  Tags", "api  [a,b]", "web  []"], "the list")
        equal(squeezed(run(world, agent, "service", "info", "api")[1]), ["Job ID  Address  Tags  Node ID  Alloc ID", "web  10.0.0.1:8080  [b,a]  aaaaaaaa  bbbbbbbb"], "the instances")
        check(f"Alloc ID     = {ALLOC}" in run(world, agent, "service", "info", "-verbose", "api")[1], "everything of an instance")
        code, _, err = run(world, agent, "service", "info", "none")
        check(code == 1 and '"none"' in err, f"a service that is not there: {code} {err}")
        equal(run(world, agent, "service", "delete", "api", "_nomad-task-1")[:2], (0, "Successfully deleted service registration\n"), "a removal")
        code, _, err = run(world, agent, "service", "delete", "api", "x")
        equal((code, err), (1, "Error deleting service registration: Unexpected response code: 500 (service registration not found)\n"), "a removal of nothing")


def counts_and_versions(world):
    """scale, revert and history send what they say, and show what changed"""
    scale = {"JobID": "web", "TaskGroups": {"g": {"Desired": 1, "Events": [{"Count": 2, "PreviousCount": 1, "Time": 1700000000000000000, "EvalID": EVAL, "Message": "why"}]}}}
    diff = {"Type": "Edited", "ID": "web", "TaskGroups": [{"Type": "Edited", "Name": "g", "Fields": [{"Type": "Edited", "Name": "Count", "Old": "1", "New": "2"}], "Tasks": [{"Type": "None", "Name": "t"}]}]}
    versions = {"Versions": [job(Version=1, Stable=True), job(Version=0, Stable=False, VersionTag={"Name": "first", "Description": "the first"})], "Diffs": [diff]}
    answers = with_job(**{"GET /v1/job/web/scale": scale, "PUT /v1/job/web/scale": {"EvalID": EVAL}, "PUT /v1/job/web/revert": {"EvalID": EVAL}, "GET /v1/job/web/versions": versions})
    with Agent(answers) as agent:
        equal(run(world, agent, "job", "scale", "-detach", "web", "3")[:2], (0, f"Job scale successful\nEvaluation ID: {EVAL}\n"), "a scaling")
        equal({k: agent.sent("PUT /v1/job/web/scale")[1][k] for k in ("Count", "Target")}, {"Count": 3, "Target": {"Job": "web", "Group": "g"}}, "what it sends")
        equal(run(world, agent, "job", "scale", "web", "x", "3")[2], "Group x not found within job\n", "a group that is not there")
        equal(run(world, agent, "job", "revert", "-detach", "web", "first")[:2], (0, f"Evaluation ID: {EVAL}\n"), "a version by its tag")
        equal(agent.sent("PUT /v1/job/web/revert")[1], {"JobID": "web", "JobVersion": 0}, "what it sends")
        equal(squeezed(run(world, agent, "job", "history", "-p", "web")[1])[3:10],
              ["Diff  =", '+/- Job: "web"', '+/- Task Group: "g"', '  +/- Count: "1" => "2"', '      Task: "t"', "", "Version  = 0"], "what changed")
        check("Tag Name  = first" in squeezed(run(world, agent, "job", "history", "-version", "0", "web")[1]), "the tag of a version")
        equal(squeezed(run(world, agent, "job", "scaling-events", "web")[1]), ["Task Group  Count  PrevCount  Date", "g  2  1  2023-11-14T22:13:20Z"], "the scaling events")


def dispatches(world):
    """dispatch sends payload, metadata and prefix; periodic force starts a launch; other jobs are not found by them"""
    answers = with_job(**{"GET /v1/jobs": [job(ID="web"), job(ID="work", ParameterizedJob=True), job(ID="cron", Periodic=True)],
                          "PUT /v1/job/work/dispatch": {"EvalID": EVAL, "DispatchedJobID": "work/dispatch-1"}, "PUT /v1/job/cron/periodic/force": {"EvalID": EVAL}})
    with Agent(answers) as agent:
        code, out, _ = run(world, agent, "job", "dispatch", "-detach", "-meta", "a=1", "-meta", "b=x=y", "-id-prefix-template", "pre", "-idempotency-token", "once", "work", "-", input="hello")
        equal((code, squeezed(out)), (0, ["Dispatched Job ID = work/dispatch-1", "Evaluation ID  = dddddddd"]), "a dispatch")
        query, body = agent.sent("PUT /v1/job/work/dispatch")
        equal((query["idempotency_token"], base64.b64decode(body["Payload"]), body["Meta"], body["IdPrefixTemplate"]), ("once", b"hello", {"a": "1", "b": "x=y"}, "pre"), "what it sends")
        equal(run(world, agent, "job", "dispatch", "-meta", "nope", "work")[2], "Error parsing meta value: nope\n", "metadata that is none")
        equal(run(world, agent, "job", "dispatch", "web")[2], 'No parameterized job(s) with prefix or ID "web" found\n', "a job that is not parameterized")
        equal(run(world, agent, "job", "periodic", "force", "-detach", "cron")[:2], (0, f"Force periodic successful\nEvaluation ID: {EVAL}\n"), "a launch")
        code, _, err = run(world, agent, "job", "dispatch", "work", "-", input="x" * 20000)
        check(code == 1 and "16384" in err, f"a payload that is too large: {code} {err}")


def drains(world):
    """node drain sends deadline and reason, follows until the tasks are gone, and asks where it may"""
    strategy = {"Deadline": 60000000000}
    node, drained = {"ID": NODE, "DrainStrategy": strategy}, {"ID": NODE, "DrainStrategy": None, "LastDrain": {"Status": "complete"}}
    alloc = {"ID": ALLOC, "ClientStatus": "running", "DesiredTransition": {"Migrate": None}}
    answers = {"GET /v1/nodes": [{"ID": NODE, "Name": "n1"}], f"PUT /v1/node/{NODE}/drain": {"NodeModifyIndex": 1},
               f"GET /v1/node/{NODE}": Turns([node, node, drained]),
               f"GET /v1/node/{NODE}/allocations": Turns([[alloc], [dict(alloc, DesiredTransition={"Migrate": True})], [dict(alloc, DesiredTransition={"Migrate": True}, ClientStatus="complete")]])}
    with Agent(answers) as agent:
        code, out, err = run(world, agent, "node", "drain", "-enable", "-yes", "-deadline", "1m", "-ignore-system", "-m", "kernel", "n1")
        equal(code, 0, f"exit code ({err})")
        for words in (f'Node "{NODE}" drain strategy set', 'Alloc "bbbbbbbb" marked for migration', 'Alloc "bbbbbbbb" status running -> complete', f"Drain complete for node {NODE}", "have stopped"):
            check(words in out, f"{words} in: {out}")
        _, body = agent.sent(f"PUT /v1/node/{NODE}/drain")
        equal((body["DrainSpec"], body["Meta"], body["MarkEligible"]), ({"Deadline": 60000000000, "IgnoreSystemJobs": True}, {"message": "kernel"}, False), "what it sends")
        agent.seen.clear()
        equal(run(world, agent, "node", "drain", "-disable", "-yes", NODE[:8])[1], f'Node "{NODE}" drain strategy unset\n', "an end of draining")
        equal(agent.sent(f"PUT /v1/node/{NODE}/drain")[1], {"NodeID": NODE, "DrainSpec": None, "MarkEligible": True}, "what it sends")
        agent.seen.clear()
        code, _, err = run(world, agent, "node", "drain", "-enable", NODE)
        check(code == 1 and "-yes" in err and not any(w.startswith("PUT") for w, _, _ in agent.seen), f"without a terminal nothing is done unasked: {code} {err}")
        code, _, err = run(world, agent, "node", "drain", "-enable", "-force", "-no-deadline", "-yes", NODE)
        check(code == 1 and "-force and -no-deadline are mutually exclusive" in err, f"flags that exclude each other: {err}")


PLAN = {"Diff": {"Type": "Edited", "ID": "web", "TaskGroups": [{"Type": "Edited", "Name": "g", "Updates": {"create": 1, "in-place update": 1},
        "Fields": [{"Type": "Edited", "Name": "Count", "Old": "1", "New": "2", "Annotations": ["forces create"]}], "Tasks": [{"Type": "None", "Name": "t"}]}]},
        "Annotations": {"DesiredTGUpdates": {"g": {"Place": 1, "InPlaceUpdate": 1}}}, "FailedTGAllocs": None, "JobModifyIndex": 17, "CreatedEvals": None, "NextPeriodicLaunch": None}
FILE = 'job "web" {\n group "g" {\n count = 2\n task "t" {\n driver = "raw_exec"\n config {\n command = "/bin/true"\n }\n }\n }\n}\n'


def plans(world):
    """a plan shows the difference in colours where they are wanted, and its exit code says whether anything would move"""
    world.file("web.nomad.hcl", FILE)
    quiet = dict(PLAN, Diff={"Type": "None", "ID": "web", "TaskGroups": []}, Annotations={"DesiredTGUpdates": {"g": {"Ignore": 1}}})
    in_place = dict(PLAN, Annotations={"DesiredTGUpdates": {"g": {"InPlaceUpdate": 1}}})
    with Agent({"PUT /v1/job/web/plan": PLAN}) as agent:
        code, out, _ = run(world, agent, "job", "plan", "-var=x=1", "web.nomad.hcl")
        equal(code, 255, "exit code of a variable that is not declared")
        code, out, _ = run(world, agent, "job", "plan", "web.nomad.hcl")
        equal((code, out.splitlines()[:6]), (1, ['+/- Job: "web"', '+/- Task Group: "g" (1 create, 1 in-place update)', '  +/- Count: "1" => "2" (forces create)', '      Task: "t"', "", "Scheduler dry-run:"]), "a plan")
        check("drover job run -check-index 17 web.nomad.hcl" in out and "\x1b[" not in out, "how to run what was planned")
        check(run(world, agent, "job", "plan", "-diff=false", "web.nomad.hcl")[1].startswith("Scheduler dry-run:"), "without the difference")
        check("\x1b[33m+/- " in run(world, agent, "job", "plan", "-force-color", "web.nomad.hcl")[1], "colours when forced")
        check("\x1b[" not in run(world, agent, "job", "plan", "web.nomad.hcl", env={"NOMAD_CLI_NO_COLOR": "1"})[1], "no colours when switched off")
    for plan, wanted in ((quiet, 0), (in_place, 0), ((500, "no"), 255)):
        with Agent({"PUT /v1/job/web/plan": plan}) as agent:
            equal(run(world, agent, "job", "plan", "web.nomad.hcl")[0], wanted, f"exit code of a plan of {str(plan)[:60]}")


def restarts(world):
    """job restart goes in batches, and with -reschedule waits for each replacement to run"""
    alloc = {"ID": ALLOC, "Name": "web.g[0]", "TaskGroup": "g", "NodeName": "n1", "ClientStatus": "running", "DesiredStatus": "run", "TaskStates": {"t": {}}}
    other = dict(alloc, ID=NEXT, Name="web.g[1]")
    answers = with_job(**{"GET /v1/job/web/allocations": [alloc, other, dict(alloc, ID="ff" + ALLOC[2:], ClientStatus="complete")],
                          f"PUT /v1/client/allocation/{ALLOC}/restart": {}, f"PUT /v1/client/allocation/{NEXT}/restart": (500, "no"),
                          f"PUT /v1/allocation/{ALLOC}/stop": {"EvalID": EVAL}, f"GET /v1/allocation/{ALLOC}": Turns([alloc, dict(alloc, NextAllocation=NEXT)]),
                          f"GET /v1/allocation/{NEXT}": Turns([dict(other, ClientStatus="pending"), other])})
    with Agent(answers) as agent:
        code, out, err = run(world, agent, "job", "restart", "-yes", "web")
        check(code == 1 and "Restarting 2 allocations" in out and 'Error restarting allocation "cccccccc"' in err, f"a failure ends it: {code} {out} {err}")
    answers["GET /v1/job/web/allocations"] = [alloc]
    with Agent(answers) as agent:
        code, out, _ = run(world, agent, "job", "restart", "-yes", "-task", "t", "web")
        check(code == 0 and out.endswith("Job restarted successfully!\n"), f"in place: {code} {out}")
        equal(agent.sent(f"PUT /v1/client/allocation/{ALLOC}/restart")[1], {"TaskName": "t", "AllTasks": False}, "what it sends")
        code, out, _ = run(world, agent, "job", "restart", "-yes", "-reschedule", "web")
        check(code == 0 and 'replaced by "cccccccc"' in out and 'Allocation "cccccccc" is "running"' in out, f"by replacement: {code} {out}")
        equal(agent.sent(f"PUT /v1/allocation/{ALLOC}/stop")[0]["reschedule"], "true", "what it asks for")
        equal(run(world, agent, "job", "restart", "-batch-size", "none", "web")[0], 1, "exit code of a batch size that is none")


def deployments(world):
    """a run follows the deployment of its evaluation, and a failed one is a failed run"""
    world.file("web.nomad.hcl", FILE)
    groups = {"g": {"DesiredTotal": 2, "DesiredCanaries": 1, "Promoted": False, "PlacedAllocs": 2, "HealthyAllocs": 1, "UnhealthyAllocs": 0, "RequireProgressBy": "2026-01-02T03:04:05Z"}}
    running = {"ID": DEPLOYMENT, "JobID": "web", "JobVersion": 1, "Status": "running", "StatusDescription": "Deployment is running", "TaskGroups": groups}
    for status, wanted in (("successful", 0), ("failed", 1)):
        answers = with_job(**{"PUT /v1/jobs": {"EvalID": EVAL}, f"GET /v1/evaluation/{EVAL}": done_eval(DeploymentID=DEPLOYMENT), "GET /v1/deployments": [running],
                              f"GET /v1/deployment/{DEPLOYMENT}": Turns([running, dict(running, Status=status)])})
        with Agent(answers) as agent:
            code, out, err = run(world, agent, "job", "run", "web.nomad.hcl")
            check(code == wanted and 'Evaluation within deployment: "eeeeeeee"' in out and f'Deployment "eeeeeeee" {status}' in out, f"{status}: {code} {out} {err}")
            check("g           false     2        1         2       1        0          2026-01-02T03:04:05Z" in out, f"its table: {out}")
            equal(squeezed(run(world, agent, "deployment", "list")[1])[1], "eeeeeeee  web  1  running  Deployment is running", "the list")


def checks_and_logs(world):
    """health checks are shown one by one; the agent's log is shown until Ctrl-C"""
    answers = {"GET /v1/allocations": [{"ID": ALLOC}], f"GET /v1/client/allocation/{ALLOC}/checks": {"x": {"ID": "x", "Check": "alive", "Group": "web.g[0]", "Service": "web", "Status": "failure", "StatusCode": 503, "Mode": "healthiness", "Timestamp": 1700000000, "Output": "nomad: no"}},
               "GET /v1/agent/monitor": "2026-11-24T00:00:00Z [INFO]  server: a line\n", "GET /v1/agent/self": {"stats": {"nomad": {"server": "true"}, "raft": {"num_peers": "0"}}}}
    with Agent(answers) as agent:
        out = run(world, agent, "alloc", "checks", "-verbose", ALLOC[:8])[1]
        check(out.startswith("Status of 1 Nomad Service Checks\n\nID         = x\nName       = alive\n") and "StatusCode = 503" in out and "Timestamp  = 2023-11-14T22:13:20Z" in out, f"a check: {out}")
        equal(run(world, agent, "monitor", "-log-level=debug")[:2], (0, answers["GET /v1/agent/monitor"]), "the log")
        equal(agent.sent("GET /v1/agent/monitor")[0]["log_level"], "debug", "the level that is asked for")
        equal(run(world, agent, "check")[0], 0, "exit code of a well agent")
        equal(run(world, agent, "check", "-min-peers", "2")[0], 2, "exit code when peers are missing")


def raw_requests(world):
    """operator api sends any request and shows the answer as it came, whatever its status"""
    answers = {"GET /v1/jobs": '[{"ID":"web"}]', "POST /v1/search": lambda sent: {"prefix": sent["Prefix"]}, "GET /v1/job/none": (404, "job not found")}
    with Agent(answers) as agent:
        equal(run(world, agent, "operator", "api", "/v1/jobs?prefix=w&x=1", "-filter", 'ID == "web"')[1], '[{"ID":"web"}]', "an answer")
        equal(agent.sent("GET /v1/jobs")[0], {"prefix": "w", "x": "1", "filter": 'ID == "web"'}, "its query")
        equal(run(world, agent, "operator", "api", "search", input='{"Prefix": "a"}')[1], '{"prefix": "a"}', "a body makes it a POST")
        equal(run(world, agent, "operator", "api", "/v1/job/none")[:2], (0, "job not found"), "another status")
        equal(run(world, agent, "operator", "api", "-dryrun", "-X", "PUT", "-H", "X-A: b", "/v1/jobs")[1], f"curl \\\n  -X PUT \\\n  -H 'X-A: b' \\\n  {agent.address}/v1/jobs\n", "a command for curl")


if __name__ == "__main__":
    main([services, counts_and_versions, dispatches, drains, plans, restarts, deployments, checks_and_logs, raw_requests])
