/* SPDX-License-Identifier: Apache-2.0 */
/* The key that seals the journals of a state directory, and the public keys that an audit trusts.
 * Used by the engine (sealing), `audit key` and `audit verify`.
 *
 *	<state>/seal.key	private, PEM, 0600, made when it is first wanted
 *	<state>/seal.pub	its public half as SSH has it; keys that were replaced stay listed
 */
#pragma once

#include "engine/base/err.h"
#include "engine/base/signkey.h"
#include "engine/base/sshkey.h"
#include "engine/base/vec.h"

/* -EPERM: the file is another user's, or others could have read or replaced it; -EBADMSG: it holds
 * no Ed25519 key. */
int cut_sealkey_open(const char *state, struct cut_signkey **ret, struct cut_err *err);

struct cut_sealkeys {
	CUT_VEC(struct cut_sshkey *); /* owned */
};
/* A public key a line; lines that are empty or begin with # are skipped. */
int cut_sealkeys_read(const char *path, struct cut_sealkeys *ret, struct cut_err *err);
/* Those of a state directory; none where it has sealed nothing yet. */
int cut_sealkeys_of_state(const char *state, struct cut_sealkeys *ret, struct cut_err *err);
const struct cut_sshkey *cut_sealkeys_find(const struct cut_sealkeys *keys,
					   const char *fingerprint);
void cut_sealkeys_done(struct cut_sealkeys *keys);

static inline void cut_sealkeys_cleanup(struct cut_sealkeys *keys)
{
	cut_sealkeys_done(keys);
}
