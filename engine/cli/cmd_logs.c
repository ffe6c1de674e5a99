/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover logs`: the journal for people, or each record's JSON. */
#include "engine/cli/commands.h"

#include "engine/cli/client.h"
#include "engine/cli/find.h"
#include "engine/cli/print.h"
#include "engine/cli/render.h"
#include "engine/runtime/journal.h"

#include <string.h>

struct logs {
	const struct cut_args *args;
	const char *step; /* only records of this one, or NULL */
	uint64_t last;
};

static int print_record(void *data, uint64_t seq, const json_t *record)
{
	struct logs *l = data;
	cut_auto(cut_buf) struct cut_buf line = {0};

	l->last = seq;
	if (l->step && strcmp(cut_json_str(record, "step", ""), l->step) != 0)
		return 0;
	if (l->args->json) {
		cut_auto(cut_json) json_t *with_seq = json_copy((json_t *)record);

		json_object_set_new(with_seq, "seq", json_integer((json_int_t)seq));
		json_dumpf(with_seq, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (cut_render_record(record, &line)) {
		cut_buf_add_char(&line, '\n');
		cut_print_text(cut_buf_str(&line), stdout);
	}
	return 0;
}

static int flush(void *data)
{
	fflush(stdout);
	return 0;
}

int cut_cmd_logs(const struct cut_args *args)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_found) struct cut_found found = {0};
	struct logs logs = {.args = args, .step = cut_args_value(args, "step")};
	struct cut_journal_scan scan = {0};
	int r = cut_find(args, 0, CUT_PICK_NEWEST, &found, &err);

	if (r == 0)
		r = cut_journal_read(found.entry.dir, print_record, &logs, &scan, &err);
	if (r == 0 && cut_args_has(args, "follow") && found.entry.live && found.socket)
		r = cut_client_stream(found.socket, logs.last, print_record, flush, &logs, &err);
	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	if (scan.fault == CUT_JOURNAL_CORRUPT)
		fprintf(stderr, "cutover: record %llu is bad (%s): `cutover audit verify`\n",
		        (unsigned long long)scan.bad_seq, scan.bad_why);
	return scan.fault == CUT_JOURNAL_CORRUPT ? CUT_EXIT_AUDIT : CUT_EXIT_OK;
}
