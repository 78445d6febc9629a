# A system job: one allocation on every node, also on those that join later.
job "everywhere" {
  type = "system"

  group "watch" {
    task "watch" {
      driver = "raw_exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "while :; do echo \"$(date -u +%FT%TZ) load $(cut -d' ' -f1-3 /proc/loadavg)\"; sleep 10; done"]
      }

      resources {
        cpu    = 20
        memory = 16
      }
    }
  }
}
