// SSE2: every amd64 has it.
#include "lanes.h"
#include "constants.h"
#include <emmintrin.h>

#define ISA sse2
#define BYTES 16
#include "wide.h"
