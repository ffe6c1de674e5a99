/* SPDX-License-Identifier: Apache-2.0 */
/* The findings of a reading, in words. */
#include "engine/runtime/audit.h"

#include "engine/runtime/journal_file.h"
#include "engine/runtime/seal.h"

#include <stdio.h>
#include <string.h>

struct auditing {
	const struct cut_audit_options *o;
	struct cut_audit *out;
};

/* The reader has found chain and checksums right up to here: now whether that was signed. */
static int see_record(void *data, uint64_t seq, const json_t *record)
{
	struct auditing *a = data;
	struct cut_audit *out = a->out;

	out->seal.final = false;
	if (out->fault || strcmp(cut_json_str(record, "type", ""), "sealed") != 0)
		return 0;
	out->bad_why = cut_seal_check(record, seq, a->o->run, out->scan.head, a->o->trusted);
	snprintf(out->seal.key, sizeof(out->seal.key), "%s", cut_json_str(record, "key", "?"));
	if (out->bad_why) {
		out->fault =
			strcmp(out->bad_why, "key") == 0 ? CUT_AUDIT_UNTRUSTED : CUT_AUDIT_FORGED;
		out->bad_seq = seq;
		out->bad_file = out->scan.bad_file;
		out->bad_offset = out->scan.bad_offset;
		return 0;
	}
	out->seal.seq = seq;
	out->seal.final = cut_json_bool(record, "final", false);
	snprintf(out->seal.at, sizeof(out->seal.at), "%s", cut_json_str(record, "at", ""));
	return 0;
}

/* A forged record comes before all that the reader then stumbles over. */
static void conclude(const struct cut_audit_options *o, struct cut_audit *out)
{
	const struct cut_journal_scan *scan = &out->scan;

	if (out->fault)
		return;
	if (scan->fault) {
		out->fault =
			scan->fault == CUT_JOURNAL_CORRUPT ? CUT_AUDIT_CORRUPT : CUT_AUDIT_TORN;
		out->bad_seq = scan->bad_seq;
		out->bad_file = scan->bad_file;
		out->bad_offset = scan->bad_offset;
		out->bad_why = scan->bad_why;
	} else if (!o->live && !out->seal.final) {
		out->fault = CUT_AUDIT_UNSEALED;
		out->bad_seq = scan->last_seq + 1;
		out->bad_file = scan->files;
		out->bad_offset = scan->good_bytes;
		out->bad_why = "unsealed";
	}
}

int cut_journal_audit(const struct cut_audit_options *options, struct cut_audit *ret,
		      struct cut_err *err)
{
	struct cut_audit out = {0};
	struct auditing a = {options, &out};
	int r = cut_journal_read(options->dir, see_record, &a, &out.scan, err);

	if (r < 0)
		return r;
	conclude(options, &out);
	*ret = out;
	return 0;
}

static const struct {
	const char *name, *heading, *next;
} faults[] = {
	[CUT_AUDIT_WHOLE] = {NULL, NULL, NULL},
	[CUT_AUDIT_TORN] = {"torn", "torn tail at",
			    "No later record says that it was durable: the engine died, or is\n"
			    "just writing. A recovery cuts it off and goes on.\n"},
	[CUT_AUDIT_CORRUPT] = {"corrupt", "CORRUPT at",
			       "Later records say that it was durable: it was changed or lost\n"
			       "afterwards. Keep the files; do not recover from them.\n"},
	[CUT_AUDIT_UNTRUSTED] =
		{"untrusted", "UNTRUSTED at",
		 "Compare the key with what `cutover audit key` prints where the run was,\n"
		 "then name it with --key FILE.\n"},
	[CUT_AUDIT_FORGED] =
		{"forged", "FORGED, found at",
		 "Records after the last good seal were changed and the chain made anew, by\n"
		 "somebody without the key. Keep the files.\n"},
	[CUT_AUDIT_UNSEALED] =
		{"unsealed", "UNSEALED, ends before",
		 "The run has not ended (cutover recover goes on), or its end was cut off:\n"
		 "nothing in it can tell the two apart.\n"},
};

/* The word for what is wrong, as a sentence about the record. */
static const char *explain(const char *why)
{
	static const struct {
		const char *why, *what;
	} rows[] = {
		{"format", "it is not a whole record"},
		{"checksum", "its checksum does not fit its content"},
		{"sequence", "another number is due here: records are missing, repeated or moved"},
		{"chain", "it does not follow from the record before it"},
		{"json", "its content is not the JSON of a record"},
		{"epoch", "it was written by an engine that had been replaced"},
		{"synced", "what it says was durable cannot be"},
		{"key", "it is sealed with a key that nobody here vouches for"},
		{"run", "it is the seal of another run"},
		{"seal", "the signature is not of the records that stand before it"},
		{"unsealed", "no engine is writing, and the final seal is not there"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++)
		if (strcmp(rows[i].why, why) == 0)
			return rows[i].what;
	return why;
}

static json_t *bad_json(const struct cut_audit *audit)
{
	char name[32];

	if (!audit->fault)
		return json_null();
	cut_journal_file_name(audit->bad_file, name, sizeof(name));
	return json_pack("{sI ss sI ss ss}", "seq", (json_int_t)audit->bad_seq, "file", name,
			 "offset", (json_int_t)audit->bad_offset, "why", audit->bad_why, "what",
			 explain(audit->bad_why));
}

static json_t *seal_json(const struct cut_audit *audit)
{
	if (!audit->seal.seq)
		return json_null();
	return json_pack("{sI sb ss ss}", "seq", (json_int_t)audit->seal.seq, "final",
			 (int)audit->seal.final, "key", audit->seal.key, "at", audit->seal.at);
}

json_t *cut_audit_json(const struct cut_audit *audit)
{
	const struct cut_journal_scan *scan = &audit->scan;

	return json_pack("{sb ss? sI sI sI sI sI ss so so}", "ok", !audit->fault, "fault",
			 faults[audit->fault].name, "records", (json_int_t)scan->records,
			 "last_seq", (json_int_t)scan->last_seq, "synced", (json_int_t)scan->synced,
			 "epoch", (json_int_t)scan->epoch, "files", (json_int_t)scan->files, "head",
			 scan->head, "seal", seal_json(audit), "bad", bad_json(audit));
}

json_t *cut_audit_verdict(const struct cut_audit *audit)
{
	const char *state = audit->fault	? faults[audit->fault].name
			    : audit->seal.final ? "sealed"
						: "live";
	bool any = audit->seal.seq > 0;

	return json_pack("{ss so ss? ss?}", "state", state, "seq",
			 any ? json_integer((json_int_t)audit->seal.seq) : json_null(), "key",
			 any ? audit->seal.key : NULL, "at", any ? audit->seal.at : NULL);
}

static void seal_text(const struct cut_audit *audit, struct cut_buf *out)
{
	if (!audit->seal.seq)
		cut_buf_add_str(out, "not sealed yet: it is being written\n");
	else
		cut_buf_printf(out, "%s at record %llu by\n  %s\n",
			       audit->seal.final ? "sealed" : "being written, last checkpoint",
			       (unsigned long long)audit->seal.seq, audit->seal.key);
}

void cut_audit_text(const struct cut_audit *audit, struct cut_buf *out)
{
	const struct cut_journal_scan *scan = &audit->scan;
	char name[32];

	if (!audit->fault) {
		cut_buf_printf(out, "journal is whole: %llu record%s in %u file%s, epoch %u\n",
			       (unsigned long long)scan->records, scan->records == 1 ? "" : "s",
			       scan->files, scan->files == 1 ? "" : "s", scan->epoch);
		seal_text(audit, out);
		cut_buf_printf(out, "head %s\n", scan->head);
		return;
	}
	cut_journal_file_name(audit->bad_file, name, sizeof(name));
	cut_buf_printf(out, "%s record %llu, %s offset %llu:\n  %s\n", faults[audit->fault].heading,
		       (unsigned long long)audit->bad_seq, name,
		       (unsigned long long)audit->bad_offset, explain(audit->bad_why));
	if (audit->fault == CUT_AUDIT_FORGED || audit->fault == CUT_AUDIT_UNTRUSTED)
		cut_buf_printf(
			out,
			"good up to the seal at record %llu; the bad one names the key\n  %s\n",
			(unsigned long long)audit->seal.seq, audit->seal.key);
	else
		cut_buf_printf(out, "%llu record%s before it %s good, up to head\n  %s\n",
			       (unsigned long long)scan->records, scan->records == 1 ? "" : "s",
			       scan->records == 1 ? "is" : "are", scan->head);
	cut_buf_add_str(out, faults[audit->fault].next);
}
