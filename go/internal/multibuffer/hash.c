//go:build amd64 || arm64

// Which kernel is taken for how many streams.
#include "lanes.h"

size_t lanes_block(enum lanes_function function) { return function == LANES_SHA512 ? 128 : 64; }

const lanes_row *lanes_best(unsigned features, enum lanes_function function, int count) {
	for (const lanes_row *row = lanes_rows; row->width; row++)
		if (row->function == function && !(row->needs & ~features) && count <= row->upto)
			return row;
	return NULL;
}

// A kernel always takes as many streams as it is wide: the first one's data stands in for those
// that are not there, with a state that nobody looks at.
static void hash_row(const lanes_row *row, int count, lanes_state *const state[], const uint8_t *const data[],
                     size_t blocks) {
	lanes_state nobody = {{0}}, *states[LANES_MAX];
	const uint8_t *from[LANES_MAX];
	if (count == row->width) {
		row->kernel(state, data, blocks);
		return;
	}
	for (int i = 0; i < row->width; i++) {
		states[i] = i < count ? state[i] : &nobody;
		from[i] = data[i < count ? i : 0];
	}
	row->kernel(states, from, blocks);
}

void lanes_hash_by(const lanes_row *row, int count, lanes_state *const state[], const uint8_t *const data[],
                   size_t blocks) {
	for (int i = 0; i < count; i += row->width)
		hash_row(row, count - i < row->width ? count - i : row->width, state + i, data + i, blocks);
}

void lanes_hash(unsigned features, enum lanes_function function, int count, lanes_state *const state[],
                const uint8_t *const data[], size_t blocks) {
	while (count > 0) {
		const lanes_row *row = lanes_best(features, function, count);
		int taken = count < row->width ? count : row->width;
		hash_row(row, taken, state, data, blocks);
		count -= taken, state += taken, data += taken;
	}
}
