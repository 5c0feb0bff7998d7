// NEON, which every arm64 CPU has.
#include "multibuffer.h"
#include "constants.h"
#include <arm_neon.h>

#define ISA neon
#define BYTES 16
#include "kernels.h"
