job "a" {
  datacenters = ["dc1"]
  group "g" {
    count = 2
    network {
      port "http" { to = 80 }
    }
    service {
      name = "s"
      port = "http"
      tags = []
      check {
        type = "http"
        path = "/"
        interval = "10s"
        timeout = "2s"
      }
    }
    task "t" {
      driver = "raw_exec"
      config {
        command = "/bin/sleep"
        args = ["60"]
        m { k = [1, {a = true}] }
      }
      env { A = "${node.class}" }
      resources {
        cpu = 100
        memory = 64
        device "gpu" { count = 1 }
      }
      template {
        data = <<EOT
x ${meta.y}
        EOT
        destination = "local/x"
      }
    }
  }
}
