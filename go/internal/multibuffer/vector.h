// Defines vectors with one word of each stream. Include with BYTES, the size of a vector, WORD, the
// bits of a word, and NAME(x), which makes names for this instance; vector_end.h undefines it all.
// BYTES of 8 or less means one stream and no vectors.
//
// All supported CPUs are little-endian, and this code relies on it.

#define LANES (BYTES > 8 ? BYTES * 8 / WORD : 1)
#define PART (128 / WORD) // words of 128 bits
#if WORD == 32
#define word_t uint32_t
#define WORDS(state) (state)->w32
#else
#define word_t uint64_t
#define WORDS(state) (state)->w64
#endif
#define vec NAME(vec)
#define part NAME(part)

#if BYTES > 8
typedef word_t vec __attribute__((vector_size(BYTES)));
typedef word_t part __attribute__((vector_size(16), aligned(1), may_alias));
#else
typedef word_t vec;
#endif

#define ROTL(x, n) ((x) << (n) | (x) >> (WORD - (n)))
#define ROTR(x, n) ROTL(x, WORD - (n))

#ifdef TERNARY // any function of three bits in one instruction; the last argument is its truth table
#define PARITY(x, y, z) TERNARY(x, y, z, 0x96)
#define CHOOSE(x, y, z) TERNARY(x, y, z, 0xca)
#define MAJORITY(x, y, z) TERNARY(x, y, z, 0xe8)
#define MD5_I(x, y, z) TERNARY(x, y, z, 0x39)
#else
#define PARITY(x, y, z) ((x) ^ (y) ^ (z))
#define CHOOSE(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define MAJORITY(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))
#define MD5_I(x, y, z) ((y) ^ ((x) | ~(z)))
#endif

// SWAP(x) reverses the bytes of each word.
#if WORD == 32
#define SWAP_ORDER _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203)
#else
#define SWAP_ORDER _mm_set_epi64x(0x08090a0b0c0d0e0f, 0x0001020304050607)
#endif
#if BYTES == 64
#define SWAP(x) ((vec)_mm512_shuffle_epi8((__m512i)(x), _mm512_broadcast_i32x4(SWAP_ORDER)))
#elif BYTES == 32
#define SWAP(x) ((vec)_mm256_shuffle_epi8((__m256i)(x), _mm256_broadcastsi128_si256(SWAP_ORDER)))
#elif defined(__aarch64__) && WORD == 32
#define SWAP(x) ((vec)vrev32q_u8((uint8x16_t)(x)))
#elif defined(__aarch64__)
#define SWAP(x) ((vec)vrev64q_u8((uint8x16_t)(x)))
#elif WORD == 32
#define SWAP(x) ((ROTL(x, 8) & 0x00ff00ff) | (ROTL(x, 24) & 0xff00ff00))
#else
#define SWAP8(x) (((x) & 0x00ff00ff00ff00ff) << 8 | ((x) >> 8 & 0x00ff00ff00ff00ff))
#define SWAP16(x) (((x) & 0x0000ffff0000ffff) << 16 | ((x) >> 16 & 0x0000ffff0000ffff))
#define SWAP(x) ROTL(SWAP16(SWAP8(x)), 32)
#endif

#if BYTES > 8
// Loads 16 bytes of every PARTth stream; the first goes to the lowest part.
static inline vec NAME(load)(const uint8_t *const from[], size_t at) {
#if BYTES == 64
	__m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)(from[0] + at)));
	v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(from[PART] + at)), 1);
	v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(from[2 * PART] + at)), 2);
	return (vec)_mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(from[3 * PART] + at)), 3);
#elif BYTES == 32
	__m256i v = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(from[0] + at)));
	return (vec)_mm256_inserti128_si256(v, _mm_loadu_si128((const __m128i *)(from[PART] + at)), 1);
#else
	return (vec)*(const part *)(from[0] + at);
#endif
}

// UNPACK(half, bits, x, y) interleaves the lower or upper halves of all parts of two vectors.
#if BYTES == 64
#define UNPACK(half, bits, x, y) ((vec)_mm512_unpack##half##_epi##bits((__m512i)(x), (__m512i)(y)))
#elif BYTES == 32
#define UNPACK(half, bits, x, y) ((vec)_mm256_unpack##half##_epi##bits((__m256i)(x), (__m256i)(y)))
#elif defined(__x86_64__)
#define UNPACK(half, bits, x, y) ((vec)_mm_unpack##half##_epi##bits((__m128i)(x), (__m128i)(y)))
#else
#define ZIP_lo_32(x, y) vzip1q_u32((uint32x4_t)(x), (uint32x4_t)(y))
#define ZIP_hi_32(x, y) vzip2q_u32((uint32x4_t)(x), (uint32x4_t)(y))
#define ZIP_lo_64(x, y) vzip1q_u64((uint64x2_t)(x), (uint64x2_t)(y))
#define ZIP_hi_64(x, y) vzip2q_u64((uint64x2_t)(x), (uint64x2_t)(y))
#define UNPACK(half, bits, x, y) ((vec)ZIP_##half##_##bits(x, y))
#endif

// Gathers the 16 words of one block of each stream: m[i] gets word i of every stream.
static inline __attribute__((always_inline)) void NAME(words)(vec m[16], const uint8_t *const from[],
                                                              size_t at, int swap) {
#pragma GCC unroll 8
	for (int i = 0; i < 16; i += PART) {
		size_t here = at + i * (WORD / 8);
		vec x[PART];
#pragma GCC unroll 4
		for (int j = 0; j < PART; j++) {
			x[j] = NAME(load)(from + j, here);
			if (swap)
				x[j] = SWAP(x[j]);
		}
#if WORD == 32
		vec a = UNPACK(lo, 32, x[0], x[1]), b = UNPACK(lo, 32, x[2], x[3]);
		vec c = UNPACK(hi, 32, x[0], x[1]), d = UNPACK(hi, 32, x[2], x[3]);
		m[i] = UNPACK(lo, 64, a, b), m[i + 1] = UNPACK(hi, 64, a, b);
		m[i + 2] = UNPACK(lo, 64, c, d), m[i + 3] = UNPACK(hi, 64, c, d);
#else
		m[i] = UNPACK(lo, 64, x[0], x[1]), m[i + 1] = UNPACK(hi, 64, x[0], x[1]);
#endif
	}
}

// Returns word i of the streams' states.
static inline vec NAME(get)(mb_state *const state[], int i) {
	vec v;
	for (int lane = 0; lane < (int)LANES; lane++)
		v[lane] = WORDS(state[lane])[i];
	return v;
}

static inline void NAME(put)(mb_state *const state[], int i, vec v) {
	for (int lane = 0; lane < (int)LANES; lane++)
		WORDS(state[lane])[i] = v[lane];
}
#else
static inline __attribute__((always_inline)) void NAME(words)(vec m[16], const uint8_t *const from[],
                                                              size_t at, int swap) {
	(void)swap; // only MD5 uses this, which does not swap
	memcpy(m, from[0] + at, 2 * WORD);
}

static inline vec NAME(get)(mb_state *const state[], int i) { return WORDS(state[0])[i]; }

static inline void NAME(put)(mb_state *const state[], int i, vec v) { WORDS(state[0])[i] = v; }
#endif
