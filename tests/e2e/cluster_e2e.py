#!/usr/bin/python3
"""A server and two agents as machines of their own: network namespaces on one bridge, pid namespaces that can die."""
import subprocess

from harness import check, equal, main, raw_job, until

SERVER, ONE, TWO = "10.99.0.1", "10.99.0.11", "10.99.0.12"


def sh(*words):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


class Cluster:
    """The server lives in the test's namespace at 10.99.0.1; each agent in a network and pid namespace of its own."""

    def __init__(self, world):
        self.world = world
        sh("mount", "-t", "tmpfs", "tmpfs", "/run")
        sh("ip", "link", "add", "br0", "type", "bridge")
        sh("ip", "addr", "add", f"{SERVER}/24", "dev", "br0")
        sh("ip", "link", "set", "br0", "up")
        tls = world.dir / "tls"
        tls.mkdir()
        sh(world.drover, "tls", "init", "-dir", str(tls), "-additional-ipaddress", SERVER)
        self.tls = f'''
tls {{
  rpc = true
  ca_file = "{tls}/ca.pem"
  cert_file = "{tls}/server.pem"
  key_file = "{tls}/server-key.pem"
}}
'''
        self.client_tls = self.tls.replace("server.pem", "client.pem").replace("server-key.pem", "client-key.pem")
        self.server = world.agent("server", f'''
data_dir = "{world.dir}/server"
bind_addr = "{SERVER}"
addresses {{ http = "127.0.0.1" }}
server {{
  enabled = true
  bootstrap_expect = 1
  heartbeat_grace = "1s"
  min_heartbeat_ttl = "1s"
}}
{self.tls}
''').start()

    def machine(self, name, address):
        sh("ip", "netns", "add", name)
        sh("ip", "link", "add", f"v-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        sh("ip", "link", "set", f"v-{name}", "master", "br0", "up")
        sh("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        sh("ip", "-n", name, "link", "set", "eth0", "up")
        sh("ip", "-n", name, "link", "set", "lo", "up")
        sh("ip", "-n", name, "route", "add", "default", "via", SERVER)  # by it agents find the address that others reach them at
        prefix = ["nsenter", f"--net=/run/netns/{name}", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
        agent = self.world.agent(name, f'''
name = "{name}"
data_dir = "{self.world.dir}/{name}"
bind_addr = "{address}"
addresses {{ http = "127.0.0.1" }}
client {{
  enabled = true
  servers = ["{SERVER}:4647"]
}}
plugin "raw_exec" {{
  config {{ enabled = true }}
}}
{self.client_tls}
''', prefix=prefix)
        agent.start(wait=False)
        return agent

    def nodes(self):
        return {n["Name"]: n for n in self.server.get("/v1/nodes")}


def node_loss(world):
    """killing an agent's machine moves its allocations; cutting a link and healing it stops what is no longer its own"""
    cluster = Cluster(world)
    agents = {"one": cluster.machine("one", ONE), "two": cluster.machine("two", TWO)}
    server = cluster.server
    until(lambda: [n["Status"] for n in cluster.nodes().values()] == ["ready", "ready"], "two ready nodes")
    server.cli("job", "run", "-detach", world.file("w.hcl", raw_job("w", "/bin/sleep", "1000", count=4)))
    server.cli("job", "run", "-detach", world.file("s.hcl", raw_job("s", "/bin/sleep", "1000", kind="system")))
    server.wait_running("w", 4)
    server.wait_running("s", 2)
    one, two = cluster.nodes()["one"]["ID"], cluster.nodes()["two"]["ID"]

    agents["one"].kill()

    until(lambda: cluster.nodes()["one"]["Status"] == "down", "node one to be down")
    until(lambda: len(now := server.running("w")) == 4 and all(a["NodeID"] == two for a in now), "all four on node two")
    check(any(a["ClientStatus"] == "lost" for a in server.allocs("w")), "the old ones are lost")

    agents["one"].start(wait=False)
    until(lambda: cluster.nodes()["one"]["Status"] == "ready", "node one to be back")
    server.wait_running("s", 2)

    sh("ip", "link", "set", "v-two", "down")
    until(lambda: cluster.nodes()["two"]["Status"] == "down", "node two to be cut off")
    until(lambda: len(now := server.running("w")) == 4 and all(a["NodeID"] == one for a in now), "all four on node one")
    sh("ip", "link", "set", "v-two", "up")
    until(lambda: cluster.nodes()["two"]["Status"] == "ready", "node two to be back")
    until(lambda: all(a["ClientStatus"] != "running" for a in server.get(f"/v1/node/{two}/allocations") if a["JobID"] == "w"), "node two stopped what is no longer its own")
    equal(len(server.running("w")), 4, "still four")


if __name__ == "__main__":
    main([node_loss])
