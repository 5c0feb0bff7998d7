module checksig

go 1.25
