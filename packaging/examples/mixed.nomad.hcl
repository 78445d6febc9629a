# Containers and plain processes in one job: "web" answers on a port of its own each, "worker" finds it by the name of its service.
# The image is any web server that answers /health on port 8000; ./dev demo makes one.
job "mixed" {
  type = "service"

  # One instance after the other, each watched for a second; the default is ten.
  update {
    min_healthy_time = "1s"
  }

  group "web" {
    count = 2

    network {
      port "http" { to = 8000 }
    }

    service {
      name     = "mixed-web"
      port     = "http"
      provider = "nomad"

      check {
        type     = "http"
        path     = "/health"
        interval = "2s"
        timeout  = "1s"
      }
    }

    restart {
      attempts = 10
      interval = "10m"
      delay    = "1s"
      mode     = "delay"
    }

    task "web" {
      driver       = "docker"
      kill_timeout = "1s" # the first process of a container takes no signal that it does not ask for

      config {
        image = "drover-demo/web:1"
        ports = ["http"]
      }

      resources {
        cpu    = 50 # MHz
        memory = 32 # MB
      }
    }
  }

  group "worker" {
    task "worker" {
      driver = "raw_exec"

      config {
        command = "/usr/bin/python3"
        args = ["-u", "-c", <<PROGRAM
import json, os, time, urllib.request

def get(url):
    with urllib.request.urlopen(url, timeout=2) as reply:
        return reply.read().decode()

while True:
    try:
        for web in json.loads(get(os.environ["AGENT"] + "/v1/service/mixed-web")):
            where = "%s:%d" % (web["Address"], web["Port"])
            print("web at", where, "says:", get("http://%s/health" % where).strip())
    except OSError as error:
        print("web cannot be asked now:", error)
    time.sleep(1)
PROGRAM
        ]
      }

      env {
        AGENT = "http://${attr.unique.advertise.address}"
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
