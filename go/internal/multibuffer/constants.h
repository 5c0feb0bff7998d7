#ifndef CHECKSIG_CONSTANTS_H
#define CHECKSIG_CONSTANTS_H

#include <stdint.h>

extern const uint32_t mb_sha1_constants[4];
extern const uint32_t mb_sha256_constants[64];
extern const uint64_t mb_sha512_constants[80];

#endif
