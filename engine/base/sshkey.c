/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: RFC 8709 (Ed25519), RFC 5656 (ECDSA), RFC 4253 and 8332 (RSA), PROTOCOL.u2f of OpenSSH
 * (security keys). Nothing of it is computed here: libcrypto does. */
#include "engine/base/sshkey.h"

#include "engine/base/base64.h"
#include "engine/base/hash.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#define RSA_MIN_BITS 2048
/* Whoever sends a signature chooses its key: no longer than this takes. */
#define RSA_MAX_BITS 8192
#define TOUCHED	     0x01 /* flag of a security key: somebody was there */

struct cut_sshkey {
	const struct type *type;
	EVP_PKEY *public;		       /* owned */
	uint8_t application[CUT_SHA256_BYTES]; /* digest of it, of security keys */
	char fingerprint[CUT_FINGERPRINT_LEN + 1];
};

/* A kind of key, and how its signatures look. */
struct type {
	const char *name;
	EVP_PKEY *(*read)(const struct type *type, struct cut_wire *blob);
	bool (*verify)(const struct cut_sshkey *key, const EVP_MD *md, struct cut_wire signature,
		       const void *data, size_t len);
	const char *curve; /* SSH's name for it, of ECDSA */
	const char *group; /* libcrypto's name for it */
	struct {
		const char *name;
		const EVP_MD *(*md)(void); /* NULL: the algorithm has its own */
	} algorithms[2];
	bool is_security_key;
};

/* --- reading keys --- */

static EVP_PKEY *read_ed25519(const struct type *type, struct cut_wire *blob)
{
	struct cut_wire point;

	if (!cut_wire_string(blob, &point) || point.len != 32)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point.data, point.len);
}

static EVP_PKEY *from_params(const char *algorithm, OSSL_PARAM_BLD *build)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY *public = NULL;

	if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &public, EVP_PKEY_PUBLIC_KEY, params) != 1)
	public = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return public;
}

static EVP_PKEY *read_ecdsa(const struct type *type, struct cut_wire *blob)
{
	OSSL_PARAM_BLD *build;
	struct cut_wire curve, point;
	EVP_PKEY *public = NULL;

	if (!cut_wire_string(blob, &curve) || !cut_wire_is(curve, type->curve) ||
	    !cut_wire_string(blob, &point) || point.len == 0)
		return NULL;
	build = OSSL_PARAM_BLD_new();
	if (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, type->group, 0) &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len))
	public = from_params("EC", build);
	OSSL_PARAM_BLD_free(build);
	return public;
}

static EVP_PKEY *read_rsa(const struct type *type, struct cut_wire *blob)
{
	OSSL_PARAM_BLD *build;
	struct cut_wire exponent, modulus;
	EVP_PKEY *public = NULL;
	BIGNUM *e, *n;

	if (!cut_wire_string(blob, &exponent) || !cut_wire_string(blob, &modulus) ||
	    exponent.len > 8 || modulus.len > RSA_MAX_BITS / 8 + 1)
		return NULL;
	e = BN_bin2bn(exponent.data, (int)exponent.len, NULL);
	n = BN_bin2bn(modulus.data, (int)modulus.len, NULL);
	build = OSSL_PARAM_BLD_new();
	if (e && n && BN_is_odd(e) && BN_is_odd(n) && BN_num_bits(n) >= RSA_MIN_BITS &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
	public = from_params("RSA", build);
	OSSL_PARAM_BLD_free(build);
	BN_free(e);
	BN_free(n);
	return public;
}

/* --- verifying --- */

static bool verify(const struct cut_sshkey *key, const EVP_MD *md, const uint8_t *signature,
		   size_t signature_len, const void *data, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool yes = ctx && EVP_DigestVerifyInit(ctx, NULL, md, NULL, key->public) == 1 &&
		   EVP_DigestVerify(ctx, signature, signature_len, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	return yes;
}

static bool verify_plain(const struct cut_sshkey *key, const EVP_MD *md, struct cut_wire signature,
			 const void *data, size_t len)
{
	return verify(key, md, signature.data, signature.len, data, len);
}

/* SSH has r and s as two numbers, libcrypto wants them in DER. */
static bool verify_ecdsa(const struct cut_sshkey *key, const EVP_MD *md, struct cut_wire signature,
			 const void *data, size_t len)
{
	struct cut_wire r, s;
	ECDSA_SIG *pair;
	BIGNUM *rn, *sn;
	unsigned char *der = NULL;
	int der_len;
	bool yes;

	if (!cut_wire_string(&signature, &r) || !cut_wire_string(&signature, &s) ||
	    signature.len > 0 || r.len > 67 || s.len > 67)
		return false;
	pair = ECDSA_SIG_new();
	rn = BN_bin2bn(r.data, (int)r.len, NULL);
	sn = BN_bin2bn(s.data, (int)s.len, NULL);
	if (!pair || !rn || !sn || !ECDSA_SIG_set0(pair, rn, sn))
		cut_out_of_memory();
	der_len = i2d_ECDSA_SIG(pair, &der);
	yes = der_len > 0 && verify(key, md, der, (size_t)der_len, data, len);
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	return yes;
}

static const struct type types[] = {
	{"ssh-ed25519", read_ed25519, verify_plain, .algorithms = {{"ssh-ed25519"}}},
	{"ecdsa-sha2-nistp256",
	 read_ecdsa,
	 verify_ecdsa,
	 "nistp256",
	 "P-256",
	 {{"ecdsa-sha2-nistp256", EVP_sha256}}},
	{"ecdsa-sha2-nistp384",
	 read_ecdsa,
	 verify_ecdsa,
	 "nistp384",
	 "P-384",
	 {{"ecdsa-sha2-nistp384", EVP_sha384}}},
	{"ecdsa-sha2-nistp521",
	 read_ecdsa,
	 verify_ecdsa,
	 "nistp521",
	 "P-521",
	 {{"ecdsa-sha2-nistp521", EVP_sha512}}},
	{"ssh-rsa", read_rsa, verify_plain,
	 .algorithms = {{"rsa-sha2-512", EVP_sha512}, {"rsa-sha2-256", EVP_sha256}}},
	{"sk-ssh-ed25519@openssh.com", read_ed25519, verify_plain,
	 .algorithms = {{"sk-ssh-ed25519@openssh.com"}}, .is_security_key = true},
	{"sk-ecdsa-sha2-nistp256@openssh.com",
	 read_ecdsa,
	 verify_ecdsa,
	 "nistp256",
	 "P-256",
	 {{"sk-ecdsa-sha2-nistp256@openssh.com", EVP_sha256}},
	 true},
};

/* A security key signs the digests of application and data with what it saw between them. */
static bool verify_touched(const struct cut_sshkey *key, const EVP_MD *md,
			   struct cut_wire signature, struct cut_wire seen, const void *data,
			   size_t len)
{
	uint8_t message[2 * CUT_SHA256_BYTES + 5];

	if (seen.len != 5 || !(seen.data[0] & TOUCHED))
		return false;
	memcpy(message, key->application, CUT_SHA256_BYTES);
	memcpy(message + CUT_SHA256_BYTES, seen.data, 5);
	cut_sha256(data, len, message + CUT_SHA256_BYTES + 5);
	return key->type->verify(key, md, signature, message, sizeof(message));
}

bool cut_sshkey_signed(const struct cut_sshkey *key, struct cut_wire signature, const void *data,
		       size_t len)
{
	const struct type *type = key->type;
	struct cut_wire name, value;

	if (!cut_wire_string(&signature, &name) || !cut_wire_string(&signature, &value))
		return false;
	for (size_t i = 0; i < CUT_ARRAY_LEN(type->algorithms); i++) {
		const EVP_MD *md = type->algorithms[i].md ? type->algorithms[i].md() : NULL;

		if (!type->algorithms[i].name || !cut_wire_is(name, type->algorithms[i].name))
			continue;
		return type->is_security_key
			       ? verify_touched(key, md, value, signature, data, len)
			       : signature.len == 0 && type->verify(key, md, value, data, len);
	}
	return false;
}

bool cut_sshkey_signed_raw(const struct cut_sshkey *key, struct cut_wire signature,
			   const void *data, size_t len)
{
	return key->type == &types[0] && verify_plain(key, NULL, signature, data, len);
}

/* --- the key as a whole --- */

static void make_fingerprint(struct cut_wire blob, char ret[CUT_FINGERPRINT_LEN + 1])
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	uint8_t digest[CUT_SHA256_BYTES];

	cut_sha256(blob.data, blob.len, digest);
	cut_base64(digest, sizeof(digest), &text);
	snprintf(ret, CUT_FINGERPRINT_LEN + 1, "SHA256:%.43s", text.data); /* without its "=" */
}

struct cut_sshkey *cut_sshkey_read(struct cut_wire blob)
{
	cut_auto(cut_sshkey) struct cut_sshkey *key = cut_new(struct cut_sshkey);
	struct cut_wire rest = blob, name, application;

	if (!cut_wire_string(&rest, &name))
		return NULL;
	for (size_t i = 0; i < CUT_ARRAY_LEN(types) && !key->type; i++)
		if (cut_wire_is(name, types[i].name))
			key->type = &types[i];
	if (!key->type)
		return NULL;
	key->public = key->type->read(key->type, &rest);
	if (!key->public)
		return NULL;
	if (key->type->is_security_key) {
		if (!cut_wire_string(&rest, &application))
			return NULL;
		cut_sha256(application.data, application.len, key->application);
	}
	if (rest.len > 0)
		return NULL;
	make_fingerprint(blob, key->fingerprint);
	return cut_take(key);
}

static size_t word_len(const char *text, const char *end)
{
	size_t len = 0;

	while (text + len < end && text[len] != ' ' && text[len] != '\t' && text[len] != '\r' &&
	       text[len] != '\n')
		len++;
	return len;
}

int cut_sshkey_parse(const char *line, size_t len, struct cut_sshkey **ret, struct cut_err *err)
{
	const char *end = line + len, *base64;
	cut_auto(cut_buf) struct cut_buf blob = {0};
	cut_auto(cut_sshkey) struct cut_sshkey *key = NULL;
	size_t name_len, base64_len;

	while (line < end && strchr(" \t\r\n", *line) && *line)
		line++;
	name_len = word_len(line, end);
	base64 = line + name_len + (line + name_len < end);
	base64_len = word_len(base64, end);
	if (cut_base64_decode(base64, base64_len, &blob) == 0 && blob.len > 0)
		key = cut_sshkey_read((struct cut_wire){(const uint8_t *)blob.data, blob.len});
	if (!key || strlen(key->type->name) != name_len ||
	    memcmp(key->type->name, line, name_len) != 0)
		return cut_err_set(err, -EINVAL,
				   "ssh-ed25519, ecdsa-sha2-nistp*, ssh-rsa (2048 bits or more) "
				   "and the sk- types can be used",
				   "put in the line of a .pub file", "it is no public SSH key");
	*ret = cut_take(key);
	return 0;
}

void cut_sshkey_free(struct cut_sshkey *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->public);
	free(key);
}

const char *cut_sshkey_fingerprint(const struct cut_sshkey *key)
{
	return key->fingerprint;
}
