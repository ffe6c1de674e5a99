/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys as OpenSSH writes them ("ssh-ed25519 AAAA… comment"), and what they have signed. Used
 * for the keys of roles and for the key that seals journals.
 *
 * Types: ssh-ed25519, ecdsa-sha2-nistp256/384/521, ssh-rsa of 2048 bits and more (signatures
 * rsa-sha2-256 and rsa-sha2-512 only), and the two of security keys: sk-ssh-ed25519@openssh.com,
 * sk-ecdsa-sha2-nistp256@openssh.com (the touch is required). */
#pragma once

#include "engine/base/err.h"
#include "engine/base/sshwire.h"

#define CUT_FINGERPRINT_LEN 50 /* "SHA256:" and 43 characters, as ssh-keygen -l shows it */

struct cut_sshkey;

/* A line of a .pub file; white space around it is skipped. -EINVAL: it is none, or of a type that
 * is not known here. */
int cut_sshkey_parse(const char *line, size_t len, struct cut_sshkey **ret, struct cut_err *err);
/* What stands in such a line as base64. NULL: as above. */
struct cut_sshkey *cut_sshkey_read(struct cut_wire blob);
void cut_sshkey_free(struct cut_sshkey *key); /* NULL-safe */
CUT_CLEANUP(cut_sshkey, struct cut_sshkey *, cut_sshkey_free)

const char *cut_sshkey_fingerprint(const struct cut_sshkey *key);
/* Did key sign data? signature: as SSH has it, its algorithm's name first. */
bool cut_sshkey_signed(const struct cut_sshkey *key, struct cut_wire signature, const void *data,
		       size_t len);
/* The same for the 64 bytes of Ed25519 (RFC 8032) alone; false for keys of another type. */
bool cut_sshkey_signed_raw(const struct cut_sshkey *key, struct cut_wire signature,
			   const void *data, size_t len);
