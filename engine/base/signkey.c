/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/signkey.h"

#include "engine/base/base64.h"
#include "engine/base/sshwire.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

struct cut_signkey {
	EVP_PKEY *key; /* owned */
};

static struct cut_signkey *wrap(EVP_PKEY *pkey)
{
	struct cut_signkey *key = cut_new(struct cut_signkey);

	key->key = pkey;
	return key;
}

struct cut_signkey *cut_signkey_new(void)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	if (!pkey)
		abort(); /* memory, or no entropy */
	return wrap(pkey);
}

/* A key without a pass phrase never asks; whatever else does gets none. */
static int no_phrase(char *buf, int size, int writing, void *data)
{
	return -1;
}

struct cut_signkey *cut_signkey_read(const char *pem, size_t len)
{
	BIO *bio = BIO_new_mem_buf(pem, len > INT_MAX ? 0 : (int)len);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, no_phrase, NULL);

	BIO_free(bio);
	if (pkey && EVP_PKEY_is_a(pkey, "ED25519"))
		return wrap(pkey);
	EVP_PKEY_free(pkey);
	return NULL;
}

void cut_signkey_free(struct cut_signkey *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->key);
	free(key);
}

void cut_signkey_pem(const struct cut_signkey *key, struct cut_buf *out)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text;
	long len;

	if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key->key, NULL, NULL, 0, NULL, NULL) != 1)
		cut_out_of_memory();
	len = BIO_get_mem_data(bio, &text);
	cut_buf_add(out, text, (size_t)len);
	BIO_free(bio);
}

void cut_signkey_public(const struct cut_signkey *key, struct cut_buf *out)
{
	static const char type[] = "ssh-ed25519";
	cut_auto(cut_buf) struct cut_buf blob = {0};
	uint8_t point[32];
	size_t len = sizeof(point);

	if (EVP_PKEY_get_raw_public_key(key->key, point, &len) != 1)
		abort();
	cut_wire_put_string(&blob, type, strlen(type));
	cut_wire_put_string(&blob, point, len);
	cut_buf_printf(out, "%s ", type);
	cut_base64(blob.data, blob.len, out);
}

void cut_signkey_sign(const struct cut_signkey *key, const void *data, size_t len,
		      uint8_t ret[CUT_SIGNATURE_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t size = CUT_SIGNATURE_BYTES;

	if (!ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->key) != 1 ||
	    EVP_DigestSign(ctx, ret, &size, data, len) != 1)
		cut_out_of_memory();
	EVP_MD_CTX_free(ctx);
}
