//go:build amd64 || arm64

// MD5 in scalar C: of one stream, too few steps are independent for vectors to help.
#include "multibuffer.h"

#define ISA plain
#define BYTES 8
#include "kernels.h"
