/* SPDX-License-Identifier: Apache-2.0 */
/* The `sealed` record: an Ed25519 signature over all of a journal before it. Written by the sealer,
 * checked by the audit; docs/journal.md tells the bytes that are signed. */
#pragma once

#include "engine/base/json.h"
#include "engine/runtime/sealkey.h"

struct cut_seal {
	const char *run;
	uint64_t records; /* sequence number of the last record that it covers */
	const char *head; /* digest of that record's line, 64 digits */
	bool final;	  /* nothing comes after it */
};

/* Appends the record's body as cut_journal_append takes it. fingerprint: of key's public half. */
void cut_seal_encode(const struct cut_seal *seal, const struct cut_signkey *key,
		     const char *fingerprint, cut_time wall, cut_time t, struct cut_buf *out);
/* Is record, with sequence number seq, the seal of what stands before it (run and head are what the
 * reader found)? NULL: yes; else one word for what is wrong: "key" nobody vouches for it, "run" it
 * is another run's, "seal" the signature is not of these records. */
const char *cut_seal_check(const json_t *record, uint64_t seq, const char *run, const char *head,
			   const struct cut_sealkeys *trusted);
