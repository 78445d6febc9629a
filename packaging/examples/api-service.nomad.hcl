job "api-service" {
  datacenters = ["dc1"]
  type = "service"
  group "api" {
    count = 3
    network {
      port "http" { to = 8000 }
    }
    service {
      name = "api"
      port = "http"
      check {
        type = "http"
        path = "/health"
        interval = "10s"
        timeout = "3s"
      }
    }
    task "fastapi" {
      driver = "docker"
      config {
        image = "ghcr.io/myorg/api:v2.1"
        ports = ["http"]
      }
      env {
        DATABASE_URL = "postgresql://app:${NOMAD_SECRET_DB_PASS}@db.internal:5432/app"
        WORKERS = "4"
      }
      resources {
        cpu = 500
        memory = 256
      }
    }
  }
}
