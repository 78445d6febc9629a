a = [for k, v in b : v if v > 1]
c = {for x in y : x => x...}
