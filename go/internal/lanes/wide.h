// Every function for vectors of BYTES bytes; MD5 for one vector and for TURNS in turn. Their names
// are lanes_md5_ISAx8 and so on. TERNARY may be
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

#define WORD 32
#include "vector.h"

#define KERNEL(function) JOIN(lanes_##function##_, ISA, x, N32)
#define GROUPS 1
#include "md5.h"
#include "sha1.h"
#include "sha2.h"
#undef GROUPS
#undef KERNEL

#define KERNEL(function) JOIN(lanes_##function##_, ISA, x, TURNS_N32)
#define GROUPS TURNS
#include "md5.h"
#undef GROUPS
#undef KERNEL

#include "vector_end.h"
#undef WORD

#define WORD 64
#include "vector.h"
#define KERNEL(function) JOIN(lanes_##function##_, ISA, x, N64)
#include "sha2.h"
#undef KERNEL
#include "vector_end.h"
#undef WORD

#undef N32
#undef N64
#undef TURNS
#undef TURNS_N32
#undef NAME
#undef JOIN
#undef JOIN_
