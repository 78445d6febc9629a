# The driver docker. Every option is in docs/drivers/docker.md. An agent reads this with -config=/etc/drover.
plugin "docker" {
  config {
    allow_privileged = false
  }
}
