// SSE2, which every amd64 CPU has.
#include "multibuffer.h"
#include "constants.h"
#include <emmintrin.h>

#define ISA sse2
#define BYTES 16
#include "kernels.h"
