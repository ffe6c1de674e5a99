/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover rollback` and `abort`: both show what will happen and ask for the runbook's name. */
#include "engine/cli/commands.h"

#include "engine/cli/ask.h"
#include "engine/cli/find.h"
#include "engine/cli/look.h"
#include "engine/cli/print.h"
#include "engine/cli/render.h"

#include <errno.h>

/* What the run would undo now, rebuilt from its journal: also for a run whose engine is gone. */
static int preview(const struct cut_args *args, const struct cut_found *found, json_t **ret,
		   char **ret_name)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_look) struct cut_look look = {0};
	int r = cut_found_check_own(found, &err);

	if (r == 0)
		r = cut_look_open(args, found->entry.dir, &look, &err);

	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	*ret = cut_run_rollback_preview(look.run, cut_args_value(args, "to"), &err);
	if (!*ret)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	json_object_set_new(*ret, "ended",
			    found->entry.outcome ? json_string(found->entry.outcome) : json_null());
	*ret_name = cut_strdup(look.ctx.rb->name);
	return 0;
}

static int send_order(const struct cut_args *args, struct cut_found *found, const json_t *order)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_json) json_t *answer = NULL;

	if (cut_found_request(found, "/v1/orders", order, &answer, &err) < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	if (args->json)
		cut_cli_print_json(answer);
	else
		printf("%s ordered: `cutover watch %s`\n", cut_json_str(order, "order", ""),
		       found->entry.id);
	return CUT_EXIT_OK;
}

static int show(const struct cut_args *args, const json_t *plan)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	if (args->json) {
		cut_cli_print_json(plan);
		return CUT_EXIT_OK;
	}
	cut_render_rollback(plan, &text);
	cut_print_text(cut_buf_str(&text), stdout);
	return CUT_EXIT_OK;
}

int cut_cmd_rollback(const struct cut_args *args)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_found) struct cut_found found = {0};
	cut_auto(cut_json) json_t *plan = NULL, *order = json_object();
	cut_auto(cut_buf) struct cut_buf text = {0};
	cut_auto(cut_str) char *name = NULL;
	bool only_show = cut_args_has(args, "show");
	int r = cut_find(args, 0, only_show ? CUT_PICK_NEWEST : CUT_PICK_LIVE, &found, &err);

	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	if (!only_show && !cut_args_has(args, "yes") && !cut_ask_possible())
		return cut_ask_fail(args);
	if (only_show || !cut_args_has(args, "yes")) {
		r = preview(args, &found, &plan, &name);
		if (r)
			return r;
		if (only_show)
			return show(args, plan);
		cut_render_rollback(plan, &text);
		if (!cut_ask_word(cut_buf_str(&text), name)) {
			fprintf(stderr, "cutover: not ordered; the run goes on as before\n");
			return CUT_EXIT_REFUSED;
		}
	}
	json_object_set_new(order, "order", json_string("rollback"));
	if (cut_args_has(args, "to"))
		json_object_set_new(order, "target", json_string(cut_args_value(args, "to")));
	json_object_set_new(order, "accept_loss", json_boolean(cut_args_has(args, "accept-loss")));
	return send_order(args, &found, order);
}

int cut_cmd_abort(const struct cut_args *args)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_found) struct cut_found found = {0};
	cut_auto(cut_json) json_t *status = NULL, *order = json_object();
	cut_auto(cut_buf) struct cut_buf text = {0};
	bool keep = cut_args_has(args, "keep-temporary");
	int r = cut_find(args, 0, CUT_PICK_LIVE, &found, &err);

	if (r == 0 && !cut_args_has(args, "yes") && !cut_ask_possible())
		return cut_ask_fail(args);
	if (r == 0 && !cut_args_has(args, "yes"))
		r = cut_look_status(args, &found, &status, &err);
	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	if (!cut_args_has(args, "yes")) {
		const json_t *open = json_object_get(status, "temporary_open");

		cut_buf_add_str(
			&text,
			"Abort stops the run and undoes nothing; `finally` steps still run.\n");
		for (size_t i = 0; i < json_array_size(open); i++)
			cut_buf_printf(&text, "  %s temporary %s\n", keep ? "keeps" : "closes",
				       json_string_value(json_array_get(open, i)));
		if (!cut_ask_word(cut_buf_str(&text), cut_json_str(status, "runbook", ""))) {
			fprintf(stderr, "cutover: not ordered; the run goes on as before\n");
			return CUT_EXIT_REFUSED;
		}
	}
	json_object_set_new(order, "order", json_string("abort"));
	json_object_set_new(order, "keep_temporary", json_boolean(keep));
	return send_order(args, &found, order);
}
