# A service of three plain processes. Run it, kill one of them, and look again.
job "hello" {
  type = "service"

  # One instance after the other, each watched for a second; the default is ten.
  update {
    min_healthy_time = "1s"
  }

  group "hello" {
    count = 3

    task "hello" {
      driver = "raw_exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "n=0; while :; do n=$((n+1)); echo \"hello number $n from $NOMAD_ALLOC_NAME\"; sleep 1; done"]
      }

      resources {
        cpu    = 50 # MHz
        memory = 16 # MB
      }
    }
  }
}
