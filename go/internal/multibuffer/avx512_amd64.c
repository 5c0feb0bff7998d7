// AVX-512 F, BW and VL, with vectors of 64 bytes, and of 32 for few streams: the latter do not lower
// the clock frequency, and have one more execution port.
#include "multibuffer.h"
#include "constants.h"
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,bmi,bmi2")
#endif

#define ISA avx512

#define BYTES 64
#define TERNARY(x, y, z, table) ((vec)_mm512_ternarylogic_epi64((__m512i)(x), (__m512i)(y), (__m512i)(z), table))
#include "kernels.h"
#undef TERNARY
#undef BYTES

#define BYTES 32
#define TERNARY(x, y, z, table) ((vec)_mm256_ternarylogic_epi64((__m256i)(x), (__m256i)(y), (__m256i)(z), table))
#include "kernels.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
