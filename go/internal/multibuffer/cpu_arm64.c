#include "lanes.h"
#if defined(__linux__)
#include <sys/auxv.h>

unsigned lanes_features(void) {
	const unsigned long sha = 1 << 5 | 1 << 6; // HWCAP_SHA1, HWCAP_SHA2
	return LANES_NEON | ((getauxval(AT_HWCAP) & sha) == sha ? LANES_ARMSHA : 0);
}
#elif defined(_WIN32)
#include <windows.h>

unsigned lanes_features(void) {
	return LANES_NEON | (IsProcessorFeaturePresent(PF_ARM_V8_CRYPTO_INSTRUCTIONS_AVAILABLE) ? LANES_ARMSHA : 0);
}
#else // every Mac with this processor has them
unsigned lanes_features(void) { return LANES_NEON | LANES_ARMSHA; }
#endif
