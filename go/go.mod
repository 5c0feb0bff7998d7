module checksig

go 1.25.0

require (
	github.com/cespare/xxhash/v2 v2.3.0
	github.com/emmansun/gmsm v0.43.0
	github.com/klauspost/compress v1.20.4
	github.com/pelletier/go-toml/v2 v2.4.3
	github.com/ulikunitz/xz v0.5.17
	github.com/zeebo/blake3 v0.2.4
	github.com/zeebo/xxh3 v1.1.0
	golang.org/x/crypto v0.55.0
	golang.org/x/sys v0.47.0
	golang.org/x/text v0.41.0
)

require (
	github.com/klauspost/cpuid/v2 v2.3.0 // indirect
)
