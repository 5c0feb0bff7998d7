// AVX2, with BMI1 and BMI2.
#include "multibuffer.h"
#include "constants.h"
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC target("avx2,bmi,bmi2")
#endif

#define ISA avx2
#define BYTES 32
#include "kernels.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
