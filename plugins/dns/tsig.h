/* SPDX-License-Identifier: Apache-2.0 */
/* Transaction signatures (RFC 8945) over finished wire messages, on OpenSSL's EVP_MAC. Used by
 * update.c, which signs each UPDATE and believes no reply that is not signed for it. */
#pragma once

#include "kit/kit.h"

#define TSIG_MAC_MAX	64
#define TSIG_FUDGE_S	300
#define TSIG_NAME_MAX	255
#define TSIG_SECRET_MAX 256

struct tsig_algorithm;

struct tsig_key {
	const struct tsig_algorithm *algorithm;
	uint8_t name[TSIG_NAME_MAX]; /* wire form, lower case */
	size_t name_len;
	uint8_t secret[TSIG_SECRET_MAX];
	size_t secret_len;
};

struct tsig_mac {
	uint8_t bytes[TSIG_MAC_MAX];
	size_t len;
};

/* What a reply's signature says. */
enum tsig_verdict {
	TSIG_GOOD,
	TSIG_ABSENT,	/* no TSIG record */
	TSIG_MALFORMED, /* not a message, or the record is broken or not the last one */
	TSIG_FOREIGN,	/* another key or algorithm, or the MAC is wrong */
	TSIG_LATE,	/* rightly signed, but its time is outside the fudge */
};

struct tsig_reply {
	uint16_t error;	     /* of the TSIG record: 0, TSIG_BADSIG … ; also set without a MAC */
	int64_t server_time; /* seconds since 1970; from Other Data of BADTIME, else the signed time
			      */
};

enum {
	TSIG_BADSIG = 16,
	TSIG_BADKEY = 17,
	TSIG_BADTIME = 18,
	TSIG_BADTRUNC = 22,
};

/* secret is base64. The text of why never holds any of it. */
int tsig_key_init(struct tsig_key *key, const char *name, const char *algorithm, const char *secret,
		  struct kit_why *why);
void tsig_key_done(struct tsig_key *key);

/* Appends the TSIG record to msg, which has room for cap octets. now in seconds since 1970.
 * -E2BIG: no room. */
int tsig_sign(const struct tsig_key *key, int64_t now, uint8_t *msg, size_t *len, size_t cap,
	      struct tsig_mac *ret_mac);
/* request: the MAC of what the reply answers. *ret is filled as far as the record could be read. */
enum tsig_verdict tsig_verify(const struct tsig_key *key, int64_t now, const uint8_t *msg,
			      size_t len, const struct tsig_mac *request, struct tsig_reply *ret);
