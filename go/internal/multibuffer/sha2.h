// SHA-256 (WORD 32) or SHA-512 (WORD 64) of LANES streams; FIPS 180-4, 6.2 and 6.4.

#if WORD == 32
#define ROUNDS 64
#define CONSTANTS mb_sha256_constants
#define SHA2 KERNEL(sha256)
#define SUM0(x) PARITY(ROTR(x, 2), ROTR(x, 13), ROTR(x, 22))
#define SUM1(x) PARITY(ROTR(x, 6), ROTR(x, 11), ROTR(x, 25))
#define SIGMA0(x) PARITY(ROTR(x, 7), ROTR(x, 18), (x) >> 3)
#define SIGMA1(x) PARITY(ROTR(x, 17), ROTR(x, 19), (x) >> 10)
#else
#define ROUNDS 80
#define CONSTANTS mb_sha512_constants
#define SHA2 KERNEL(sha512)
#define SUM0(x) PARITY(ROTR(x, 28), ROTR(x, 34), ROTR(x, 39))
#define SUM1(x) PARITY(ROTR(x, 14), ROTR(x, 18), ROTR(x, 41))
#define SIGMA0(x) PARITY(ROTR(x, 1), ROTR(x, 8), (x) >> 7)
#define SIGMA1(x) PARITY(ROTR(x, 19), ROTR(x, 61), (x) >> 6)
#endif

#define STEP(a, b, c, d, e, f, g, h, i) \
	h += (w[i] + constants[i]) + CHOOSE(e, f, g) + SUM1(e); \
	d += h; \
	h += MAJORITY(a, b, c) + SUM0(a);
#define EIGHT(i) \
	STEP(a, b, c, d, e, f, g, h, i) \
	STEP(h, a, b, c, d, e, f, g, i + 1) \
	STEP(g, h, a, b, c, d, e, f, i + 2) \
	STEP(f, g, h, a, b, c, d, e, i + 3) \
	STEP(e, f, g, h, a, b, c, d, i + 4) \
	STEP(d, e, f, g, h, a, b, c, i + 5) \
	STEP(c, d, e, f, g, h, a, b, i + 6) \
	STEP(b, c, d, e, f, g, h, a, i + 7)

void SHA2(mb_state *const state[], const uint8_t *const data[], size_t blocks) {
	vec a = NAME(get)(state, 0), b = NAME(get)(state, 1), c = NAME(get)(state, 2), d = NAME(get)(state, 3);
	vec e = NAME(get)(state, 4), f = NAME(get)(state, 5), g = NAME(get)(state, 6), h = NAME(get)(state, 7);
	for (size_t at = 0; at < blocks * 2 * WORD; at += 2 * WORD) {
		vec w[16], a0 = a, b0 = b, c0 = c, d0 = d, e0 = e, f0 = f, g0 = g, h0 = h;
		NAME(words)(w, data, at, 1);
		const word_t *constants = CONSTANTS;
		EIGHT(0) EIGHT(8)
		for (int round = 16; round < ROUNDS; round += 16) {
			constants += 16;
#pragma GCC unroll 16
			for (int i = 0; i < 16; i++)
				w[i] += SIGMA1(w[(i + 14) & 15]) + w[(i + 9) & 15] + SIGMA0(w[(i + 1) & 15]);
			EIGHT(0) EIGHT(8)
		}
		a += a0, b += b0, c += c0, d += d0, e += e0, f += f0, g += g0, h += h0;
	}
	NAME(put)(state, 0, a), NAME(put)(state, 1, b), NAME(put)(state, 2, c), NAME(put)(state, 3, d);
	NAME(put)(state, 4, e), NAME(put)(state, 5, f), NAME(put)(state, 6, g), NAME(put)(state, 7, h);
}

#undef ROUNDS
#undef CONSTANTS
#undef SHA2
#undef SUM0
#undef SUM1
#undef SIGMA0
#undef SIGMA1
#undef STEP
#undef EIGHT
