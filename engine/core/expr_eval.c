/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the tree of an expression. Called through expr.h by the run and the loader. */
#include "engine/core/expr_ast.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int expr_fail(struct eval *ev, const char *fmt, ...)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	cut_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	return cut_err_set(ev->err, -EINVAL, NULL, NULL, "%s", cut_buf_str(&text));
}

int expr_no_overload(struct eval *ev, const char *what, const struct cut_val *a,
		     const struct cut_val *b)
{
	const char *left = cut_val_kind_name(a->kind);
	cut_auto(cut_str) char *why =
		b ? cut_printf("%s %s %s", left, what, cut_val_kind_name(b->kind))
		  : cut_printf("%s %s", what, left);

	return cut_err_set(ev->err, -EINVAL, why, NULL, "no such overload");
}

void expr_keep_first(struct eval *ev, struct cut_err *first)
{
	if (first->code) {
		cut_err_done(ev->err);
		return;
	}
	*first = *ev->err;
	*ev->err = (struct cut_err){0};
}

int expr_charge(struct eval *ev, size_t cost)
{
	if (cost > ev->steps_left) {
		ev->steps_left = 0;
		return expr_fail(ev, "evaluation limit");
	}
	ev->steps_left -= (uint32_t)cost;
	return 0;
}

int expr_nest(struct eval *ev, struct cut_val *v)
{
	expr_set_depth(v);
	return v->depth > CUT_JSON_MAX_DEPTH ? expr_fail(ev, "evaluation limit") : 0;
}

static int eval_name(struct eval *ev, const char *name, struct cut_val *ret)
{
	int r;

	for (const struct scope *s = ev->scope; s; s = s->outer) {
		if (strcmp(s->name, name) == 0) {
			*ret = s->value;
			return 0;
		}
	}
	r = ev->env ? ev->env->ident(ev->env, name, ev->arena, ret) : -ENOENT;
	if (r == -ENOENT)
		return expr_fail(ev, "undeclared reference to '%s'", name);
	if (r < 0)
		return cut_err_set(ev->err, r, NULL, NULL, "not known yet: %s", name);
	return 0;
}

static int eval_items(struct eval *ev, const struct expr_node *node, struct cut_val **ret)
{
	struct cut_val *items = cut_arena_array(ev->arena, struct cut_val, node->len);

	for (uint32_t i = 0; i < node->len; i++) {
		int r = expr_eval_node(ev, node->items[i], &items[i]);

		if (r < 0)
			return r;
	}
	*ret = items;
	return 0;
}

static int eval_list(struct eval *ev, const struct expr_node *node, struct cut_val *ret)
{
	struct cut_val list = {.kind = CUT_VAL_LIST, .list = {.len = node->len}};
	int r = eval_items(ev, node, &list.list.items);

	if (r == 0)
		r = expr_nest(ev, &list);
	if (r == 0)
		*ret = list;
	return r;
}

static int eval_map(struct eval *ev, const struct expr_node *node, struct cut_val *ret)
{
	struct cut_val map = {.kind = CUT_VAL_MAP}, *items, ignored;
	size_t len = node->len / 2;
	int r = eval_items(ev, node, &items);

	if (r < 0)
		return r;
	map.map.keys = cut_arena_array(ev->arena, struct cut_val, len);
	map.map.values = cut_arena_array(ev->arena, struct cut_val, len);
	for (; map.map.len < len; map.map.len++) {
		const struct cut_val *key = &items[2 * map.map.len];

		if (!expr_is_key(key))
			return expr_fail(ev, "unsupported key type: %s",
					 cut_val_kind_name(key->kind));
		r = expr_member(ev, &map, key, &ignored);
		if (r == 0)
			return expr_fail(ev, "repeated key");
		if (r != -ENOENT)
			return r;
		map.map.keys[map.map.len] = *key;
		map.map.values[map.map.len] = key[1];
	}
	r = expr_nest(ev, &map);
	if (r == 0)
		*ret = map;
	return r;
}

/* A false operand of && (a true one of ||) decides, whatever errors the others have. */
static int eval_logic(struct eval *ev, const struct expr_node *node, struct cut_val *ret)
{
	cut_auto(cut_err) struct cut_err first = {0};
	bool decides = node->kind == EXPR_OR;
	struct cut_val v;

	for (uint32_t i = 0; i < node->len; i++) {
		int r = expr_eval_node(ev, node->items[i], &v);

		if (r == 0 && v.kind != CUT_VAL_BOOL)
			r = expr_no_overload(ev, decides ? "||" : "&&", &v, NULL);
		if (r < 0) {
			expr_keep_first(ev, &first);
		} else if (v.b == decides) {
			*ret = v;
			return 0;
		}
	}
	if (first.code) {
		*ev->err = first;
		first = (struct cut_err){0};
		return ev->err->code;
	}
	*ret = (struct cut_val){.kind = CUT_VAL_BOOL, .b = !decides};
	return 0;
}

static int eval_if(struct eval *ev, const struct expr_node *node, struct cut_val *ret)
{
	struct cut_val condition;
	int r = expr_eval_node(ev, node->items[0], &condition);

	if (r < 0)
		return r;
	if (condition.kind != CUT_VAL_BOOL)
		return expr_no_overload(ev, "?:", &condition, NULL);
	return expr_eval_node(ev, node->items[condition.b ? 1 : 2], ret);
}

static int eval_not(struct eval *ev, const struct expr_node *node, struct cut_val *ret)
{
	struct cut_val v;
	int r = expr_eval_node(ev, node->items[0], &v);

	if (r < 0)
		return r;
	if (v.kind != CUT_VAL_BOOL)
		return expr_no_overload(ev, "!", &v, NULL);
	*ret = (struct cut_val){.kind = CUT_VAL_BOOL, .b = v.b ^ (node->len & 1)};
	return 0;
}

static int eval_neg(struct eval *ev, const struct expr_node *node, struct cut_val *ret)
{
	struct cut_val v;
	int r = expr_eval_node(ev, node->items[0], &v);

	for (uint32_t i = 0; r == 0 && i < node->len; i++)
		r = expr_negate(ev, &v, &v);
	if (r == 0)
		*ret = v;
	return r;
}

static int eval_chain(struct eval *ev, const struct expr_node *node, struct cut_val *ret)
{
	struct cut_val sum, v;
	int r = expr_eval_node(ev, node->terms[0].node, &sum);

	for (uint32_t i = 1; r == 0 && i < node->len; i++) {
		r = expr_eval_node(ev, node->terms[i].node, &v);
		if (r == 0)
			r = expr_apply(ev, node->terms[i].op, &sum, &v, &sum);
	}
	if (r == 0)
		*ret = sum;
	return r;
}

static int eval_select(struct eval *ev, const struct cut_val *base, const char *name,
		       struct cut_val *ret)
{
	struct cut_val key = expr_str(name, strlen(name));

	if (base->kind != CUT_VAL_MAP && base->kind != CUT_VAL_LAZY)
		return cut_err_set(ev->err, -EINVAL, cut_val_kind_name(base->kind), NULL,
				   "no such overload: .%s", name);
	return expr_index(ev, base, &key, ret);
}

static int eval_link(struct eval *ev, const struct expr_link *link, struct cut_val *base)
{
	struct cut_val args[2] = {*base};
	int r;

	switch (link->kind) {
	case LINK_SELECT: return eval_select(ev, &args[0], link->name, base);
	case LINK_MACRO: return expr_eval_macro(ev, &args[0], link, base);
	case LINK_INDEX:
	case LINK_CALL: break;
	}
	r = link->arg ? expr_eval_node(ev, link->arg, &args[1]) : 0;
	if (r < 0)
		return r;
	return link->kind == LINK_INDEX ? expr_index(ev, &args[0], &args[1], base)
					: link->func->call(ev, args, base);
}

static int eval_path(struct eval *ev, const struct expr_node *node, uint32_t links,
		     struct cut_val *ret)
{
	struct cut_val v;
	int r = expr_eval_node(ev, node->path.base, &v);

	for (uint32_t i = 0; r == 0 && i < links; i++) {
		r = expr_charge(ev, 1);
		if (r == 0)
			r = eval_link(ev, &node->path.links[i], &v);
	}
	if (r == 0)
		*ret = v;
	return r;
}

static int eval_has(struct eval *ev, const struct expr_node *node, struct cut_val *ret)
{
	const char *name = node->path.links[node->len - 1].name;
	struct cut_val base, key = expr_str(name, strlen(name)), ignored;
	int r = eval_path(ev, node, node->len - 1, &base);

	if (r < 0)
		return r;
	if (base.kind != CUT_VAL_MAP && base.kind != CUT_VAL_LAZY)
		return expr_no_overload(ev, "has()", &base, NULL);
	r = expr_member(ev, &base, &key, &ignored);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret = (struct cut_val){.kind = CUT_VAL_BOOL, .b = r == 0};
	return 0;
}

static int eval_call(struct eval *ev, const struct expr_node *node, struct cut_val *ret)
{
	struct cut_val *args;
	int r = eval_items(ev, node, &args);

	return r < 0 ? r : node->func->call(ev, args, ret);
}

int expr_eval_node(struct eval *ev, const struct expr_node *node, struct cut_val *ret)
{
	static int (*const by_kind[])(struct eval *, const struct expr_node *, struct cut_val *) = {
		[EXPR_LIST] = eval_list, [EXPR_MAP] = eval_map,	    [EXPR_AND] = eval_logic,
		[EXPR_OR] = eval_logic,	 [EXPR_IF] = eval_if,	    [EXPR_NOT] = eval_not,
		[EXPR_NEG] = eval_neg,	 [EXPR_CHAIN] = eval_chain, [EXPR_HAS] = eval_has,
		[EXPR_CALL] = eval_call,
	};
	int r = expr_charge(ev, 1);

	if (r < 0)
		return r;
	switch (node->kind) {
	case EXPR_LITERAL: *ret = node->value; return 0;
	case EXPR_NAME: return eval_name(ev, node->name, ret);
	case EXPR_PATH: return eval_path(ev, node, node->len, ret);
	default: return by_kind[node->kind](ev, node, ret);
	}
}

int cut_expr_eval(const struct cut_expr *expr, const struct cut_expr_env *env,
		  struct cut_arena *arena, struct cut_val *ret, struct cut_err *err)
{
	cut_auto(cut_err) struct cut_err own = {0};
	struct eval ev = {
		.env = env, .arena = arena, .err = &own, .steps_left = CUT_EXPR_MAX_STEPS};
	struct cut_val v;
	int r = expr_eval_node(&ev, expr->root, &v);

	if (r == 0) {
		*ret = v;
		return 0;
	}
	if (err) {
		cut_err_done(err);
		*err = own;
		own = (struct cut_err){0};
	}
	return r;
}
