/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover report`: what happened in a run, with the evidence, as text, Markdown or JSON. */
#include "engine/cli/commands.h"

#include "engine/cli/look.h"
#include "engine/cli/print.h"
#include "engine/cli/render.h"
#include "engine/core/report.h"
#include "engine/runtime/audit.h"
#include "engine/runtime/clock.h"

#include <errno.h>
#include <string.h>

static int collect(void *data, uint64_t seq, const json_t *record)
{
	json_t *copy;

	if (!cut_report_wants(record) && seq > 1)
		return 0;
	copy = json_copy((json_t *)record);
	json_object_set_new(copy, "seq", json_integer((json_int_t)seq));
	json_array_append_new(data, copy);
	return 0;
}

/* Whether the journal that all this was read from is the one that was sealed. */
static int add_seal(const struct cut_found *found, json_t *report, struct cut_err *err)
{
	cut_auto(cut_sealkeys) struct cut_sealkeys keys = {0};
	struct cut_audit_options options = {
		.dir = found->entry.dir,
		.run = found->entry.id,
		.trusted = &keys,
		.live = found->entry.live,
	};
	struct cut_audit audit = {0};
	int r = cut_sealkeys_of_state(found->places.state_dir, &keys, err);

	if (r == 0)
		r = cut_journal_audit(&options, &audit, err);
	if (r == 0)
		json_object_set_new(report, "seal", cut_audit_verdict(&audit));
	return r;
}

int cut_cmd_report(const struct cut_args *args)
{
	const char *format = cut_args_value(args, "format");
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_found) struct cut_found found = {0};
	cut_auto(cut_look) struct cut_look look = {0};
	cut_auto(cut_json) json_t *records = json_array(), *report = NULL;
	cut_auto(cut_buf) struct cut_buf text = {0};
	struct cut_journal_scan scan = {0};
	cut_time t;
	int r;

	if (!format)
		format = args->json ? "json" : "text";
	if (strcmp(format, "text") != 0 && strcmp(format, "md") != 0 &&
	    strcmp(format, "json") != 0) {
		bool later = strcmp(format, "html") == 0;

		cut_err_set(&err, later ? -ENOTSUP : -EINVAL,
			    later ? "not supported yet" : "it may be text, md or json", NULL,
			    "--format %s", format);
		return cut_cli_fail(args, &err, later ? CUT_EXIT_REFUSED : CUT_EXIT_USAGE);
	}
	r = cut_find(args, 0, CUT_PICK_NEWEST, &found, &err);
	if (r == 0)
		r = cut_found_check_own(&found, &err);
	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	r = cut_look_open(args, found.entry.dir, &look, &err);
	if (r == 0)
		r = cut_journal_read(found.entry.dir, collect, records, &scan, &err);
	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	t = look.replay.t;
	if (found.entry.live && !found.entry.outcome)
		t += cut_clock_wall() - look.replay.wall;
	report = cut_report_json(look.ctx.rb, look.run, records, t);
	r = add_seal(&found, report, &err);
	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	if (strcmp(format, "json") == 0) {
		cut_cli_print_json(report);
		return CUT_EXIT_OK;
	}
	cut_render_report(report, strcmp(format, "md") == 0, &text);
	cut_print_text(cut_buf_str(&text), stdout);
	return CUT_EXIT_OK;
}
