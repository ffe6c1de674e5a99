/* SPDX-License-Identifier: Apache-2.0 */
/* What `cutover audit verify` finds and says about a journal; changes nothing. Used by that command
 * and by `report`. */
#pragma once

#include "engine/runtime/journal.h"
#include "engine/runtime/sealkey.h"

#include <stdbool.h>

enum cut_audit_fault {
	CUT_AUDIT_WHOLE,
	CUT_AUDIT_TORN,	     /* the tail was never promised */
	CUT_AUDIT_CORRUPT,   /* promised records are bad */
	CUT_AUDIT_UNTRUSTED, /* sealed with a key that is none of those given */
	CUT_AUDIT_FORGED,    /* chain and checksums are right, a signature is not */
	CUT_AUDIT_UNSEALED, /* the end is missing: nobody is writing, and no final seal stands there
			     */
};

struct cut_audit {
	struct cut_journal_scan scan;
	enum cut_audit_fault fault;
	uint64_t bad_seq, bad_offset; /* first bad or missing record, with fault */
	unsigned bad_file;
	const char *bad_why; /* as the scan's; and "key" "run" "seal" "unsealed" */
	struct {
		uint64_t seq; /* of the newest seal that holds; 0: none */
		bool final;   /* and it is the journal's last record */
		char key[CUT_FINGERPRINT_LEN + 1];
		char at[40];
	} seal;
};

struct cut_audit_options {
	const char *dir, *run; /* the run's id: a journal of another run is none of this */
	const struct cut_sealkeys *trusted;
	bool live; /* an engine is writing: the final seal is yet to come */
};

/* Reads all of it, JSON included. 0: *ret says what was found, faults included; negative: it could
 * not be read. */
int cut_journal_audit(const struct cut_audit_options *options, struct cut_audit *ret,
		      struct cut_err *err);
/* {"ok", "fault": null|"torn"|"corrupt"|"untrusted"|"forged"|"unsealed", "records", "last_seq",
 * "synced", "epoch", "files", "head", "seal": null|{"seq", "final", "key", "at"}, "bad":
 * null|{"seq", "file", "offset", "why", "what"}}; a new reference. */
json_t *cut_audit_json(const struct cut_audit *audit);
/* For a report: {"state": "sealed"|"live"|a fault, "seq", "key", "at"} of the newest seal that
 * holds, null where there is none. */
json_t *cut_audit_verdict(const struct cut_audit *audit);
/* The same for people, ending in a newline. */
void cut_audit_text(const struct cut_audit *audit, struct cut_buf *out);
