a = 1 . 5
b = c["d"].e[f]
