/* SPDX-License-Identifier: Apache-2.0 */
/* A private Ed25519 key: made, written and read as PEM (PKCS #8), signing. Used for the key that
 * seals journals; its public half is an SSH key (base/sshkey). */
#pragma once

#include "engine/base/buf.h"

#define CUT_SIGNATURE_BYTES 64

struct cut_signkey;

struct cut_signkey *cut_signkey_new(void);
/* NULL: it is none. */
struct cut_signkey *cut_signkey_read(const char *pem, size_t len);
void cut_signkey_free(struct cut_signkey *key); /* NULL-safe */
CUT_CLEANUP(cut_signkey, struct cut_signkey *, cut_signkey_free)

void cut_signkey_pem(const struct cut_signkey *key, struct cut_buf *out);    /* secret */
void cut_signkey_public(const struct cut_signkey *key, struct cut_buf *out); /* "ssh-ed25519 …" */
void cut_signkey_sign(const struct cut_signkey *key, const void *data, size_t len,
		      uint8_t ret[CUT_SIGNATURE_BYTES]);
