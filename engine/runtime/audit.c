/* SPDX-License-Identifier: Apache-2.0 */
/* The findings of a reading, in words. */
#include "engine/runtime/audit.h"

#include "engine/runtime/journal_file.h"

#include <string.h>

static int see_record(void *data, uint64_t seq, const json_t *record)
{
	return 0;
}

int cut_journal_audit(const char *dir, struct cut_journal_scan *ret, struct cut_err *err)
{
	return cut_journal_read(dir, see_record, NULL, ret, err);
}

/* The reader's words for what is wrong, as a sentence about the record. */
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
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++)
		if (strcmp(rows[i].why, why) == 0)
			return rows[i].what;
	return why;
}

static const char *fault_name(enum cut_journal_fault fault)
{
	return fault == CUT_JOURNAL_CORRUPT ? "corrupt" : "torn";
}

static json_t *bad_json(const struct cut_journal_scan *scan)
{
	char name[32];

	if (!scan->fault)
		return json_null();
	cut_journal_file_name(scan->bad_file, name, sizeof(name));
	return json_pack("{sI ss sI ss ss}", "seq", (json_int_t)scan->bad_seq, "file", name,
			 "offset", (json_int_t)scan->bad_offset, "why", scan->bad_why, "what",
			 explain(scan->bad_why));
}

json_t *cut_audit_json(const struct cut_journal_scan *scan)
{
	return json_pack("{sb so sI sI sI sI sI ss so}", "ok", !scan->fault, "fault",
			 scan->fault ? json_string(fault_name(scan->fault)) : json_null(),
			 "records", (json_int_t)scan->records, "last_seq",
			 (json_int_t)scan->last_seq, "synced", (json_int_t)scan->synced, "epoch",
			 (json_int_t)scan->epoch, "files", (json_int_t)scan->files, "head",
			 scan->head, "bad", bad_json(scan));
}

void cut_audit_text(const struct cut_journal_scan *scan, struct cut_buf *out)
{
	char name[32];

	if (!scan->fault) {
		cut_buf_printf(out, "journal is whole: %llu record%s in %u file%s, epoch %u\nhead %s\n",
			       (unsigned long long)scan->records, scan->records == 1 ? "" : "s",
			       scan->files, scan->files == 1 ? "" : "s", scan->epoch, scan->head);
		return;
	}
	cut_journal_file_name(scan->bad_file, name, sizeof(name));
	cut_buf_printf(out, "%s at record %llu, %s offset %llu:\n  %s\n",
		       scan->fault == CUT_JOURNAL_CORRUPT ? "CORRUPT" : "torn tail",
		       (unsigned long long)scan->bad_seq, name,
		       (unsigned long long)scan->bad_offset, explain(scan->bad_why));
	cut_buf_printf(out, "%llu record%s before it %s good, up to head\n  %s\n",
		       (unsigned long long)scan->records, scan->records == 1 ? "" : "s",
		       scan->records == 1 ? "is" : "are", scan->head);
	cut_buf_add_str(
		out, scan->fault == CUT_JOURNAL_CORRUPT
			     ? "Later records say that it was durable: it was changed or lost\n"
			       "afterwards. Keep the files; do not recover from them.\n"
			     : "No later record says that it was durable: the engine died, or is\n"
			       "just writing. A recovery cuts it off and goes on.\n");
}
