/* SPDX-License-Identifier: Apache-2.0 */
/* Operators on values, with CEL's overloads and errors. Called by expr_eval.c. */
#include "engine/core/expr_ast.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static const char *const op_texts[] = {
	[OP_ADD] = "+", [OP_SUB] = "-", [OP_MUL] = "*", [OP_DIV] = "/",
	[OP_MOD] = "%", [OP_LT] = "<",	[OP_LE] = "<=", [OP_GT] = ">",
	[OP_GE] = ">=", [OP_EQ] = "==", [OP_NE] = "!=", [OP_IN] = "in",
};

static int compare_int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* Exact, also where an int has more digits than a double. */
static int compare_int_double(int64_t a, double b)
{
	if (isnan(b))
		return 2;
	if (b >= 0x1p63)
		return -1;
	if (b < -0x1p63)
		return 1;
	if (a != (int64_t)b)
		return compare_int(a, (int64_t)b);
	return (trunc(b) > b) - (trunc(b) < b);
}

static int compare_number(const struct cut_val *a, const struct cut_val *b)
{
	int r;

	if (a->kind == CUT_VAL_INT && b->kind == CUT_VAL_INT)
		return compare_int(a->i, b->i);
	if (a->kind == CUT_VAL_INT)
		return compare_int_double(a->i, b->d);
	if (b->kind == CUT_VAL_INT) {
		r = compare_int_double(b->i, a->d);
		return r == 2 ? 2 : -r;
	}
	if (isnan(a->d) || isnan(b->d))
		return 2;
	return (a->d > b->d) - (a->d < b->d);
}

static bool is_number(const struct cut_val *v)
{
	return v->kind == CUT_VAL_INT || v->kind == CUT_VAL_DOUBLE;
}

/* By bytes, which for UTF-8 is by code points. */
static int compare_string(const struct cut_val *a, const struct cut_val *b)
{
	size_t len = a->str.len < b->str.len ? a->str.len : b->str.len;
	int r = len ? memcmp(a->str.s, b->str.s, len) : 0;

	return r ? (r > 0) - (r < 0) : (a->str.len > b->str.len) - (a->str.len < b->str.len);
}

/* -1, 0, 1; 2 not ordered; false: these do not compare. */
static bool compare(const struct cut_val *a, const struct cut_val *b, int *ret)
{
	if (is_number(a) && is_number(b))
		*ret = compare_number(a, b);
	else if (a->kind != b->kind)
		return false;
	else if (a->kind == CUT_VAL_STRING)
		*ret = compare_string(a, b);
	else if (a->kind == CUT_VAL_BOOL)
		*ret = a->b - b->b;
	else if (a->kind == CUT_VAL_DURATION || a->kind == CUT_VAL_TIMESTAMP)
		*ret = compare_int(a->i, b->i);
	else
		return false;
	return true;
}

/* 1 equal, 0 not, negative: an error; as all three. */
static int equal(struct eval *ev, const struct cut_val *a, const struct cut_val *b);

static int equal_lists(struct eval *ev, const struct cut_val *a, const struct cut_val *b)
{
	int r = a->list.len == b->list.len;

	for (size_t i = 0; r == 1 && i < a->list.len; i++)
		r = equal(ev, &a->list.items[i], &b->list.items[i]);
	return r;
}

static int equal_maps(struct eval *ev, const struct cut_val *a, const struct cut_val *b)
{
	struct cut_val other;
	int r = a->map.len == b->map.len;

	for (size_t i = 0; r == 1 && i < a->map.len; i++) {
		r = expr_member(ev, b, &a->map.keys[i], &other);
		if (r == 0)
			r = equal(ev, &a->map.values[i], &other);
		else if (r == -ENOENT)
			r = 0;
	}
	return r;
}

static int equal(struct eval *ev, const struct cut_val *a, const struct cut_val *b)
{
	int r;

	r = expr_charge(ev, 1);
	if (r < 0)
		return r;
	if ((a->kind == CUT_VAL_LAZY && (b->kind == CUT_VAL_LAZY || b->kind == CUT_VAL_MAP)) ||
	    (b->kind == CUT_VAL_LAZY && a->kind == CUT_VAL_MAP))
		return expr_no_overload(ev, "==", a, b);
	if (is_number(a) && is_number(b))
		return compare_number(a, b) == 0;
	if (a->kind != b->kind)
		return 0;
	if (a->kind == CUT_VAL_LIST)
		return equal_lists(ev, a, b);
	if (a->kind == CUT_VAL_MAP)
		return equal_maps(ev, a, b);
	return a->kind == CUT_VAL_NULL || (compare(a, b, &r) && r == 0);
}

int expr_member(struct eval *ev, const struct cut_val *map, const struct cut_val *key,
		struct cut_val *ret)
{
	int r;

	if (map->kind == CUT_VAL_LAZY) {
		if (key->kind != CUT_VAL_STRING)
			return -ENOENT;
		r = ev->env->member(ev->env, map,
				    cut_arena_strndup(ev->arena, key->str.s, key->str.len),
				    ev->arena, ret);
		if (r < 0 && r != -ENOENT) {
			cut_err_set(ev->err, r, NULL, NULL, "not known yet: %.*s",
				    (int)key->str.len, key->str.s);
		}
		return r;
	}
	for (size_t i = 0; i < map->map.len; i++) {
		r = equal(ev, &map->map.keys[i], key);
		if (r < 0)
			return r;
		if (r) {
			*ret = map->map.values[i];
			return 0;
		}
	}
	return -ENOENT;
}

static int no_such_key(struct eval *ev, const struct cut_val *key)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	expr_to_text(key, &text);
	return expr_fail(ev, "no such key: %s", cut_buf_str(&text));
}

bool expr_is_key(const struct cut_val *v)
{
	return v->kind == CUT_VAL_STRING || v->kind == CUT_VAL_INT || v->kind == CUT_VAL_BOOL;
}

int expr_index(struct eval *ev, const struct cut_val *a, const struct cut_val *index,
	       struct cut_val *ret)
{
	int r;

	if ((a->kind == CUT_VAL_MAP || a->kind == CUT_VAL_LAZY) && expr_is_key(index)) {
		r = expr_member(ev, a, index, ret);
		return r == -ENOENT ? no_such_key(ev, index) : r;
	}
	if (a->kind != CUT_VAL_LIST || index->kind != CUT_VAL_INT)
		return expr_no_overload(ev, "[]", a, index);
	if (index->i < 0 || (uint64_t)index->i >= a->list.len)
		return expr_fail(ev, "index out of bounds: %lld", (long long)index->i);
	*ret = a->list.items[index->i];
	return 0;
}

static int find_in(struct eval *ev, const struct cut_val *a, const struct cut_val *b)
{
	struct cut_val ignored;
	int r = 0;

	if (b->kind == CUT_VAL_LIST) {
		for (size_t i = 0; r == 0 && i < b->list.len; i++)
			r = equal(ev, a, &b->list.items[i]);
		return r;
	}
	if (b->kind != CUT_VAL_MAP && b->kind != CUT_VAL_LAZY)
		return expr_no_overload(ev, "in", a, b);
	r = expr_member(ev, b, a, &ignored);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

static int apply_int(struct eval *ev, enum expr_op op, int64_t a, int64_t b, struct cut_val *ret)
{
	int64_t v = 0;
	bool over;

	if ((op == OP_DIV || op == OP_MOD) && b == 0)
		return expr_fail(ev, op == OP_DIV ? "divide by zero" : "modulus by zero");
	switch (op) {
	case OP_ADD: over = __builtin_add_overflow(a, b, &v); break;
	case OP_SUB: over = __builtin_sub_overflow(a, b, &v); break;
	case OP_MUL: over = __builtin_mul_overflow(a, b, &v); break;
	default:
		over = a == INT64_MIN && b == -1;
		if (!over)
			v = op == OP_DIV ? a / b : a % b;
		break;
	}
	if (over)
		return expr_fail(ev, "integer overflow");
	*ret = (struct cut_val){.kind = CUT_VAL_INT, .i = v};
	return 0;
}

static double apply_double(enum expr_op op, double a, double b)
{
	return op == OP_ADD ? a + b : op == OP_SUB ? a - b : op == OP_MUL ? a * b : a / b;
}

static int apply_time(struct eval *ev, enum expr_op op, const struct cut_val *a,
		      const struct cut_val *b, struct cut_val *ret)
{
	bool a_is_time = a->kind == CUT_VAL_TIMESTAMP, b_is_time = b->kind == CUT_VAL_TIMESTAMP;
	struct cut_val v = {.kind = CUT_VAL_DURATION};
	bool over;

	if (op == OP_ADD ? a_is_time && b_is_time : b_is_time && !a_is_time)
		return expr_no_overload(ev, op_texts[op], a, b);
	if (op == OP_ADD ? a_is_time || b_is_time : a_is_time && !b_is_time)
		v.kind = CUT_VAL_TIMESTAMP;
	over = op == OP_ADD ? __builtin_add_overflow(a->i, b->i, &v.i)
			    : __builtin_sub_overflow(a->i, b->i, &v.i);
	if (v.kind == CUT_VAL_TIMESTAMP &&
	    (over || v.i < CUT_EXPR_FIRST_TIMESTAMP || v.i > CUT_EXPR_LAST_TIMESTAMP))
		return expr_fail(ev, "timestamp overflow");
	if (v.kind == CUT_VAL_DURATION &&
	    (over || v.i < -CUT_EXPR_LAST_DURATION || v.i > CUT_EXPR_LAST_DURATION))
		return expr_fail(ev, "duration overflow");
	*ret = v;
	return 0;
}

static int concat(struct eval *ev, const struct cut_val *a, const struct cut_val *b,
		  struct cut_val *ret)
{
	bool list = a->kind == CUT_VAL_LIST;
	size_t a_len = list ? a->list.len : a->str.len, b_len = list ? b->list.len : b->str.len;
	int r = expr_charge(ev, list ? a_len + b_len : (a_len + b_len) / 16);

	if (r < 0)
		return r;
	if (list) {
		struct cut_val *items = cut_arena_array(ev->arena, struct cut_val, a_len + b_len);

		for (size_t i = 0; i < a_len + b_len; i++)
			items[i] = i < a_len ? a->list.items[i] : b->list.items[i - a_len];
		*ret = (struct cut_val){.kind = CUT_VAL_LIST, .list = {items, a_len + b_len}};
		expr_set_depth(ret);
	} else {
		char *s = cut_arena_alloc(ev->arena, a_len + b_len + 1);

		memcpy(s, a->str.s, a_len);
		memcpy(s + a_len, b->str.s, b_len);
		*ret = expr_str(s, a_len + b_len);
	}
	return 0;
}

static int apply_arithmetic(struct eval *ev, enum expr_op op, const struct cut_val *a,
			    const struct cut_val *b, struct cut_val *ret)
{
	bool additive = op == OP_ADD || op == OP_SUB;

	if (a->kind == CUT_VAL_INT && b->kind == CUT_VAL_INT)
		return apply_int(ev, op, a->i, b->i, ret);
	if (a->kind == CUT_VAL_DOUBLE && b->kind == CUT_VAL_DOUBLE && op != OP_MOD) {
		*ret = (struct cut_val){.kind = CUT_VAL_DOUBLE, .d = apply_double(op, a->d, b->d)};
		return 0;
	}
	if (additive && (a->kind == CUT_VAL_DURATION || a->kind == CUT_VAL_TIMESTAMP) &&
	    (b->kind == CUT_VAL_DURATION || b->kind == CUT_VAL_TIMESTAMP))
		return apply_time(ev, op, a, b, ret);
	if (op == OP_ADD && a->kind == b->kind &&
	    (a->kind == CUT_VAL_STRING || a->kind == CUT_VAL_LIST))
		return concat(ev, a, b, ret);
	return expr_no_overload(ev, op_texts[op], a, b);
}

static int apply_relation(struct eval *ev, enum expr_op op, const struct cut_val *a,
			  const struct cut_val *b)
{
	int order, r;

	switch (op) {
	case OP_EQ: return equal(ev, a, b);
	case OP_NE: r = equal(ev, a, b); return r < 0 ? r : !r;
	case OP_IN: return find_in(ev, a, b);
	default: break;
	}
	if (!compare(a, b, &order))
		return expr_no_overload(ev, op_texts[op], a, b);
	if (order == 2)
		return 0;
	return op == OP_LT   ? order < 0
	       : op == OP_LE ? order <= 0
	       : op == OP_GT ? order > 0
			     : order >= 0;
}

int expr_apply(struct eval *ev, enum expr_op op, const struct cut_val *a, const struct cut_val *b,
	       struct cut_val *ret)
{
	int r;

	if (op <= OP_MOD)
		return apply_arithmetic(ev, op, a, b, ret);
	r = apply_relation(ev, op, a, b);
	if (r < 0)
		return r;
	*ret = (struct cut_val){.kind = CUT_VAL_BOOL, .b = r};
	return 0;
}

int expr_negate(struct eval *ev, const struct cut_val *a, struct cut_val *ret)
{
	if (a->kind == CUT_VAL_INT)
		return apply_int(ev, OP_SUB, 0, a->i, ret);
	if (a->kind != CUT_VAL_DOUBLE)
		return expr_no_overload(ev, "-", a, NULL);
	*ret = (struct cut_val){.kind = CUT_VAL_DOUBLE, .d = -a->d};
	return 0;
}
