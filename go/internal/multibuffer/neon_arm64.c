// NEON: every arm64 has it.
#include "lanes.h"
#include "constants.h"
#include <arm_neon.h>

#define ISA neon
#define BYTES 16
#include "wide.h"
