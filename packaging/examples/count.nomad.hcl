# A batch job: counts to ten and is done.
job "count" {
  type = "batch"

  group "count" {
    task "count" {
      driver = "raw_exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "for n in 1 2 3 4 5 6 7 8 9 10; do echo $n; done; echo counted to ten"]
      }

      resources {
        cpu    = 50
        memory = 16
      }
    }
  }
}
