# c
/* d */ e = f(g, h...) # i
