dynamic "t" {
  for_each = x
  content {
    y = t.value
  }
}
