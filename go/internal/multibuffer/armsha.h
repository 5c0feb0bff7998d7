// SHA-1 and SHA-256 of STREAMS streams, four rounds at a time. w[s] holds the last 16 words of the
// message schedule; words i to i + 3 are replaced once they have been used.

void KERNEL(sha1)(mb_state *const state[], const uint8_t *const data[], size_t blocks) {
	uint32x4_t abcd[STREAMS];
	uint32_t e[STREAMS];
	EACH abcd[s] = vld1q_u32(state[s]->w32), e[s] = state[s]->w32[4];
	for (size_t at = 0; at < blocks * 64; at += 64) {
		uint32x4_t w[STREAMS][4], abcd0[STREAMS];
		uint32_t e0[STREAMS];
		EACH {
			for (int i = 0; i < 4; i++)
				w[s][i] = LOAD(data[s] + at + 16 * i);
			abcd0[s] = abcd[s], e0[s] = e[s];
		}
#define FOUR(i, function, constant) \
	EACH { \
		uint32x4_t *x = w[s], sum = vaddq_u32(x[(i) & 3], vdupq_n_u32(constant)); \
		uint32_t next = vsha1h_u32(vgetq_lane_u32(abcd[s], 0)); \
		abcd[s] = vsha1##function##q_u32(abcd[s], e[s], sum); \
		e[s] = next; \
		if ((i) < 16) \
			x[(i) & 3] = vsha1su1q_u32(vsha1su0q_u32(x[(i) & 3], x[((i) + 1) & 3], x[((i) + 2) & 3]), x[((i) + 3) & 3]); \
	}
#define TWENTY(i, function, constant) \
	FOUR(i, function, constant) FOUR(i + 1, function, constant) FOUR(i + 2, function, constant) \
	FOUR(i + 3, function, constant) FOUR(i + 4, function, constant)
		TWENTY(0, c, 0x5a827999)
		TWENTY(5, p, 0x6ed9eba1)
		TWENTY(10, m, 0x8f1bbcdc)
		TWENTY(15, p, 0xca62c1d6)
#undef FOUR
#undef TWENTY
		EACH abcd[s] = vaddq_u32(abcd[s], abcd0[s]), e[s] += e0[s];
	}
	EACH vst1q_u32(state[s]->w32, abcd[s]), state[s]->w32[4] = e[s];
}

void KERNEL(sha256)(mb_state *const state[], const uint8_t *const data[], size_t blocks) {
	uint32x4_t abcd[STREAMS], efgh[STREAMS];
	EACH abcd[s] = vld1q_u32(state[s]->w32), efgh[s] = vld1q_u32(state[s]->w32 + 4);
	for (size_t at = 0; at < blocks * 64; at += 64) {
		uint32x4_t w[STREAMS][4], abcd0[STREAMS], efgh0[STREAMS];
		EACH {
			for (int i = 0; i < 4; i++)
				w[s][i] = LOAD(data[s] + at + 16 * i);
			abcd0[s] = abcd[s], efgh0[s] = efgh[s];
		}
#define FOUR(i) \
	EACH { \
		uint32x4_t *x = w[s], sum = vaddq_u32(x[(i) & 3], vld1q_u32(mb_sha256_constants + 4 * (i))); \
		uint32x4_t was = abcd[s]; \
		abcd[s] = vsha256hq_u32(abcd[s], efgh[s], sum); \
		efgh[s] = vsha256h2q_u32(efgh[s], was, sum); \
		if ((i) < 12) \
			x[(i) & 3] = vsha256su1q_u32(vsha256su0q_u32(x[(i) & 3], x[((i) + 1) & 3]), x[((i) + 2) & 3], x[((i) + 3) & 3]); \
	}
#define SIXTEEN(i) FOUR(i) FOUR(i + 1) FOUR(i + 2) FOUR(i + 3)
		SIXTEEN(0) SIXTEEN(4) SIXTEEN(8) SIXTEEN(12)
#undef FOUR
#undef SIXTEEN
		EACH abcd[s] = vaddq_u32(abcd[s], abcd0[s]), efgh[s] = vaddq_u32(efgh[s], efgh0[s]);
	}
	EACH vst1q_u32(state[s]->w32, abcd[s]), vst1q_u32(state[s]->w32 + 4, efgh[s]);
}
