/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover status`, `watch` and `list`: where runs are. */
#include "engine/cli/commands.h"

#include "engine/cli/follow.h"
#include "engine/cli/look.h"
#include "engine/cli/print.h"
#include "engine/cli/render.h"

int cut_cmd_status(const struct cut_args *args)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_found) struct cut_found found = {0};
	cut_auto(cut_json) json_t *status = NULL;
	int r = cut_find(args, 0, CUT_PICK_NEWEST, &found, &err);

	if (r == 0)
		r = cut_look_status(args, &found, &status, &err);
	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	if (args->json) {
		cut_cli_print_json(status);
	} else {
		cut_auto(cut_buf) struct cut_buf text = {0};
		size_t lines, columns;

		cut_screen_size(stdout, &lines, &columns);
		cut_render_status(status, cut_cli_color(stdout), columns, SIZE_MAX, &text);
		cut_print_text(cut_buf_str(&text), stdout);
	}
	return cut_args_has(args, "exit-code")
		       ? (int)cut_json_int(status, "exit_code", CUT_EXIT_INTERNAL)
		       : CUT_EXIT_OK;
}

int cut_cmd_watch(const struct cut_args *args)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_found) struct cut_found found = {0};
	int r = cut_find(args, 0, CUT_PICK_TO_WATCH, &found, &err);

	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	return cut_follow(args, &found, -1);
}

/* One row of `list --output json`. */
static json_t *entry_json(const struct cut_run_entry *e)
{
	cut_auto(cut_json) json_t *started =
		e->started == CUT_NEVER ? NULL : cut_json_rfc3339(e->started);
	cut_auto(cut_json) json_t *ended = e->outcome ? cut_json_rfc3339(e->ended) : NULL;

	return json_pack("{s:s, s:s, s:s?, s:O?, s:O?, s:o, s:b}", "run", e->id, "runbook", e->name,
			 "state", e->state, "started", started, "ended", ended, "exit_code",
			 e->outcome ? json_integer(cut_run_outcome_exit(e)) : json_null(), "live",
			 e->live);
}

static const char *state_of(const struct cut_run_entry *e)
{
	if (e->state)
		return e->state;
	return !e->empty ? "armed" : e->live ? "arming" : "never armed";
}

static void print_entry(const struct cut_run_entry *e)
{
	cut_auto(cut_str) char *line = cut_printf("%-44s %-19s%s\n", e->id, state_of(e),
						  e->live		     ? " live"
						  : !e->outcome && !e->empty ? " DEAD: recover"
									     : "");

	cut_print_text(line, stdout);
}

int cut_cmd_list(const struct cut_args *args)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_json) json_t *all = json_array();
	struct cut_places places = {0};
	struct cut_run_list list = {0};
	int r = cut_places_of_runs(args, &places, &err);

	if (r == 0)
		r = cut_run_list(places.state_dir, &list, &err);
	cut_vec_foreach (&list, e) {
		if (args->json)
			json_array_append_new(all, entry_json(e));
		else
			print_entry(e);
	}
	if (args->json && r == 0)
		cut_cli_print_json(all);
	else if (r == 0 && list.len == 0)
		fprintf(stderr, "no run yet in %s\n", places.state_dir);
	cut_run_list_done(&list);
	cut_places_done(&places);
	return r < 0 ? cut_cli_fail(args, &err, cut_cli_exit(&err)) : CUT_EXIT_OK;
}
