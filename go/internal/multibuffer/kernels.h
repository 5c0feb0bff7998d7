// Defines the kernels of one instruction set for vectors of BYTES bytes: mb_md5_ISAx8 and so on. MD5 is
// made for one vector and for INTERLEAVED vectors. BYTES of 8 means scalar code, and MD5 alone.
// TERNARY may be defined before. The file of an instruction set includes this once for each size.

#define JOIN_(a, b, c, d) a##b##c##d
#define JOIN(a, b, c, d) JOIN_(a, b, c, d)
#define NAME(x) JOIN(x, BYTES, _, WORD)

#if BYTES == 64
#define N32 16
#define N64 8
#define INTERLEAVED 2
#define INTERLEAVED_N32 32
#elif BYTES == 32
#define N32 8
#define N64 4
#define INTERLEAVED 3
#define INTERLEAVED_N32 24
#elif BYTES == 16
#define N32 4
#define N64 2
#define INTERLEAVED 3
#define INTERLEAVED_N32 12
#else
#define N32 1
#define N64 1
#define INTERLEAVED 2
#define INTERLEAVED_N32 2
#endif

// Kernels for one stream, whose message schedule is made in vectors.
#define HAS_SINGLE (BYTES == 16 || BYTES == 32)
#define KERNEL_SINGLE(function) JOIN(mb_##function##_, ISA, x, 1)

#define WORD 32
#include "vector.h"

#define KERNEL(function) JOIN(mb_##function##_, ISA, x, N32)
#define GROUPS 1
#include "md5.h"
#if BYTES > 8
#include "sha1.h"
#include "sha2.h"
#endif
#undef GROUPS
#undef KERNEL

#if HAS_SINGLE
#define KERNEL(function) KERNEL_SINGLE(function)
#define SINGLE_SHA1
#include "sha_single.h"
#undef SINGLE_SHA1
#include "sha_single.h"
#undef KERNEL
#endif

#define KERNEL(function) JOIN(mb_##function##_, ISA, x, INTERLEAVED_N32)
#define GROUPS INTERLEAVED
#include "md5.h"
#undef GROUPS
#undef KERNEL

#include "vector_end.h"
#undef WORD

#if BYTES > 8
#define WORD 64
#include "vector.h"
#define KERNEL(function) JOIN(mb_##function##_, ISA, x, N64)
#include "sha2.h"
#undef KERNEL
#if HAS_SINGLE
#define KERNEL(function) KERNEL_SINGLE(function)
#include "sha_single.h"
#undef KERNEL
#endif
#include "vector_end.h"
#undef WORD
#endif

#undef HAS_SINGLE
#undef KERNEL_SINGLE
#undef N32
#undef N64
#undef INTERLEAVED
#undef INTERLEAVED_N32
#undef NAME
#undef JOIN
#undef JOIN_
