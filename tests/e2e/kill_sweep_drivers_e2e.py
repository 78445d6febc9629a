#!/usr/bin/python3
"""The kill sweep of kill_sweep_e2e.py with tasks of the docker and the mock driver: agent and driver die along a task's life."""
import harness
from docker_e2e import shell, with_engine
from harness import check, equal, until
from kill_sweep_e2e import EXIT_CODE, NEVER_MOVED, PROGRAMS, SLOW_S, STEPS, Case, Host, sweep_pair

RUN_S = 2  # how long a mock task runs that is to end by itself

# As the script of kill_sweep_e2e.py, in the allocation's own folder. That two run at once is seen from outside.
IN_CONTAINER = """echo start $$ >>/alloc/ledger; for i in 1 2 3; do echo line $i; done
trap 'exit 0' TERM; until [ -e /alloc/go ]; do sleep 0.01; done; for i in 4 5 6; do echo line $i; done; exit 7"""


def job_of(name, driver, config, again):
    return f"""
job "{name}" {{
  type = "batch"
  {NEVER_MOVED}
  group "g" {{
    task "t" {{
      driver = "{driver}"
      config {{
        {config}
      }}
      {again}
      resources {{
        cpu = 20
        memory = 32
      }}
    }}
  }}
}}
"""


class DockerHost(Host):
    programs = {**PROGRAMS, "driver": "/plugins/docker"}

    def __init__(self, world, engine):
        self.engine = engine
        super().__init__(world, f'plugin "docker" {{\n config {{ endpoint = "unix://{engine.socket}" }}\n}}')
        wait_driver(self, "docker")


class MockHost(Host):
    programs = {**PROGRAMS, "driver": "/plugins/mock"}

    def __init__(self, world):
        super().__init__(world, "")
        wait_driver(self, "mock_driver")


def wait_driver(host, name):
    until(lambda: host.server.get("/v1/nodes")[0]["Drivers"].get(name, {}).get("Healthy"), f"{name} to be healthy", SLOW_S)


class DockerCase(Case):
    """One container, one death."""

    def prepare(self):
        self.most = 0

    def folder(self):
        alloc = self.alloc()
        return self.host.data / "alloc" / alloc["ID"] / "alloc" if alloc else None

    def alive(self):
        """Its containers, those too that have ended and are still to be removed."""
        alloc = self.alloc()
        found = self.host.engine.containers(label=[f"com.hashicorp.nomad.alloc_id={alloc['ID']}"]) if alloc else []
        self.most = max(self.most, sum(c["State"] == "running" for c in found))
        return [c["Id"][:12] for c in found]

    def output(self):
        """A driver that dies between passing a line on and noting that it did passes it on again: one line, no more."""
        lines = super().output().splitlines(keepends=True)
        again = [i for i in range(1, len(lines)) if lines[i] == lines[i - 1]] if self.part == "driver" else []
        return "".join(line for i, line in enumerate(lines) if i not in again[:1])

    def check_after(self):
        super().check_after()
        check(self.most <= 1, f"{self.name}: {self.most} ran at once")

    def job(self, again):
        return job_of(self.name, "docker", 'image = "drover-test/box:1"\n' + shell(IN_CONTAINER), again)


class MockCase(Case):
    """One task that only the driver's process knows of; its events tell what became of it."""

    def prepare(self):
        pass

    def ledger(self):
        return [f"start {e['Time']}" for e in (self.task() or {}).get("Events") or [] if e["Type"] == "Started"]

    def alive(self):
        return []

    def go(self):
        pass

    def is_running(self):
        """It may have run to its end before anybody looked."""
        return bool(self.starts())

    def check_after(self):
        if self.step == "restart":
            until(lambda: self.task()["State"] == "running", f"{self.name} to run after the death", SLOW_S)
            self.host.server.cli("job", "stop", "-detach", self.name)
        until(self.is_dead, f"{self.name} to be told as dead: {self.task()}", SLOW_S)
        told = [e["Details"]["exit_code"] for e in self.task()["Events"] if e["Type"] == "Terminated"]
        if self.step in ("stop", "restart"):
            return
        equal(told[-1:], [str(EXIT_CODE)], f"{self.name}: exit code told: {told}")
        if not self.may_start_again():
            equal((len(told), len(self.starts())), (1, 1), f"{self.name}: ends and starts")

    def job(self, again):
        seconds = 3600 if self.step in ("stop", "restart") else RUN_S
        return job_of(self.name, "mock_driver", f'run_for = "{seconds}s"\n exit_code = {EXIT_CODE}', again)


def docker(part):
    @with_engine
    def test(world, engine):
        host = DockerHost(world, engine)
        for step in STEPS:
            sweep_pair(host, DockerCase, part, step, world.soak, "docker: ")
        until(lambda: not engine.containers(), "no container is left")
    test.__name__ = f"docker_{part}"
    test.__doc__ = f"{part} dies along the life of a container: nothing lost, doubled or orphaned, the exit code right"
    return test


def mock(part):
    def test(world):
        host = MockHost(world)
        for step in STEPS:
            sweep_pair(host, MockCase, part, step, world.soak, "mock: ")
    test.__name__ = f"mock_{part}"
    test.__doc__ = f"{part} dies along the life of a mock task: nothing lost, the exit code right"
    return test


if __name__ == "__main__":
    harness.main([docker("agent"), docker("driver"), mock("agent"), mock("driver")])
