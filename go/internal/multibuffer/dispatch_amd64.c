#include "dispatch.h"

mb_kernel mb_md5_plainx1, mb_md5_plainx2;
DECLARE(sse2, 4, 12, 2)
DECLARE(avx2, 8, 24, 4)
DECLARE(avx512, 8, 24, 4)
DECLARE(avx512, 16, 32, 8)
DECLARE_SINGLE(sse2) DECLARE_SINGLE(avx2) DECLARE_SINGLE(avx512)
mb_kernel mb_sha1_shani, mb_sha1_shanix2, mb_sha256_shani, mb_sha256_shanix2;

// The first row of a function that this CPU can run and that takes as many streams is the best for them.
const mb_row mb_rows[] = {
	ROW(md5, MD5, plain, 1, 1, 0),
	ROW(md5, MD5, plain, 2, 2, 0),
	ROW(md5, MD5, avx512, 8, 8, MB_AVX512),
	ROW(md5, MD5, avx512, 16, 16, MB_AVX512),
	ROW(md5, MD5, avx512, 32, 32, MB_AVX512),
	ROW(md5, MD5, avx2, 8, 8, MB_AVX2),
	ROW(md5, MD5, avx2, 24, 32, MB_AVX2),
	ROW(md5, MD5, sse2, 4, 4, MB_SSE2),
	ROW(md5, MD5, sse2, 12, 32, MB_SSE2),
	{"shani", MB_SHANI, MB_SHA1, 1, 1, mb_sha1_shani},
	{"shanix2", MB_SHANI, MB_SHA1, 2, 2, mb_sha1_shanix2},
	ROW(sha1, SHA1, avx512, 1, 1, MB_AVX512),
	ROW(sha1, SHA1, avx512, 8, 8, MB_AVX512),
	ROW(sha1, SHA1, avx512, 16, 32, MB_AVX512),
	ROW(sha1, SHA1, avx2, 1, 2, MB_AVX2),
	ROW(sha1, SHA1, sse2, 1, 2, MB_SSE2),
	{"shanix2", MB_SHANI, MB_SHA1, 2, 5, mb_sha1_shanix2},
	ROW(sha1, SHA1, avx2, 8, 32, MB_AVX2),
	{"shanix2", MB_SHANI, MB_SHA1, 2, 32, mb_sha1_shanix2},
	ROW(sha1, SHA1, sse2, 4, 32, MB_SSE2),
	{"shani", MB_SHANI, MB_SHA256, 1, 1, mb_sha256_shani},
	{"shanix2", MB_SHANI, MB_SHA256, 2, 6, mb_sha256_shanix2},
	ROW(sha256, SHA256, avx512, 1, 1, MB_AVX512),
	ROW(sha256, SHA256, avx512, 8, 8, MB_AVX512),
	ROW(sha256, SHA256, avx512, 16, 32, MB_AVX512),
	ROW(sha256, SHA256, avx2, 1, 2, MB_AVX2),
	ROW(sha256, SHA256, sse2, 1, 2, MB_SSE2),
	{"shanix2", MB_SHANI, MB_SHA256, 2, 32, mb_sha256_shanix2},
	ROW(sha256, SHA256, avx2, 8, 32, MB_AVX2),
	ROW(sha256, SHA256, sse2, 4, 32, MB_SSE2),
	ROW(sha512, SHA512, avx512, 1, 1, MB_AVX512),
	ROW(sha512, SHA512, avx512, 4, 4, MB_AVX512),
	ROW(sha512, SHA512, avx512, 8, 32, MB_AVX512),
	ROW(sha512, SHA512, avx2, 1, 2, MB_AVX2),
	ROW(sha512, SHA512, sse2, 1, 1, MB_SSE2),
	ROW(sha512, SHA512, avx2, 4, 32, MB_AVX2),
	ROW(sha512, SHA512, sse2, 2, 32, MB_SSE2),
	{0},
};
