/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover eval`: the value of an expression, over given variables, else those of the run that is
 * named or the one that is live, else none. */
#include "engine/cli/commands.h"

#include "engine/cli/find.h"
#include "engine/cli/print.h"
#include "engine/core/expr.h"

#include <errno.h>
#include <string.h>

struct names {
	json_t *vars; /* of --vars */
	bool missed;  /* one that is not among them */
};

static int vars_ident(const struct cut_expr_env *env, const char *name, struct cut_arena *arena,
		      struct cut_val *ret)
{
	struct names *names = env->data;
	const json_t *value = json_object_get(names->vars, name);

	if (!value) {
		names->missed = true;
		return -ENOENT;
	}
	*ret = cut_val_from_json(value, arena);
	return 0;
}

static int no_member(const struct cut_expr_env *env, const struct cut_val *object, const char *key,
		     struct cut_arena *arena, struct cut_val *ret)
{
	return -ENOENT;
}

static int eval_here(const struct cut_args *args, json_t *vars)
{
	const char *text = args->positional[0];
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_expr) struct cut_expr *expr = NULL;
	cut_auto(cut_json) json_t *json = NULL;
	struct names names = {.vars = vars};
	struct cut_expr_env env = {.ident = vars_ident, .member = no_member, .data = &names};
	struct cut_arena arena = {0};
	struct cut_val value;
	size_t column = 0;
	int r;

	if (cut_expr_parse(text, strlen(text), &expr, &column, &err) < 0) {
		cut_err_prefix(&err, "column %zu", column);
		return cut_cli_fail(args, &err, CUT_EXIT_USAGE);
	}
	r = cut_expr_eval(expr, &env, &arena, &value, &err);
	if (r == 0)
		json = cut_val_to_json(&value);
	cut_arena_done(&arena);
	if (r < 0 && names.missed)
		err.next = cut_strdup("give it in --vars FILE.json, or name a live run");
	if (r < 0)
		return cut_cli_fail(args, &err, CUT_EXIT_INTERNAL);
	cut_print_json(json, stdout);
	return CUT_EXIT_OK;
}

static int eval_live(const struct cut_args *args, struct cut_found *found)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_json) json_t *ask = json_pack("{s:s}", "expr", args->positional[0]);
	cut_auto(cut_json) json_t *answer = NULL;
	int r = cut_found_request(found, "/v1/eval", ask, &answer, &err);

	if (r < 0)
		return cut_cli_fail(args, &err,
				    r == -EBADMSG ? CUT_EXIT_USAGE
				    : r == -EDOM  ? CUT_EXIT_INTERNAL
						  : cut_cli_exit(&err));
	cut_print_json(json_object_get(answer, "value"), stdout);
	return CUT_EXIT_OK;
}

int cut_cmd_eval(const struct cut_args *args)
{
	const char *file = cut_args_value(args, "vars");
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_found) struct cut_found found = {0};
	cut_auto(cut_json) json_t *vars = NULL;
	bool named = args->positional_len > 1;

	if (named && file) {
		cut_err_set(&err, -EINVAL, "both were given", "leave one out",
			    "an expression is about --vars or about a run");
		return cut_cli_fail(args, &err, CUT_EXIT_USAGE);
	}
	if (!file && cut_find(args, 1, CUT_PICK_LIVE, &found, &err) == 0)
		return eval_live(args, &found);
	if (named)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	cut_err_done(&err);
	if (!file)
		vars = json_object();
	else if (cut_cli_load_json(file, &vars, &err) < 0)
		return cut_cli_fail(args, &err, CUT_EXIT_USAGE);
	if (!json_is_object(vars)) {
		cut_err_set(&err, -EINVAL, "it is not a JSON object", NULL, "cannot use %s", file);
		return cut_cli_fail(args, &err, CUT_EXIT_USAGE);
	}
	return eval_here(args, vars);
}
