// The kernels' names, for the tables of which is the best for how many streams.
#ifndef CHECKSIG_LANES_PLAN_H
#define CHECKSIG_LANES_PLAN_H

#include "lanes.h"

// The kernels that wide.h makes, with the streams that they take.
#define DECLARE(isa, n, turns, n64) \
	lanes_kernel lanes_md5_##isa##x##n, lanes_md5_##isa##x##turns, lanes_sha1_##isa##x##n; \
	lanes_kernel lanes_sha256_##isa##x##n, lanes_sha512_##isa##x##n64;
#define DECLARE_ALONE(isa) lanes_kernel lanes_sha1_##isa##x1, lanes_sha256_##isa##x1, lanes_sha512_##isa##x1;

#define ROW(function, id, isa, width, upto, needs) \
	{#isa "x" #width, needs, LANES_##id, width, upto, lanes_##function##_##isa##x##width}

#endif
