#!/usr/bin/python3
"""A service of two whose job is moved: by drain, by the loss of a machine, by scaling. A proxy in front of it loses no request."""
import contextlib
import http.client
import threading

from cluster_e2e import ONE, TWO, Cluster
from harness import check, equal, main, until
from services_e2e import fetch, instances, job_of

THREE = "10.99.0.13"
APART = 'constraint {\n operator = "distinct_hosts"\n value = "true"\n }\n migrate {\n min_healthy_time = "1s"\n }'
ANSWERS_AT_LEAST = 20


class Proxy:
    """Follows the service's list by blocking queries, asks one instance after the other, and the next where one does not answer."""

    def __init__(self, agent, service):
        self.agent, self.service, self.list, self.ended = agent, service, instances(agent, service), threading.Event()
        self.answered, self.lost = 0, []
        self.threads = [threading.Thread(target=self.follow, daemon=True), threading.Thread(target=self.ask, daemon=True)]
        for thread in self.threads:
            thread.start()

    def follow(self):
        index = 0
        while not self.ended.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):  # the list of before is good for a moment
                reply = self.agent.call("GET", f"/v1/service/{self.service}?index={index}&wait=1s")
                index, self.list = reply.headers["X-Nomad-Index"], reply.json

    def ask(self):
        turn = 0
        while not self.ended.is_set():
            turn += 1
            now = self.list
            errors = []
            for i in range(len(now)):
                instance = now[(turn + i) % len(now)]
                try:
                    fetch(instance)
                    self.answered += 1
                    break
                except (OSError, http.client.HTTPException) as error:
                    errors.append(f"{instance['Address']}:{instance['Port']}: {error}")
            else:
                self.lost.append((len(now), errors))
            self.ended.wait(0.005)

    def keeps_answering(self, what):
        before = self.answered
        until(lambda: self.answered >= before + ANSWERS_AT_LEAST or self.lost, f"{ANSWERS_AT_LEAST} answers after {what}")
        equal(self.lost, [], f"requests lost by {what}")

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def moved(world):
    """drain, loss of a machine, and scaling up and down lose no request of a proxy that follows the list of a service of two"""
    cluster = Cluster(world)
    agents = {name: cluster.machine(name, address) for name, address in {"one": ONE, "two": TWO, "three": THREE}.items()}
    server = cluster.server
    until(lambda: [n["Status"] for n in cluster.nodes().values()] == ["ready"] * 3, "three ready nodes", 60)
    server.cli("job", "run", "-detach", world.file("web.hcl", job_of(world, count=2, group_extra=APART)))

    def settled(*nodes, count=2):
        """That many instances, none on these nodes."""
        ids = {cluster.nodes()[n]["ID"] for n in nodes}
        now = instances(server)
        return len(now) == count and not any(i["NodeID"] in ids for i in now) and len(server.running("web")) == count and now
    first = until(lambda: settled(), "two instances", 60)
    proxy = Proxy(server, "web-svc")
    proxy.keeps_answering("nothing")

    names = {n["ID"]: name for name, n in cluster.nodes().items()}
    drained = names[first[0]["NodeID"]]
    drained_id = first[0]["NodeID"]
    server.put(f"/v1/node/{drained_id}/drain", {"DrainSpec": {"Deadline": 300 * 10**9, "IgnoreSystemJobs": False}})
    second = until(lambda: settled(drained), f"two instances, none on {drained}", 60)
    until(lambda: server.get(f"/v1/node/{drained_id}")["DrainStrategy"] is None, "the drain to be over", 60)
    check(all(a["ClientStatus"] != "running" for a in server.get(f"/v1/node/{drained_id}/allocations")), "nothing runs on the drained node")
    proxy.keeps_answering("draining a node")
    server.put(f"/v1/node/{drained_id}/eligibility", {"Eligibility": "eligible"})

    lost = names[second[0]["NodeID"]]
    agents[lost].kill()  # its tasks with it: it was their first process
    until(lambda: cluster.nodes()[lost]["Status"] == "down", f"{lost} to be down", 60)
    until(lambda: settled(lost), f"two instances, none on {lost}", 60)
    proxy.keeps_answering("the loss of a machine")
    agents[lost].start(wait=False)
    until(lambda: cluster.nodes()[lost]["Status"] == "ready", f"{lost} to be back", 60)

    for count in (3, 2):
        server.cli("job", "scale", "-detach", "web", "g", count)
        until(lambda: settled(count=count), f"{count} instances", 60)
        proxy.keeps_answering(f"scaling to {count}")
    proxy.stop()
    equal(proxy.lost, [], "requests lost")
    print(f"note: {proxy.answered} requests answered")


if __name__ == "__main__":
    main([moved])
