//go:build amd64 || arm64

// One stream in plain C, for where there are too few for vectors.
#include "lanes.h"
#include "constants.h"

#define ISA plain
#define BYTES 8
#include "wide.h"
