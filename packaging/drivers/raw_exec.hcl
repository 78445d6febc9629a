# The driver raw_exec: programs of the machine, without isolation. An agent reads this with -config=/etc/drover.
plugin "raw_exec" {
  config {
    enabled = false # true: who may register jobs may run anything as the agent's user
  }
}
