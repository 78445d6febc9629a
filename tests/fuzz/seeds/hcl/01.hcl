a = <<EOT
  x ${y}
  EOT
b = <<-E
	%{ if c ~}
 z
%{ endif }
E
