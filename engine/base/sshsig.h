/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures that `ssh-keygen -Y sign` makes (PROTOCOL.sshsig of OpenSSH). Used for signed votes.
 * The text comes from anybody who reaches the control socket. */
#pragma once

#include "engine/base/sshkey.h"

#define CUT_SSHSIG_MAX_BYTES 8192 /* of a key of 8192 bits it is 4 KiB */

/* armored: the text of a .sig file. 0: data was signed for this purpose (name space) by the key
 * that *ret is, whoever's that may be. -EBADMSG: it was not; err says why. */
int cut_sshsig_verify(const char *armored, size_t armored_len, const char *name_space,
		      const void *data, size_t len, struct cut_sshkey **ret, struct cut_err *err);
