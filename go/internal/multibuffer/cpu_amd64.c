// Detects CPU features whose registers the operating system saves (Intel SDM volume 1, 13.3, 14.3 and
// 15.2; volume 2, CPUID and XGETBV).
#include "multibuffer.h"
#include <cpuid.h>

enum {
	OSXSAVE_AND_AVX = 1 << 27 | 1 << 28,                // leaf 1, ecx
	SSSE3_AND_SSE41 = 1 << 9 | 1 << 19,                 // leaf 1, ecx
	AVX2_BITS = 1 << 3 | 1 << 5 | 1 << 8,               // leaf 7, ebx: with BMI1 and BMI2
	AVX512_BITS = (int)(1u << 16 | 1u << 30 | 1u << 31), // leaf 7, ebx: F, BW, VL
	SHA_BIT = 1 << 29,                                  // leaf 7, ebx
	YMM_STATE = 0x06,
	ZMM_STATE = 0xe6,
};

static int all(unsigned value, unsigned bits) { return (value & bits) == bits; }

#if defined(_WIN32) && !defined(__clang__)
#define VECTORS 0 // GCC for Windows misaligns spilled vectors (GCC bug 54412)
#else
#define VECTORS 1
#endif

unsigned mb_features(void) {
	unsigned a, b, c, d, c1, saved = 0, features = MB_SSE2;
	if (!__get_cpuid(1, &a, &b, &c1, &d) || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return features;
	if (all(c1, OSXSAVE_AND_AVX)) {
		unsigned high;
		__asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
	}
	if (VECTORS && all(saved, YMM_STATE) && all(b, AVX2_BITS))
		features |= MB_AVX2;
	if (VECTORS && all(saved, ZMM_STATE) && all(b, AVX2_BITS | AVX512_BITS))
		features |= MB_AVX512;
	if (all(c1, SSSE3_AND_SSE41) && all(b, SHA_BIT))
		features |= MB_SHANI;
	return features;
}
