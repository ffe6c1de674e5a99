/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/sshsig.h"

#include "engine/base/base64.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

static const char magic[] = "SSHSIG"; /* 6 bytes, without the NUL */
static const char begin[] = "-----BEGIN SSH SIGNATURE-----";
static const char end[] = "-----END SSH SIGNATURE-----";

struct sshsig {
	struct cut_wire key, name_space, reserved, hash, signature;
};

static int bad(struct cut_err *err, const char *why)
{
	return cut_err_set(err, -EBADMSG, why,
			   "sign the statement again: ssh-keygen -Y sign -n NAMESPACE -f KEY FILE",
			   "the signature does not hold");
}

/* The bytes between the two lines. */
static int dearmor(const char *text, size_t len, struct cut_buf *out)
{
	cut_auto(cut_buf) struct cut_buf base64 = {0};
	const char *from, *to;

	if (len > CUT_SSHSIG_MAX_BYTES)
		return -EINVAL;
	from = memmem(text, len, begin, sizeof(begin) - 1);
	if (!from)
		return -EINVAL;
	from += sizeof(begin) - 1;
	to = memmem(from, len - (size_t)(from - text), end, sizeof(end) - 1);
	if (!to)
		return -EINVAL;
	for (; from < to; from++)
		if (*from != '\n' && *from != '\r')
			cut_buf_add_char(&base64, *from);
	return cut_base64_decode(cut_buf_str(&base64), base64.len, out);
}

static bool parse(struct cut_wire from, struct sshsig *ret)
{
	struct cut_wire start;
	uint32_t version;

	return cut_wire_bytes(&from, sizeof(magic) - 1, &start) && cut_wire_is(start, magic) &&
	       cut_wire_u32(&from, &version) && version == 1 && cut_wire_string(&from, &ret->key) &&
	       cut_wire_string(&from, &ret->name_space) && cut_wire_string(&from, &ret->reserved) &&
	       cut_wire_string(&from, &ret->hash) && cut_wire_string(&from, &ret->signature) &&
	       from.len == 0;
}

/* What the key has signed: the data's digest with all that it is to be read with. */
static bool signed_bytes(const struct sshsig *sig, const void *data, size_t len,
			 struct cut_buf *out)
{
	const EVP_MD *md = cut_wire_is(sig->hash, "sha512")   ? EVP_sha512()
			   : cut_wire_is(sig->hash, "sha256") ? EVP_sha256()
							      : NULL;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned digest_len = 0;

	if (!md || EVP_Digest(data, len, digest, &digest_len, md, NULL) != 1)
		return false;
	cut_buf_add(out, magic, sizeof(magic) - 1);
	cut_wire_put_string(out, sig->name_space.data, sig->name_space.len);
	cut_wire_put_string(out, sig->reserved.data, sig->reserved.len);
	cut_wire_put_string(out, sig->hash.data, sig->hash.len);
	cut_wire_put_string(out, digest, digest_len);
	return true;
}

int cut_sshsig_verify(const char *armored, size_t armored_len, const char *name_space,
		      const void *data, size_t len, struct cut_sshkey **ret, struct cut_err *err)
{
	cut_auto(cut_buf) struct cut_buf blob = {0}, message = {0};
	cut_auto(cut_sshkey) struct cut_sshkey *key = NULL;
	struct sshsig sig;

	if (dearmor(armored, armored_len, &blob) < 0 ||
	    !parse((struct cut_wire){(const uint8_t *)blob.data, blob.len}, &sig))
		return bad(err, "it is not what ssh-keygen -Y sign writes");
	if (!cut_wire_is(sig.name_space, name_space)) {
		cut_auto(cut_str) char *why =
			cut_printf("it was made for another purpose, not for %s", name_space);

		return bad(err, why);
	}
	key = cut_sshkey_read(sig.key);
	if (!key)
		return bad(err, "its key is of a type that cannot be used");
	if (!signed_bytes(&sig, data, len, &message))
		return bad(err, "its digest is neither SHA-256 nor SHA-512");
	if (!cut_sshkey_signed(key, sig.signature, message.data, message.len))
		return bad(err, "the text is not the one that was signed");
	*ret = cut_take(key);
	return 0;
}
