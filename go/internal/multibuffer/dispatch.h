// Declares the kernels, for the dispatch tables.
#ifndef CHECKSIG_DISPATCH_H
#define CHECKSIG_DISPATCH_H

#include "multibuffer.h"

// The kernels that kernels.h defines: for n streams of 32-bit words and n64 of 64-bit words, and MD5
// also for interleaved vectors of that many streams in all.
#define DECLARE(isa, n, interleaved, n64) \
	mb_kernel mb_md5_##isa##x##n, mb_md5_##isa##x##interleaved, mb_sha1_##isa##x##n; \
	mb_kernel mb_sha256_##isa##x##n, mb_sha512_##isa##x##n64;
#define DECLARE_SINGLE(isa) mb_kernel mb_sha1_##isa##x1, mb_sha256_##isa##x1, mb_sha512_##isa##x1;

#define ROW(function, id, isa, width, upto, needs) \
	{#isa "x" #width, needs, MB_##id, width, upto, mb_##function##_##isa##x##width}

#endif
