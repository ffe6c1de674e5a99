/* SPDX-License-Identifier: Apache-2.0 */
/* Digests and checksums: SHA-256 (OpenSSL), CRC32C, base32 and hex. Used by identities of runbook
 * and plan, the journal's chain and idempotency keys. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CUT_SHA256_BYTES 32
#define CUT_SHA256_HEX	 64

/* Lets OpenSSL, too, end the process when memory is out: first thing in a program. */
void cut_crypto_use_alloc(void);
void cut_sha256(const void *data, size_t len, uint8_t ret[CUT_SHA256_BYTES]);
void cut_sha256_hex(const void *data, size_t len, char ret[CUT_SHA256_HEX + 1]);
/* For many short texts one after the other: finds the algorithm once. */
struct cut_hasher *cut_hasher_new(void);
void cut_hasher_sha256(struct cut_hasher *hasher, const void *data, size_t len,
		       uint8_t ret[CUT_SHA256_BYTES]);
void cut_hasher_free(struct cut_hasher *hasher);		     /* NULL-safe */
int cut_sha256_file(const char *path, char ret[CUT_SHA256_HEX + 1]); /* negative errno */
void cut_hex(const uint8_t *data, size_t len, char *ret);	     /* 2 * len + NUL, lower case */
void cut_base32(const uint8_t *data, size_t len, char *ret); /* RFC 4648 lower case, no padding */
uint32_t cut_crc32c(uint32_t crc, const void *data, size_t len); /* start with 0; RFC 3720 */
/* For hash tables only: not stable over versions. */
uint64_t cut_hash64(const void *data, size_t len);
