a = "${~ b ~}%{ for i in c ~}${i}%{ endfor }"
