/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/evaluate.h"

#include <errno.h>
#include <string.h>

int cut_evaluate_live(struct cut_driver *driver, const json_t *request, json_t **ret,
		      struct cut_err *err)
{
	const char *text = cut_json_str(request, "expr", "");
	cut_auto(cut_expr) struct cut_expr *expr = NULL;
	struct cut_expr_env live = cut_driver_live(driver);
	struct cut_expr_env env = cut_run_env(cut_driver_run(driver), CUT_NONE, &live);
	struct cut_arena arena = {0};
	struct cut_val value;
	size_t column = 0;
	int r;

	r = cut_expr_parse(text, strlen(text), &expr, &column, err);
	if (r < 0) {
		cut_err_prefix(err, "column %zu", column);
		err->code = -EBADMSG;
		return -EBADMSG;
	}
	r = cut_expr_eval(expr, &env, &arena, &value, err);
	if (r == 0 && value.kind == CUT_VAL_LAZY)
		r = cut_err_set(err, -EDOM, "it has members",
				"name one, as in steps.ID.outputs.NAME", "%s is no value", text);
	if (r == 0)
		*ret = json_pack("{s:o}", "value", cut_val_to_json(&value));
	else
		err->code = r = -EDOM;
	cut_arena_done(&arena);
	return r;
}
