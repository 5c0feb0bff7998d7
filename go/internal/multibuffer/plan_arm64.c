#include "plan.h"

lanes_kernel lanes_md5_plainx1, lanes_md5_plainx2;
DECLARE(neon, 4, 12, 2)
DECLARE_ALONE(neon)
lanes_kernel lanes_sha1_armsha, lanes_sha1_armshax2, lanes_sha256_armsha, lanes_sha256_armshax2;

const lanes_row lanes_rows[] = {
	ROW(md5, MD5, plain, 1, 1, 0),
	ROW(md5, MD5, plain, 2, 2, 0),
	ROW(md5, MD5, neon, 4, 4, LANES_NEON),
	ROW(md5, MD5, neon, 12, 32, LANES_NEON),
	{"armsha", LANES_ARMSHA, LANES_SHA1, 1, 1, lanes_sha1_armsha},
	{"armshax2", LANES_ARMSHA, LANES_SHA1, 2, 32, lanes_sha1_armshax2},
	ROW(sha1, SHA1, neon, 1, 2, LANES_NEON),
	ROW(sha1, SHA1, neon, 4, 32, LANES_NEON),
	{"armsha", LANES_ARMSHA, LANES_SHA256, 1, 1, lanes_sha256_armsha},
	{"armshax2", LANES_ARMSHA, LANES_SHA256, 2, 32, lanes_sha256_armshax2},
	ROW(sha256, SHA256, neon, 1, 2, LANES_NEON),
	ROW(sha256, SHA256, neon, 4, 32, LANES_NEON),
	ROW(sha512, SHA512, neon, 1, 1, LANES_NEON),
	ROW(sha512, SHA512, neon, 2, 32, LANES_NEON),
	{0},
};
