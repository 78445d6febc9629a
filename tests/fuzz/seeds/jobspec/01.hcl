variable "n" {
  type = number
  default = 3
  validation {
    condition = var.n > 1
    error_message = "too small."
  }
}
locals {
  a = [for i in range(var.n) : "x${i}"]
}
job "b" {
  type = "batch"
  periodic { cron = "* * * * *" }
  dynamic "group" {
    for_each = local.a
    labels = [group.value]
    content {
      task "t" {
        driver = "exec"
        constraint {
          attribute = "${attr.kernel.name}"
          value = "linux"
        }
      }
    }
  }
}
