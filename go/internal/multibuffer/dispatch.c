//go:build amd64 || arm64

// Selects kernels by the number of streams, and pads messages.
#include "multibuffer.h"

size_t mb_block(int function) { return function == MB_SHA512 ? 128 : 64; }

const mb_row *mb_best(unsigned features, int function, int count) {
	for (const mb_row *row = mb_rows; row->width; row++)
		if ((int)row->function == function && !(row->needs & ~features) && count <= row->upto)
			return row;
	return NULL;
}

// A kernel always takes as many streams as it is wide. Unused lanes hash the first stream's data
// into a state that is thrown away.
static void hash_row(const mb_row *row, int count, void *const state[], const uint8_t *const data[], size_t blocks) {
	mb_state unused = {{0}}, *states[MB_MAX];
	const uint8_t *from[MB_MAX];
	for (int i = 0; i < row->width; i++) {
		states[i] = i < count ? state[i] : &unused;
		from[i] = data[i < count ? i : 0];
	}
	row->kernel(states, from, blocks);
}

void mb_hash_by(const mb_row *row, int count, void *const state[], const uint8_t *const data[], size_t blocks) {
	for (int i = 0; i < count; i += row->width)
		hash_row(row, count - i < row->width ? count - i : row->width, state + i, data + i, blocks);
}

void mb_hash(unsigned features, int function, int count, void *const state[], const uint8_t *const data[],
             size_t blocks) {
	while (count > 0) {
		const mb_row *row = mb_best(features, function, count);
		int taken = count < row->width ? count : row->width;
		hash_row(row, taken, state, data, blocks);
		count -= taken, state += taken, data += taken;
	}
}

// RFC 1321, 3.1 and 3.2, and FIPS 180-4, 5.1.
uint32_t mb_pad(int function, uint64_t total, uint8_t *to) {
	size_t block = mb_block(function), length = block / 8, used = (size_t)(total % block);
	size_t zeros = (used + 1 + length <= block ? block : 2 * block) - used - 1 - 8;
	uint64_t bits = total << 3, high = total >> 61;
	*to++ = 0x80;
	memset(to, 0, zeros);
	to += zeros;
	if (function == MB_SHA512)
		to[-1] = (uint8_t)high;
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(bits >> 8 * (function == MB_MD5 ? i : 7 - i));
	return (uint32_t)(zeros + 9);
}
