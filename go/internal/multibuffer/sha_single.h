// SHA of a single stream. The message schedules of LANES successive blocks are made in vectors, a few
// words at a time, between the scalar rounds of the blocks before.
//
// With SINGLE_SHA1 it is SHA-1 (FIPS 180-4, 6.1), else SHA-256 (6.2) or SHA-512 (6.4) according to WORD.

#define XOR3(x, y, z) ((x) ^ ((y) ^ (z))) // PARITY may be for vectors only
#define CHOICE(x, y, z) (((x) & (y)) + (~(x) & (z)))

#ifdef SINGLE_SHA1
#define FUNCTION sha1
#define OWN(x) NAME(sha1_##x)
#define ROUNDS 80
#define GROUP 5
#define CONSTANT(i) mb_sha1_constants[(i) / 20]
#define NEXT(w) ROTL(PARITY(w[-3], w[-8], w[-14] ^ w[-16]), 1)
#define STEP(f, a, b, c, d, e, i) \
	e += w[i * LANES] + f(b, c, d); \
	e += ROTL(a, 5); \
	b = ROTL(b, 30);
#define STEPS(f) \
	STEP(f, a, b, c, d, e, 0) \
	STEP(f, e, a, b, c, d, 1) \
	STEP(f, d, e, a, b, c, 2) \
	STEP(f, c, d, e, a, b, 3) \
	STEP(f, b, c, d, e, a, 4)
#define MAJOR(x, y, z) (((y) & (z)) + ((x) & ((y) ^ (z))))
#else
#if WORD == 32
#define FUNCTION sha256
#define OWN(x) NAME(sha256_##x)
#define ROUNDS 64
#define CONSTANT(i) mb_sha256_constants[i]
#define SUM0(x) XOR3(ROTR(x, 2), ROTR(x, 13), ROTR(x, 22))
#define SUM1(x) XOR3(ROTR(x, 6), ROTR(x, 11), ROTR(x, 25))
#define SIGMA0(x) PARITY(ROTR(x, 7), ROTR(x, 18), (x) >> 3)
#define SIGMA1(x) PARITY(ROTR(x, 17), ROTR(x, 19), (x) >> 10)
#else
#define FUNCTION sha512
#define OWN(x) NAME(sha512_##x)
#define ROUNDS 80
#define CONSTANT(i) mb_sha512_constants[i]
#define SUM0(x) XOR3(ROTR(x, 28), ROTR(x, 34), ROTR(x, 39))
#define SUM1(x) XOR3(ROTR(x, 14), ROTR(x, 18), ROTR(x, 41))
#define SIGMA0(x) PARITY(ROTR(x, 1), ROTR(x, 8), (x) >> 7)
#define SIGMA1(x) PARITY(ROTR(x, 19), ROTR(x, 61), (x) >> 6)
#endif
#define GROUP 8
#define NEXT(w) (w[-16] + SIGMA1(w[-2]) + w[-7] + SIGMA0(w[-15]))
// What is known last is added last. Majority is b ^ ((a ^ b) & (b ^ c)); b ^ c is a ^ b of the step before.
#define STEP(a, b, c, d, e, f, g, h, i) \
	h += w[i * LANES] + CHOICE(e, f, g); \
	h += SUM1(e); \
	d += h; \
	differ = a ^ b; \
	h += b ^ (differ & before); \
	before = differ; \
	h += SUM0(a);
#define STEPS \
	STEP(a, b, c, d, e, f, g, h, 0) \
	STEP(h, a, b, c, d, e, f, g, 1) \
	STEP(g, h, a, b, c, d, e, f, 2) \
	STEP(f, g, h, a, b, c, d, e, 3) \
	STEP(e, f, g, h, a, b, c, d, 4) \
	STEP(d, e, f, g, h, a, b, c, 5) \
	STEP(c, d, e, f, g, h, a, b, 6) \
	STEP(b, c, d, e, f, g, h, a, 7)
#endif

#define SCHEDULE OWN(schedule)
#define EXPAND OWN(expand)
#define BEGIN OWN(begin)
// Schedule words made after each GROUP rounds, so that the next blocks' schedules are ready in time.
#define WORDS_PER_GROUP ((GROUP * (ROUNDS - 16) + ROUNDS * (int)LANES - 1) / (ROUNDS * (int)LANES))

typedef struct {
	vec words[ROUNDS], sums[ROUNDS]; // sums include the constants
	int made;
} SCHEDULE;

// Makes the next word of each block.
static inline __attribute__((always_inline)) void EXPAND(SCHEDULE *s) {
	vec *w = s->words + s->made;
	*w = NEXT(w);
	s->sums[s->made] = *w + CONSTANT(s->made);
	s->made++;
}

// Makes the first 16 words of LANES blocks, or of as many as there are.
static inline __attribute__((always_inline)) void BEGIN(SCHEDULE *s, const uint8_t *data, size_t blocks) {
	const uint8_t *from[LANES];
	for (size_t i = 0; i < LANES; i++)
		from[i] = data + (i < blocks ? i : 0) * 2 * WORD;
	NAME(words)(s->words, from, 0, 1);
	for (int i = 0; i < 16; i++)
		s->sums[i] = s->words[i] + CONSTANT(i);
	s->made = 16;
}

// Runs the rounds, and after each group makes some words of the next schedules.
#define ROUNDS_OF(steps, count) \
	for (int i = 0; i < (count); i += GROUP, w += GROUP * LANES) { \
		steps \
		for (int k = 0; k < WORDS_PER_GROUP && next->made < ROUNDS; k++) \
			EXPAND(next); \
	}

void KERNEL(FUNCTION)(mb_state *const state[], const uint8_t *const data[], size_t blocks) {
	volatile word_t *s = WORDS(state[0]); // volatile, or clang vectorizes the additions to it
	word_t a = s[0], b = s[1], c = s[2], d = s[3], e = s[4];
#ifndef SINGLE_SHA1
	word_t f = s[5], g = s[6], h = s[7], before, differ;
#endif
	SCHEDULE schedules[2], *now = schedules, *next = schedules + 1;
	BEGIN(now, data[0], blocks);
	while (now->made < ROUNDS)
		EXPAND(now);
	for (const uint8_t *at = data[0]; blocks; at += LANES * 2 * WORD) {
		size_t here = blocks < LANES ? blocks : LANES;
		blocks -= here;
		next->made = ROUNDS;
		if (blocks)
			BEGIN(next, at + LANES * 2 * WORD, blocks);
		for (size_t lane = 0; lane < here; lane++) {
			const word_t *w = (const word_t *)now->sums + lane;
#ifdef SINGLE_SHA1
			ROUNDS_OF(STEPS(CHOICE), 20)
			ROUNDS_OF(STEPS(XOR3), 20)
			ROUNDS_OF(STEPS(MAJOR), 20)
			ROUNDS_OF(STEPS(XOR3), 20)
#else
			before = b ^ c;
			ROUNDS_OF(STEPS, ROUNDS)
			s[5] = f += s[5], s[6] = g += s[6], s[7] = h += s[7];
#endif
			s[0] = a += s[0], s[1] = b += s[1], s[2] = c += s[2], s[3] = d += s[3], s[4] = e += s[4];
		}
		SCHEDULE *was = now;
		now = next, next = was;
	}
}

#undef XOR3
#undef CHOICE
#undef MAJOR
#undef FUNCTION
#undef OWN
#undef ROUNDS
#undef GROUP
#undef CONSTANT
#undef NEXT
#undef STEP
#undef STEPS
#undef SUM0
#undef SUM1
#undef SIGMA0
#undef SIGMA1
#undef SCHEDULE
#undef EXPAND
#undef BEGIN
#undef WORDS_PER_GROUP
#undef ROUNDS_OF
