// The interface of the kernels, which hash several streams of data at once on one core.
#ifndef CHECKSIG_MULTIBUFFER_H
#define CHECKSIG_MULTIBUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { MB_MAX = 32 }; // the most streams that a kernel takes

// The compression functions. SHA-224 is SHA-256, and SHA-384 is SHA-512, with other initial values.
enum mb_function { MB_MD5, MB_SHA1, MB_SHA256, MB_SHA512, MB_FUNCTIONS };

// CPU features, as bits.
enum mb_feature {
	MB_SSE2 = 1,
	MB_AVX2 = 2,   // and BMI1, BMI2
	MB_AVX512 = 4, // F, BW and VL, BMI1, BMI2
	MB_SHANI = 8,
	MB_NEON = 16,
	MB_ARMSHA = 32, // SHA-1 and SHA-256
};

// The chaining value of a stream, in words of the CPU's byte order.
typedef union {
	uint32_t w32[8];
	uint64_t w64[8];
} mb_state;

// A kernel hashes the given number of whole blocks of each stream, from data[i] into *state[i]. The
// number at the end of its name says how many streams it takes.
typedef void mb_kernel(mb_state *const state[], const uint8_t *const data[], size_t blocks);

// A row of the dispatch table: a kernel, and the most streams for which it is the best.
typedef struct {
	const char *name; // instruction set and width: "avx512x16"
	unsigned needs;   // features
	enum mb_function function;
	int width; // streams that it takes
	int upto;
	mb_kernel *kernel;
} mb_row;

// The dispatch table. Among the rows of a function whose features are present, the first with
// upto >= the number of streams is used. The last row of a function has upto MB_MAX. A row of width 0
// ends the table.
extern const mb_row mb_rows[];

// Returns the features of this CPU that the operating system lets programs use.
unsigned mb_features(void);

// Returns the number of bytes in a block.
size_t mb_block(int function);

// Returns the best kernel for count streams, or NULL.
const mb_row *mb_best(unsigned features, int function, int count);

// Hashes whole blocks of count streams, at most MB_MAX, by the best kernels. state[i] points to an
// mb_state.
void mb_hash(unsigned features, int function, int count, void *const state[], const uint8_t *const data[],
             size_t blocks);

// Hashes them by one kernel.
void mb_hash_by(const mb_row *row, int count, void *const state[], const uint8_t *const data[], size_t blocks);

// Writes the padding that follows total bytes, at most two blocks, and returns its length in bytes.
uint32_t mb_pad(int function, uint64_t total, uint8_t *to);

#endif
