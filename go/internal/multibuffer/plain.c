//go:build amd64 || arm64

// MD5 in plain C: the few steps that do not wait for each other leave nothing for vectors.
#include "lanes.h"

#define ISA plain
#define BYTES 8
#include "wide.h"
