/* SPDX-License-Identifier: Apache-2.0 */
/* Digests, base32 and hex, and the hash of the hash tables. */
#include "engine/base/hash.h"

#include "engine/base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static void *crypto_malloc(size_t size, const char *file, int line)
{
	return cut_malloc(size);
}

static void *crypto_realloc(void *p, size_t size, const char *file, int line)
{
	if (size)
		return cut_realloc(p, size);
	free(p);
	return NULL;
}

static void crypto_free(void *p, const char *file, int line)
{
	free(p);
}

void cut_crypto_use_alloc(void)
{
	CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free);
}

/* Fetched once: to look the algorithm up takes several times as long as to hash a line. */
static EVP_MD *sha256;

static void sha256_fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!sha256)
		cut_out_of_memory();
}

static const EVP_MD *sha256_get(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, sha256_fetch);
	return sha256;
}

void cut_sha256(const void *data, size_t len, uint8_t ret[CUT_SHA256_BYTES])
{
	if (!EVP_Digest(data, len, ret, NULL, sha256_get(), NULL))
		cut_out_of_memory();
}

void cut_sha256_hex(const void *data, size_t len, char ret[CUT_SHA256_HEX + 1])
{
	uint8_t digest[CUT_SHA256_BYTES];

	cut_sha256(data, len, digest);
	cut_hex(digest, sizeof(digest), ret);
}

struct cut_hasher {
	EVP_MD_CTX *ctx; /* owned */
};

struct cut_hasher *cut_hasher_new(void)
{
	struct cut_hasher *hasher = cut_new(struct cut_hasher);

	hasher->ctx = EVP_MD_CTX_new();
	if (!hasher->ctx)
		cut_out_of_memory();
	return hasher;
}

void cut_hasher_sha256(struct cut_hasher *hasher, const void *data, size_t len,
		       uint8_t ret[CUT_SHA256_BYTES])
{
	if (!EVP_DigestInit_ex2(hasher->ctx, sha256_get(), NULL) ||
	    !EVP_DigestUpdate(hasher->ctx, data, len) ||
	    !EVP_DigestFinal_ex(hasher->ctx, ret, NULL))
		cut_out_of_memory();
}

void cut_hasher_free(struct cut_hasher *hasher)
{
	if (!hasher)
		return;
	EVP_MD_CTX_free(hasher->ctx);
	free(hasher);
}

static int digest_fd(int fd, EVP_MD_CTX *ctx, uint8_t ret[CUT_SHA256_BYTES])
{
	cut_auto(cut_str) char *chunk = cut_malloc(65536);
	ssize_t n;

	if (!EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		return -ENOMEM;
	for (;;) {
		n = read(fd, chunk, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (!EVP_DigestUpdate(ctx, chunk, (size_t)n))
			return -ENOMEM;
	}
	return EVP_DigestFinal_ex(ctx, ret, NULL) ? 0 : -ENOMEM;
}

int cut_sha256_file(const char *path, char ret[CUT_SHA256_HEX + 1])
{
	uint8_t digest[CUT_SHA256_BYTES];
	EVP_MD_CTX *ctx;
	int fd, r;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ctx = EVP_MD_CTX_new();
	r = ctx ? digest_fd(fd, ctx, digest) : -ENOMEM;
	EVP_MD_CTX_free(ctx);
	close(fd);
	if (r == 0)
		cut_hex(digest, sizeof(digest), ret);
	return r;
}

void cut_hex(const uint8_t *data, size_t len, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*ret++ = digits[data[i] >> 4];
		*ret++ = digits[data[i] & 15];
	}
	*ret = '\0';
}

void cut_base32(const uint8_t *data, size_t len, char *ret)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned bits = 0, held = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | data[i];
		for (held += 8; held >= 5; held -= 5)
			*ret++ = digits[bits >> (held - 5) & 31];
		bits &= 255;
	}
	if (held)
		*ret++ = digits[bits << (5 - held) & 31];
	*ret = '\0';
}

/* From here on wyhash (github.com/wangyi-fudan/wyhash, public domain), one lane. The seed makes
 * tables of hostile keys no slower than others. */
static uint64_t seed;

__attribute__((constructor)) static void choose_seed(void)
{
	memcpy(&seed, (const void *)getauxval(AT_RANDOM), sizeof(seed));
}

static uint64_t read64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t read32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t cut_hash64(const void *data, size_t len)
{
	static const uint64_t odd[] = {0x2d358dccaa6c78a5, 0x8bb84b93962eacc9};
	const uint8_t *p = data;
	uint64_t a = 0, b = 0, state = seed;
	size_t left = len;

	for (; left > 16; left -= 16, p += 16)
		state = mix(read64(p) ^ odd[0], read64(p + 8) ^ state);
	if (left >= 8) {
		a = read64(p);
		b = read64(p + left - 8);
	} else if (left >= 4) {
		a = read32(p);
		b = read32(p + left - 4);
	} else if (left) {
		a = (uint64_t)p[0] << 16 | (uint64_t)p[left / 2] << 8 | p[left - 1];
	}
	return mix(odd[1] ^ len, mix(a ^ odd[1], b ^ state));
}
