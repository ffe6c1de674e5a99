/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover logs`: the journal for people, or each record's JSON. */
#include "engine/cli/commands.h"

#include "engine/cli/follow.h"
#include "engine/cli/print.h"
#include "engine/cli/render.h"
#include "engine/runtime/journal.h"

#include <ctype.h>
#include <string.h>

struct logs {
	const struct cut_args *args;
	const struct cut_found *found;
	const char *step; /* only records of this one, or NULL */
	bool any;	  /* there was one */
	uint64_t last;
};

static bool is_asked_for(struct logs *l, const json_t *record)
{
	bool asked = !l->step || strcmp(cut_json_str(record, "step", ""), l->step) == 0;

	l->any = l->any || asked;
	return asked;
}

/* What a command printed, line by line, without what would move the reader's cursor. */
static void add_output(const json_t *record, struct cut_buf *out)
{
	const json_t *output = cut_json_at(record, "/data/stdout");
	const char *text = json_is_string(output) ? json_string_value(output) : "";

	while (*text) {
		size_t len = strcspn(text, "\n");

		cut_buf_add_str(out, "         | ");
		for (size_t i = 0; i < len; i++)
			cut_buf_add_char(out, iscntrl((unsigned char)text[i]) ? ' ' : text[i]);
		cut_buf_add_char(out, '\n');
		text += len + (text[len] != 0);
	}
}

static void print(struct logs *l, uint64_t seq, const json_t *record, const char *json, size_t len)
{
	cut_auto(cut_buf) struct cut_buf lines = {0};

	if (!is_asked_for(l, record))
		return;
	if (l->args->json) {
		cut_print_record(json, len, seq);
	} else if (cut_render_record(json, len, &lines)) {
		cut_buf_add_char(&lines, '\n');
		if (l->step)
			add_output(record, &lines);
		cut_print_text(cut_buf_str(&lines), stdout);
	}
}

/* From the journal. */
static int print_record(void *data, uint64_t seq, const json_t *record)
{
	cut_auto(cut_str) char *json = cut_json_text(record, 0);
	struct logs *l = data;

	l->last = seq;
	print(l, seq, record, json, strlen(json));
	return 0;
}

/* From the engine. */
static int print_event(void *data, uint64_t seq, const char *json, size_t len)
{
	cut_auto(cut_json) json_t *record = json_loadb(json, len, 0, NULL);
	struct logs *l = data;

	l->last = seq;
	print(l, seq, record, json, len);
	return 0;
}

static bool has_ended(void *data)
{
	const struct logs *l = data;
	struct cut_run_entry end = {0};

	return cut_found_has_ended(l->found, &end);
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
	struct logs logs = {.args = args, .found = &found, .step = cut_args_value(args, "step")};
	struct cut_journal_scan scan = {0};
	int r = cut_find(args, 0, CUT_PICK_NEWEST, &found, &err);

	if (r == 0)
		r = cut_found_check_own(&found, &err);
	if (r == 0)
		r = cut_journal_read(found.entry.dir, print_record, &logs, &scan, &err);
	if (r == 0 && !logs.any)
		fprintf(stderr, "cutover: nothing is recorded of a step %s\n", logs.step);
	if (r == 0 && cut_args_has(args, "follow"))
		r = cut_follow_records(&found,
				       &(struct cut_follower){
					       .seq = &logs.last,
					       .each = print_event,
					       .idle = flush,
					       .is_over = has_ended,
					       .data = &logs,
				       },
				       &err);
	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	if (scan.fault == CUT_JOURNAL_CORRUPT)
		fprintf(stderr, "cutover: record %llu is bad (%s): `cutover audit verify`\n",
			(unsigned long long)scan.bad_seq, scan.bad_why);
	return scan.fault == CUT_JOURNAL_CORRUPT ? CUT_EXIT_AUDIT : CUT_EXIT_OK;
}
