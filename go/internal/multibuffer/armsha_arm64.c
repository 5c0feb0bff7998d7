// The SHA-1 and SHA-256 instructions of ARMv8, for one stream or two interleaved: one alone waits half
// of the time for its own results.
#include "multibuffer.h"
#include "constants.h"
#include <arm_neon.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("sha2"))), apply_to = function)
#else
#pragma GCC target("+crypto") // under any other name GCC 12 hides the functions
#endif

#define LOAD(p) vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(p)))
#define EACH _Pragma("GCC unroll 2") for (int s = 0; s < STREAMS; s++)

#define STREAMS 1
#define KERNEL(function) mb_##function##_armsha
#include "armsha.h"
#undef STREAMS
#undef KERNEL

#define STREAMS 2
#define KERNEL(function) mb_##function##_armshax2
#include "armsha.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
