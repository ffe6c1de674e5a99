/* SPDX-License-Identifier: Apache-2.0 */
/* Transaction signatures (RFC 8945). The digest is taken over the wire message as it was before the
 * TSIG record, so nothing here depends on how a library would print the packet again. */
#include "dns/tsig.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>
#include <strings.h>

#define HEADER_LEN   12
#define TYPE_TSIG    250
#define CLASS_ANY    255
#define RECORD_FIXED 10 /* type, class, TTL, length of the data */

struct tsig_algorithm {
	const char *name;   /* as in a connection */
	const char *digest; /* OpenSSL's name */
	uint8_t wire[16];   /* as a domain name */
	size_t wire_len;
	size_t mac_len;
};

static const struct tsig_algorithm algorithms[] = {
	{"hmac-sha256", "SHA256", "\013hmac-sha256", 13, 32},
	{"hmac-sha384", "SHA384", "\013hmac-sha384", 13, 48},
	{"hmac-sha512", "SHA512", "\013hmac-sha512", 13, 64},
};

/* A TSIG record as it stands in a message; the pointers lead into it. */
struct record {
	size_t start; /* where it begins: the signed message ends here */
	const uint8_t *name, *algorithm;
	size_t name_len, algorithm_len;
	uint64_t time;
	uint16_t fudge, original_id, error;
	const uint8_t *mac, *other;
	size_t mac_len, other_len;
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint64_t get48(const uint8_t *p)
{
	return (uint64_t)get16(p) << 32 | (uint64_t)get16(p + 2) << 16 | get16(p + 4);
}

static uint8_t *put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t value)
{
	return put16(put16(p, (uint16_t)(value >> 16)), (uint16_t)value);
}

static uint8_t *put48(uint8_t *p, uint64_t value)
{
	return put32(put16(p, (uint16_t)(value >> 32)), (uint32_t)value);
}

static uint8_t *put(uint8_t *p, const uint8_t *bytes, size_t len)
{
	memcpy(p, bytes, len);
	return p + len;
}

/* A domain name in lower case: lengths of labels stay below 'A'. */
static uint8_t *put_lower(uint8_t *p, const uint8_t *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*p++ = name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i];
	return p;
}

/* RFC 4648 with padding. Negative: not base64. */
static int secret_decode(const char *text, uint8_t *out, size_t cap)
{
	uint8_t buf[TSIG_SECRET_MAX * 4 / 3 + 8];
	size_t len = strcspn(text, " \t\r\n");
	int n, pad = 0;

	if (text[len + strspn(text + len, " \t\r\n")] || !len || len % 4 || len / 4 * 3 > cap)
		return -EINVAL;
	n = EVP_DecodeBlock(buf, (const uint8_t *)text, (int)len);
	if (n < 0)
		return -EINVAL;
	while (pad < 2 && text[len - 1 - (size_t)pad] == '=')
		pad++;
	n -= pad;
	memcpy(out, buf, (size_t)n);
	OPENSSL_cleanse(buf, sizeof(buf));
	return n;
}

int tsig_key_init(struct tsig_key *key, const char *name, const char *algorithm, const char *secret,
		  struct kit_why *why)
{
	ldns_rdf *dname;
	size_t i;
	int n;

	memset(key, 0, sizeof(*key));
	for (i = 0; i < KIT_ARRAY_LEN(algorithms); i++)
		if (strcasecmp(algorithms[i].name, algorithm) == 0)
			key->algorithm = &algorithms[i];
	if (!key->algorithm)
		return kit_why(why, -EINVAL,
			       "TSIG algorithm %s is not known: use hmac-sha256, hmac-sha384 or "
			       "hmac-sha512",
			       algorithm);
	dname = ldns_dname_new_frm_str(name);
	if (!dname)
		return kit_why(why, -EINVAL, "TSIG key name %s is not a domain name", name);
	ldns_dname2canonical(dname);
	key->name_len = ldns_rdf_size(dname);
	memcpy(key->name, ldns_rdf_data(dname), key->name_len);
	ldns_rdf_deep_free(dname);
	n = secret_decode(secret, key->secret, sizeof(key->secret));
	if (n < 0)
		return kit_why(
			why, -EINVAL,
			"the secret of TSIG key %s is not base64 (or longer than %d octets): "
			"give what stands between the quotes of the server's key statement",
			name, TSIG_SECRET_MAX);
	if (n < 16)
		return kit_why(why, -EINVAL,
			       "the secret of TSIG key %s has only %d octets: make one of 32 with "
			       "`tsig-keygen`",
			       name, n);
	key->secret_len = (size_t)n;
	return 0;
}

void tsig_key_done(struct tsig_key *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}

/* The TSIG variables (RFC 8945 4.3.3). buf has room for all of them. */
static size_t put_variables(uint8_t *buf, const struct record *r)
{
	uint8_t *p = buf;

	p = put_lower(p, r->name, r->name_len);
	p = put16(p, CLASS_ANY);
	p = put32(p, 0); /* TTL */
	p = put_lower(p, r->algorithm, r->algorithm_len);
	p = put48(p, r->time);
	p = put16(p, r->fudge);
	p = put16(p, r->error);
	p = put16(p, (uint16_t)r->other_len);
	p = put(p, r->other, r->other_len);
	return (size_t)(p - buf);
}

#define OTHER_MAX 64

/* msg: up to the TSIG record; its id and ARCOUNT are replaced by the original ones. */
static int digest(const struct tsig_key *key, const struct tsig_mac *request, const uint8_t *msg,
		  size_t additional, const struct record *r, uint8_t *ret_mac)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)key->algorithm->digest, 0),
		OSSL_PARAM_END};
	uint8_t variables[2 * TSIG_NAME_MAX + 32 + OTHER_MAX], header[HEADER_LEN], prefix[2];
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	size_t len = 0;
	int ok;

	memcpy(header, msg, HEADER_LEN);
	put16(header, r->original_id);
	put16(header + 10, (uint16_t)additional);
	ok = ctx && EVP_MAC_init(ctx, key->secret, key->secret_len, params);
	if (ok && request) {
		put16(prefix, (uint16_t)request->len);
		ok = EVP_MAC_update(ctx, prefix, sizeof(prefix)) &&
		     EVP_MAC_update(ctx, request->bytes, request->len);
	}
	ok = ok && EVP_MAC_update(ctx, header, HEADER_LEN) &&
	     EVP_MAC_update(ctx, msg + HEADER_LEN, r->start - HEADER_LEN) &&
	     EVP_MAC_update(ctx, variables, put_variables(variables, r)) &&
	     EVP_MAC_final(ctx, ret_mac, &len, TSIG_MAC_MAX) && len == key->algorithm->mac_len;
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return ok ? 0 : -ENOTSUP;
}

int tsig_sign(const struct tsig_key *key, int64_t now, uint8_t *msg, size_t *len, size_t cap,
	      struct tsig_mac *ret_mac)
{
	const struct tsig_algorithm *algorithm = key->algorithm;
	size_t rdata = algorithm->wire_len + 16 + algorithm->mac_len;
	size_t additional = get16(msg + 10);
	struct record r = {
		.start = *len,
		.name = key->name,
		.name_len = key->name_len,
		.algorithm = algorithm->wire,
		.algorithm_len = algorithm->wire_len,
		.time = (uint64_t)now,
		.fudge = TSIG_FUDGE_S,
		.original_id = get16(msg),
		.other = msg,
	};
	uint8_t *p;
	int error;

	if (*len + key->name_len + RECORD_FIXED + rdata > cap)
		return -E2BIG;
	error = digest(key, NULL, msg, additional, &r, ret_mac->bytes);
	if (error)
		return error;
	ret_mac->len = algorithm->mac_len;

	p = put(msg + *len, key->name, key->name_len);
	p = put16(put16(p, TYPE_TSIG), CLASS_ANY);
	p = put32(p, 0);
	p = put16(p, (uint16_t)rdata);
	p = put(p, algorithm->wire, algorithm->wire_len);
	p = put16(put48(p, r.time), r.fudge);
	p = put(put16(p, (uint16_t)algorithm->mac_len), ret_mac->bytes, ret_mac->len);
	p = put16(put16(put16(p, r.original_id), 0), 0);
	*len = (size_t)(p - msg);
	put16(msg + 10, (uint16_t)(additional + 1));
	return 0;
}

/* The position behind the domain name at pos, or 0 where it runs over the end. */
static size_t skip_name(const uint8_t *msg, size_t len, size_t pos)
{
	while (pos < len) {
		if (msg[pos] == 0)
			return pos + 1;
		if ((msg[pos] & 0xc0) == 0xc0)
			return pos + 2 <= len ? pos + 2 : 0;
		if (msg[pos] & 0xc0)
			return 0;
		pos += 1u + msg[pos];
	}
	return 0;
}

/* The length of the uncompressed name at the start of data; 0: there is none. */
static size_t plain_name(const uint8_t *data, size_t len)
{
	size_t pos = 0;

	while (pos < len && data[pos] && !(data[pos] & 0xc0))
		pos += 1u + data[pos];
	return pos < len && data[pos] == 0 && pos < TSIG_NAME_MAX ? pos + 1 : 0;
}

/* The fields of the TSIG record whose name starts at r->start. */
static bool read_record(const uint8_t *msg, size_t len, size_t data, size_t data_len,
			struct record *r)
{
	const uint8_t *p = msg + data;
	size_t left;

	r->name = msg + r->start;
	r->name_len = plain_name(r->name, len - r->start);
	r->algorithm = p;
	r->algorithm_len = plain_name(p, data_len);
	if (!r->name_len || !r->algorithm_len)
		return false;
	p += r->algorithm_len;
	left = data_len - r->algorithm_len;
	if (left < 10)
		return false;
	r->time = get48(p);
	r->fudge = get16(p + 6);
	r->mac_len = get16(p + 8);
	r->mac = p + 10;
	left -= 10;
	if (left < r->mac_len || left - r->mac_len < 6)
		return false;
	p = r->mac + r->mac_len;
	left -= r->mac_len + 6;
	r->original_id = get16(p);
	r->error = get16(p + 2);
	r->other_len = get16(p + 4);
	r->other = p + 6;
	return left == r->other_len && r->other_len <= OTHER_MAX;
}

/* Walks to the TSIG record, which must be the very last one (RFC 8945 5.1). */
static enum tsig_verdict find(const uint8_t *msg, size_t len, struct record *ret)
{
	size_t pos = HEADER_LEN, questions, records, i;

	if (len < HEADER_LEN)
		return TSIG_MALFORMED;
	questions = get16(msg + 4);
	records = (size_t)get16(msg + 6) + get16(msg + 8) + get16(msg + 10);
	for (i = 0; i < questions; i++) {
		pos = skip_name(msg, len, pos);
		if (!pos || len - pos < 4)
			return TSIG_MALFORMED;
		pos += 4;
	}
	for (i = 0; i < records; i++) {
		size_t data_len, name = pos;

		pos = skip_name(msg, len, pos);
		if (!pos || len - pos < RECORD_FIXED)
			return TSIG_MALFORMED;
		data_len = get16(msg + pos + 8);
		if (len - pos - RECORD_FIXED < data_len)
			return TSIG_MALFORMED;
		if (get16(msg + pos) == TYPE_TSIG) {
			ret->start = name;
			if (i + 1 != records || get16(msg + 10) == 0 ||
			    get48(msg + pos + 2) != (uint64_t)CLASS_ANY << 32 || /* TTL 0 */
			    pos + RECORD_FIXED + data_len != len ||
			    !read_record(msg, len, pos + RECORD_FIXED, data_len, ret))
				return TSIG_MALFORMED;
			return TSIG_GOOD;
		}
		pos += RECORD_FIXED + data_len;
	}
	return pos == len ? TSIG_ABSENT : TSIG_MALFORMED;
}

static bool same_name(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a_len == b_len && strncasecmp((const char *)a, (const char *)b, a_len) == 0;
}

enum tsig_verdict tsig_verify(const struct tsig_key *key, int64_t now, const uint8_t *msg,
			      size_t len, const struct tsig_mac *request, struct tsig_reply *ret)
{
	uint8_t mac[TSIG_MAC_MAX];
	struct record r = {0};
	enum tsig_verdict found = find(msg, len, &r);
	int64_t off;

	*ret = (struct tsig_reply){0};
	if (found != TSIG_GOOD)
		return found;
	ret->error = r.error;
	ret->server_time =
		(int64_t)(r.error == TSIG_BADTIME && r.other_len == 6 ? get48(r.other) : r.time);
	if (!same_name(r.name, r.name_len, key->name, key->name_len) ||
	    !same_name(r.algorithm, r.algorithm_len, key->algorithm->wire,
		       key->algorithm->wire_len) ||
	    r.mac_len != key->algorithm->mac_len ||
	    digest(key, request, msg, (size_t)get16(msg + 10) - 1, &r, mac) != 0 ||
	    CRYPTO_memcmp(mac, r.mac, r.mac_len) != 0)
		return TSIG_FOREIGN;
	off = now - (int64_t)r.time;
	return r.error == TSIG_BADTIME || (off <= r.fudge && off >= -(int64_t)r.fudge) ? TSIG_GOOD
										       : TSIG_LATE;
}
