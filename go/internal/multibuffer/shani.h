// SHA-1 and SHA-256 of STREAMS streams, four rounds at a time. w[s] holds the last 16 words of the
// message schedule; words i to i + 3 are replaced once they have been used.

void KERNEL(sha1)(mb_state *const state[], const uint8_t *const data[], size_t blocks) {
	const __m128i swap = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
	__m128i abcd[STREAMS], e[STREAMS];
	EACH {
		abcd[s] = _mm_shuffle_epi32(LOAD(state[s]->w32), 0x1b);
		e[s] = _mm_set_epi32((int)state[s]->w32[4], 0, 0, 0);
	}
	for (size_t at = 0; at < blocks * 64; at += 64) {
		__m128i w[STREAMS][8], abcd0[STREAMS], e0[STREAMS], before[STREAMS];
		EACH {
			for (int i = 0; i < 4; i++)
				w[s][i] = _mm_shuffle_epi8(LOAD(data[s] + at + 16 * i), swap);
			abcd0[s] = abcd[s], e0[s] = e[s];
		}
#define W(i) x[(i) & 7]
#define FOUR(i, function) \
	EACH { \
		__m128i *x = w[s], sum = (i) ? _mm_sha1nexte_epu32(before[s], W(i)) : _mm_add_epi32(e[s], x[0]); \
		before[s] = abcd[s]; \
		abcd[s] = _mm_sha1rnds4_epu32(abcd[s], sum, function); \
		if ((i) < 4) { \
			W(i + 4) = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(W(i), W(i + 1)), W(i + 2)), W(i + 3)); \
		} else if ((i) < 16) { \
			__m128i six = _mm_xor_si128(_mm_alignr_epi8(W(i + 2), W(i + 3), 8), W(i)); \
			W(i + 4) = _mm_xor_si128(_mm_xor_si128(W(i + 4), W(i + 5)), six); \
			W(i + 4) = _mm_or_si128(_mm_slli_epi32(W(i + 4), 2), _mm_srli_epi32(W(i + 4), 30)); \
		} \
	}
#define TWENTY(function) \
	FOUR(function * 5, function) FOUR(function * 5 + 1, function) FOUR(function * 5 + 2, function) \
	FOUR(function * 5 + 3, function) FOUR(function * 5 + 4, function)
		TWENTY(0) TWENTY(1) TWENTY(2) TWENTY(3)
#undef W
#undef FOUR
#undef TWENTY
		EACH {
			e[s] = _mm_sha1nexte_epu32(before[s], e0[s]);
			abcd[s] = _mm_add_epi32(abcd[s], abcd0[s]);
		}
	}
	EACH {
		_mm_storeu_si128((__m128i *)state[s]->w32, _mm_shuffle_epi32(abcd[s], 0x1b));
		state[s]->w32[4] = (uint32_t)_mm_extract_epi32(e[s], 3);
	}
}

void KERNEL(sha256)(mb_state *const state[], const uint8_t *const data[], size_t blocks) {
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i abef[STREAMS], cdgh[STREAMS];
	EACH { // the instructions want the words in this order
		const uint32_t *h = state[s]->w32;
		abef[s] = _mm_set_epi32((int)h[0], (int)h[1], (int)h[4], (int)h[5]);
		cdgh[s] = _mm_set_epi32((int)h[2], (int)h[3], (int)h[6], (int)h[7]);
	}
	for (size_t at = 0; at < blocks * 64; at += 64) {
		__m128i w[STREAMS][4], abef0[STREAMS], cdgh0[STREAMS];
		EACH {
			for (int i = 0; i < 4; i++)
				w[s][i] = _mm_shuffle_epi8(LOAD(data[s] + at + 16 * i), swap);
			abef0[s] = abef[s], cdgh0[s] = cdgh[s];
		}
#define FOUR(i) \
	EACH { \
		__m128i *x = w[s], sum = _mm_add_epi32(x[(i) & 3], LOAD(mb_sha256_constants + 4 * (i))); \
		cdgh[s] = _mm_sha256rnds2_epu32(cdgh[s], abef[s], sum); \
		abef[s] = _mm_sha256rnds2_epu32(abef[s], cdgh[s], _mm_shuffle_epi32(sum, 0x0e)); \
		if ((i) < 12) { \
			__m128i nine = _mm_alignr_epi8(x[((i) + 3) & 3], x[((i) + 2) & 3], 4); \
			x[(i) & 3] = _mm_sha256msg2_epu32( \
				_mm_add_epi32(_mm_sha256msg1_epu32(x[(i) & 3], x[((i) + 1) & 3]), nine), x[((i) + 3) & 3]); \
		} \
	}
#define SIXTEEN(i) FOUR(i) FOUR(i + 1) FOUR(i + 2) FOUR(i + 3)
		SIXTEEN(0) SIXTEEN(4) SIXTEEN(8) SIXTEEN(12)
#undef FOUR
#undef SIXTEEN
		EACH abef[s] = _mm_add_epi32(abef[s], abef0[s]), cdgh[s] = _mm_add_epi32(cdgh[s], cdgh0[s]);
	}
	EACH {
		uint32_t *h = state[s]->w32;
		h[0] = (uint32_t)_mm_extract_epi32(abef[s], 3), h[1] = (uint32_t)_mm_extract_epi32(abef[s], 2);
		h[2] = (uint32_t)_mm_extract_epi32(cdgh[s], 3), h[3] = (uint32_t)_mm_extract_epi32(cdgh[s], 2);
		h[4] = (uint32_t)_mm_extract_epi32(abef[s], 1), h[5] = (uint32_t)_mm_extract_epi32(abef[s], 0);
		h[6] = (uint32_t)_mm_extract_epi32(cdgh[s], 1), h[7] = (uint32_t)_mm_extract_epi32(cdgh[s], 0);
	}
}
