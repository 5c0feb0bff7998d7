module checksig-benchmarks

go 1.25
