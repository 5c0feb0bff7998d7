// Several files hashed at once on one core: what the C files of this package share.
#ifndef CHECKSIG_LANES_H
#define CHECKSIG_LANES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { LANES_MAX = 32 }; // the most that one kernel takes

// The compression functions; SHA-224 and SHA-384 are two of them with other beginnings.
enum lanes_function { LANES_MD5, LANES_SHA1, LANES_SHA256, LANES_SHA512, LANES_FUNCTIONS };

// What a processor has, as bits.
enum lanes_feature {
	LANES_SSE2 = 1,
	LANES_AVX2 = 2,   // and BMI1, BMI2
	LANES_AVX512 = 4, // F, BW and VL, BMI1, BMI2
	LANES_SHANI = 8,
	LANES_NEON = 16,
	LANES_ARMSHA = 32, // SHA-1 and SHA-256
};

// The chaining value of one stream, in words of the processor's byte order.
typedef union {
	uint32_t w32[8];
	uint64_t w64[8];
} lanes_state;

// A kernel takes as many streams as its name's number says, hashes blocks whole blocks of each
// from data[i] into *state[i].
typedef void lanes_kernel(lanes_state *const state[], const uint8_t *const data[], size_t blocks);

// A kernel, and up to how many streams it is the best.
typedef struct {
	const char *name; // its instruction set and width: "avx512x16"
	unsigned needs;   // features
	enum lanes_function function;
	int width; // streams that it takes
	int upto;
	lanes_kernel *kernel;
} lanes_row;

// Of the rows for a function whose features are there, the first with upto not below the number of
// streams is taken. The last row of a function has upto LANES_MAX; width 0 ends the table.
extern const lanes_row lanes_rows[];

// The features of this processor that the operating system lets programs use.
unsigned lanes_features(void);

// Bytes of a block.
size_t lanes_block(enum lanes_function function);

// The best kernel for count streams, or NULL.
const lanes_row *lanes_best(unsigned features, enum lanes_function function, int count);

// Hashes blocks whole blocks of each of count (at most LANES_MAX) streams by the best kernels.
void lanes_hash(unsigned features, enum lanes_function function, int count, lanes_state *const state[],
                const uint8_t *const data[], size_t blocks);

// The same by one kernel.
void lanes_hash_by(const lanes_row *row, int count, lanes_state *const state[], const uint8_t *const data[],
                   size_t blocks);

#endif
