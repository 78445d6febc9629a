# The configuration of the driver @NAME@. An agent reads it with -config=/etc/drover.
plugin "@NAME@" {
  config {
  }
}
