// Every function for vectors of BYTES bytes; MD5 for one vector and for TURNS in turn. BYTES of 8
// means plain code, and only MD5. Their names are lanes_md5_ISAx8 and so on. TERNARY may be
// defined before. The file of an instruction set includes this once for each size.

#define JOIN_(a, b, c, d) a##b##c##d
#define JOIN(a, b, c, d) JOIN_(a, b, c, d)
#define NAME(x) JOIN(x, BYTES, _, WORD)

#if BYTES == 64
#define N32 16
#define N64 8
#define TURNS 2
#define TURNS_N32 32
#elif BYTES == 32
#define N32 8
#define N64 4
#define TURNS 3
#define TURNS_N32 24
#elif BYTES == 16
#define N32 4
#define N64 2
#define TURNS 3
#define TURNS_N32 12
#else
#define N32 1
#define N64 1
#define TURNS 2
#define TURNS_N32 2
#endif

// One stream, with vectors for what many are not needed for.
#define ALONE (BYTES == 16 || BYTES == 32)
#define KERNEL_ALONE(function) JOIN(lanes_##function##_, ISA, x, 1)

#define WORD 32
#include "vector.h"

#define KERNEL(function) JOIN(lanes_##function##_, ISA, x, N32)
#define GROUPS 1
#include "md5.h"
#if BYTES > 8
#include "sha1.h"
#include "sha2.h"
#endif
#undef GROUPS
#undef KERNEL

#if ALONE
#define KERNEL(function) KERNEL_ALONE(function)
#define ALONE_SHA1
#include "alone.h"
#undef ALONE_SHA1
#include "alone.h"
#undef KERNEL
#endif

#define KERNEL(function) JOIN(lanes_##function##_, ISA, x, TURNS_N32)
#define GROUPS TURNS
#include "md5.h"
#undef GROUPS
#undef KERNEL

#include "vector_end.h"
#undef WORD

#if BYTES > 8
#define WORD 64
#include "vector.h"
#define KERNEL(function) JOIN(lanes_##function##_, ISA, x, N64)
#include "sha2.h"
#undef KERNEL
#if ALONE
#define KERNEL(function) KERNEL_ALONE(function)
#include "alone.h"
#undef KERNEL
#endif
#include "vector_end.h"
#undef WORD
#endif

#undef ALONE
#undef KERNEL_ALONE
#undef N32
#undef N64
#undef TURNS
#undef TURNS_N32
#undef NAME
#undef JOIN
#undef JOIN_
