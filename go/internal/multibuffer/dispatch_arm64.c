#include "dispatch.h"

mb_kernel mb_md5_plainx1, mb_md5_plainx2;
DECLARE(neon, 4, 12, 2)
DECLARE_SINGLE(neon)
mb_kernel mb_sha1_armsha, mb_sha1_armshax2, mb_sha256_armsha, mb_sha256_armshax2;

const mb_row mb_rows[] = {
	ROW(md5, MD5, plain, 1, 1, 0),
	ROW(md5, MD5, plain, 2, 2, 0),
	ROW(md5, MD5, neon, 4, 4, MB_NEON),
	ROW(md5, MD5, neon, 12, 32, MB_NEON),
	{"armsha", MB_ARMSHA, MB_SHA1, 1, 1, mb_sha1_armsha},
	{"armshax2", MB_ARMSHA, MB_SHA1, 2, 32, mb_sha1_armshax2},
	ROW(sha1, SHA1, neon, 1, 2, MB_NEON),
	ROW(sha1, SHA1, neon, 4, 32, MB_NEON),
	{"armsha", MB_ARMSHA, MB_SHA256, 1, 1, mb_sha256_armsha},
	{"armshax2", MB_ARMSHA, MB_SHA256, 2, 32, mb_sha256_armshax2},
	ROW(sha256, SHA256, neon, 1, 2, MB_NEON),
	ROW(sha256, SHA256, neon, 4, 32, MB_NEON),
	ROW(sha512, SHA512, neon, 1, 1, MB_NEON),
	ROW(sha512, SHA512, neon, 2, 32, MB_NEON),
	{0},
};
