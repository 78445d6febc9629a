job "c" {
  type = "system"
  update {
    max_parallel = 1
    stagger = "30s"
  }
  meta = {
    a = 1
  }
  vault { policies = ["p"] }
  group "g" {
    volume "v" {
      type = "host"
      source = "s"
    }
    restart {
      attempts = 1
      mode = "fail"
    }
    scaling {
      max = 5
      policy { x = 1 }
    }
    task "t" {
      driver = "mock"
      volume_mount {
        volume = "v"
        destination = "/v"
      }
      lifecycle { hook = "prestart" }
      identity { aud = ["x"] }
      logs { max_files = 1 }
      artifact { source = "http://a/b" }
      kill_timeout = "5s"
    }
  }
}
