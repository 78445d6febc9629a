# The driver mock, which only pretends: for tests of jobs and of agents. An agent reads this with -config=/etc/drover.
plugin "mock" {
  config {
  }
}
