// SHA-NI, for one stream or two interleaved: one alone waits half of the time for its own results.
#include "multibuffer.h"
#include "constants.h"
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("sha,sse4.1"))), apply_to = function)
#else
#pragma GCC target("sha,sse4.1")
#endif

#define LOAD(p) _mm_loadu_si128((const __m128i *)(p))
#define EACH _Pragma("GCC unroll 2") for (int s = 0; s < STREAMS; s++)

#define STREAMS 1
#define KERNEL(function) mb_##function##_shani
#include "shani.h"
#undef STREAMS
#undef KERNEL

#define STREAMS 2
#define KERNEL(function) mb_##function##_shanix2
#include "shani.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
