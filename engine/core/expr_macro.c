/* SPDX-License-Identifier: Apache-2.0 */
/* The macros all, exists, exists_one, map and filter over lists and the keys of maps. Called by
 * expr_eval.c. */
#include "engine/core/expr_ast.h"

#include <errno.h>

static int eval_bool(struct eval *ev, const struct expr_node *node, bool *ret)
{
	struct cut_val v;
	int r = expr_eval_node(ev, node, &v);

	if (r < 0)
		return r;
	if (v.kind != CUT_VAL_BOOL)
		return expr_no_overload(ev, "predicate", &v, NULL);
	*ret = v.b;
	return 0;
}

/* all is &&, exists is ||, and like those they let a deciding item win over errors of others. */
static int eval_quantifier(struct eval *ev, const struct cut_val *items, size_t len,
			   const struct expr_link *link, struct cut_val *ret)
{
	struct scope scope = {.outer = ev->scope, .name = link->name};
	bool decides = link->macro == MACRO_EXISTS, v = !decides;
	cut_auto(cut_err) struct cut_err first = {0};

	ev->scope = &scope;
	for (size_t i = 0; i < len && v != decides; i++) {
		int r;

		scope.value = items[i];
		r = eval_bool(ev, link->arg, &v);
		if (r < 0) {
			expr_keep_first(ev, &first);
			v = !decides;
		}
	}
	ev->scope = scope.outer;
	if (first.code && v != decides) {
		*ev->err = first;
		first = (struct cut_err){0};
		return ev->err->code;
	}
	*ret = (struct cut_val){.kind = CUT_VAL_BOOL, .b = v};
	return 0;
}

/* map, filter and exists_one keep those items for which the predicate holds. */
static int eval_keepers(struct eval *ev, const struct cut_val *items, size_t len,
			const struct expr_link *link, struct cut_val *ret)
{
	struct scope scope = {.outer = ev->scope, .name = link->name};
	struct cut_val list = {.kind = CUT_VAL_LIST};
	int r = 0;

	list.list.items = cut_arena_array(ev->arena, struct cut_val, len);
	ev->scope = &scope;
	for (size_t i = 0; r == 0 && i < len; i++) {
		bool keep = true;

		scope.value = items[i];
		if (link->arg)
			r = eval_bool(ev, link->arg, &keep);
		if (r < 0 || !keep)
			continue;
		if (link->then)
			r = expr_eval_node(ev, link->then, &scope.value);
		list.list.items[list.list.len++] = scope.value;
	}
	ev->scope = scope.outer;
	if (r == 0)
		r = expr_nest(ev, &list);
	if (r == 0)
		*ret = list;
	return r;
}

int expr_eval_macro(struct eval *ev, const struct cut_val *range, const struct expr_link *link,
		    struct cut_val *ret)
{
	const struct cut_val *items;
	struct cut_val kept;
	size_t len;
	int r;

	if (range->kind != CUT_VAL_LIST && range->kind != CUT_VAL_MAP)
		return expr_no_overload(ev, "macro", range, NULL);
	items = range->kind == CUT_VAL_LIST ? range->list.items : range->map.keys;
	len = range->kind == CUT_VAL_LIST ? range->list.len : range->map.len;
	if (link->macro == MACRO_ALL || link->macro == MACRO_EXISTS)
		return eval_quantifier(ev, items, len, link, ret);
	r = eval_keepers(ev, items, len, link, &kept);
	if (r < 0)
		return r;
	*ret = kept;
	if (link->macro == MACRO_EXISTS_ONE)
		*ret = (struct cut_val){.kind = CUT_VAL_BOOL, .b = kept.list.len == 1};
	return 0;
}
