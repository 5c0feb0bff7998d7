#include "plan.h"

lanes_kernel lanes_md5_plainx1, lanes_md5_plainx2;
DECLARE(sse2, 4, 12, 2)
DECLARE(avx2, 8, 24, 4)
DECLARE(avx512, 8, 24, 4)
DECLARE(avx512, 16, 32, 8)
DECLARE_ALONE(sse2) DECLARE_ALONE(avx2) DECLARE_ALONE(avx512)
lanes_kernel lanes_sha1_shani, lanes_sha1_shanix2, lanes_sha256_shani, lanes_sha256_shanix2;

// The first row of a function that can be run here and takes as many files is the best for them.
const lanes_row lanes_rows[] = {
	ROW(md5, MD5, plain, 1, 1, 0),
	ROW(md5, MD5, plain, 2, 2, 0),
	ROW(md5, MD5, avx512, 8, 8, LANES_AVX512),
	ROW(md5, MD5, avx512, 16, 16, LANES_AVX512),
	ROW(md5, MD5, avx512, 32, 32, LANES_AVX512),
	ROW(md5, MD5, avx2, 8, 8, LANES_AVX2),
	ROW(md5, MD5, avx2, 24, 32, LANES_AVX2),
	ROW(md5, MD5, sse2, 4, 4, LANES_SSE2),
	ROW(md5, MD5, sse2, 12, 32, LANES_SSE2),
	{"shani", LANES_SHANI, LANES_SHA1, 1, 1, lanes_sha1_shani},
	{"shanix2", LANES_SHANI, LANES_SHA1, 2, 2, lanes_sha1_shanix2},
	ROW(sha1, SHA1, avx512, 1, 1, LANES_AVX512),
	ROW(sha1, SHA1, avx512, 8, 8, LANES_AVX512),
	ROW(sha1, SHA1, avx512, 16, 32, LANES_AVX512),
	ROW(sha1, SHA1, avx2, 1, 2, LANES_AVX2),
	ROW(sha1, SHA1, sse2, 1, 2, LANES_SSE2),
	{"shanix2", LANES_SHANI, LANES_SHA1, 2, 5, lanes_sha1_shanix2},
	ROW(sha1, SHA1, avx2, 8, 32, LANES_AVX2),
	{"shanix2", LANES_SHANI, LANES_SHA1, 2, 32, lanes_sha1_shanix2},
	ROW(sha1, SHA1, sse2, 4, 32, LANES_SSE2),
	{"shani", LANES_SHANI, LANES_SHA256, 1, 1, lanes_sha256_shani},
	{"shanix2", LANES_SHANI, LANES_SHA256, 2, 6, lanes_sha256_shanix2},
	ROW(sha256, SHA256, avx512, 1, 1, LANES_AVX512),
	ROW(sha256, SHA256, avx512, 8, 8, LANES_AVX512),
	ROW(sha256, SHA256, avx512, 16, 32, LANES_AVX512),
	ROW(sha256, SHA256, avx2, 1, 2, LANES_AVX2),
	ROW(sha256, SHA256, sse2, 1, 2, LANES_SSE2),
	{"shanix2", LANES_SHANI, LANES_SHA256, 2, 32, lanes_sha256_shanix2},
	ROW(sha256, SHA256, avx2, 8, 32, LANES_AVX2),
	ROW(sha256, SHA256, sse2, 4, 32, LANES_SSE2),
	ROW(sha512, SHA512, avx512, 1, 1, LANES_AVX512),
	ROW(sha512, SHA512, avx512, 4, 4, LANES_AVX512),
	ROW(sha512, SHA512, avx512, 8, 32, LANES_AVX512),
	ROW(sha512, SHA512, avx2, 1, 2, LANES_AVX2),
	ROW(sha512, SHA512, sse2, 1, 1, LANES_SSE2),
	ROW(sha512, SHA512, avx2, 4, 32, LANES_AVX2),
	ROW(sha512, SHA512, sse2, 2, 32, LANES_SSE2),
	{0},
};
