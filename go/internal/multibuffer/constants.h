#ifndef CHECKSIG_LANES_CONSTANTS_H
#define CHECKSIG_LANES_CONSTANTS_H

#include <stdint.h>

extern const uint32_t lanes_sha1_constants[4];
extern const uint32_t lanes_sha256_constants[64];
extern const uint64_t lanes_sha512_constants[80];

#endif
