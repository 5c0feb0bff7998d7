#include "multibuffer.h"
#if defined(__linux__)
#include <sys/auxv.h>

unsigned mb_features(void) {
	const unsigned long sha = 1 << 5 | 1 << 6; // HWCAP_SHA1, HWCAP_SHA2
	return MB_NEON | ((getauxval(AT_HWCAP) & sha) == sha ? MB_ARMSHA : 0);
}
#elif defined(_WIN32)
#include <windows.h>

unsigned mb_features(void) {
	return MB_NEON | (IsProcessorFeaturePresent(PF_ARM_V8_CRYPTO_INSTRUCTIONS_AVAILABLE) ? MB_ARMSHA : 0);
}
#else // every arm64 Mac has them
unsigned mb_features(void) { return MB_NEON | MB_ARMSHA; }
#endif
