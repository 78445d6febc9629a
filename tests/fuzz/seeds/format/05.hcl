a = b ? c : !d && e || -f * (g + 1.5e3) % 2 // end
