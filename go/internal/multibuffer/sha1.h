// SHA-1 (FIPS 180-4, 6.1) of LANES streams.

// Word t of the message schedule replaces word t - 16.
#define SCHEDULE(t) \
	(w[(t) & 15] = ROTL(PARITY(w[((t) + 13) & 15], w[((t) + 8) & 15], w[((t) + 2) & 15] ^ w[(t) & 15]), 1))
#define STEP(f, k, a, b, c, d, e, word) \
	e += (word + (uint32_t)k) + f(b, c, d) + ROTL(a, 5); \
	b = ROTL(b, 30);
#define FIVE(f, k, t, word) \
	STEP(f, k, a, b, c, d, e, word((t))) \
	STEP(f, k, e, a, b, c, d, word((t) + 1)) \
	STEP(f, k, d, e, a, b, c, word((t) + 2)) \
	STEP(f, k, c, d, e, a, b, word((t) + 3)) \
	STEP(f, k, b, c, d, e, a, word((t) + 4))
#define TWENTY(f, k, t) FIVE(f, k, t, SCHEDULE) FIVE(f, k, t + 5, SCHEDULE) FIVE(f, k, t + 10, SCHEDULE) FIVE(f, k, t + 15, SCHEDULE)
#define MESSAGE(t) w[t]

void KERNEL(sha1)(mb_state *const state[], const uint8_t *const data[], size_t blocks) {
	vec a = NAME(get)(state, 0), b = NAME(get)(state, 1), c = NAME(get)(state, 2);
	vec d = NAME(get)(state, 3), e = NAME(get)(state, 4);
	for (size_t at = 0; at < blocks * 64; at += 64) {
		vec w[16], a0 = a, b0 = b, c0 = c, d0 = d, e0 = e;
		NAME(words)(w, data, at, 1);
		FIVE(CHOOSE, 0x5a827999, 0, MESSAGE)
		FIVE(CHOOSE, 0x5a827999, 5, MESSAGE)
		FIVE(CHOOSE, 0x5a827999, 10, MESSAGE)
		STEP(CHOOSE, 0x5a827999, a, b, c, d, e, MESSAGE(15))
		STEP(CHOOSE, 0x5a827999, e, a, b, c, d, SCHEDULE(16))
		STEP(CHOOSE, 0x5a827999, d, e, a, b, c, SCHEDULE(17))
		STEP(CHOOSE, 0x5a827999, c, d, e, a, b, SCHEDULE(18))
		STEP(CHOOSE, 0x5a827999, b, c, d, e, a, SCHEDULE(19))
		TWENTY(PARITY, 0x6ed9eba1, 20)
		TWENTY(MAJORITY, 0x8f1bbcdc, 40)
		TWENTY(PARITY, 0xca62c1d6, 60)
		a += a0, b += b0, c += c0, d += d0, e += e0;
	}
	NAME(put)(state, 0, a), NAME(put)(state, 1, b), NAME(put)(state, 2, c);
	NAME(put)(state, 3, d), NAME(put)(state, 4, e);
}

#undef SCHEDULE
#undef STEP
#undef FIVE
#undef TWENTY
#undef MESSAGE
