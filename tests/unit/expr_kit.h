/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of expressions share: a small world of names, and values as text that tells types
 * apart. */
#pragma once

#include "engine/core/expr.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* One JSON document is the world; objects below "steps" are lazy, the rest is values. Nothing below
 * "later" is known yet. */
static const char kit_world[] =
	"{\"x\": 5, \"y\": 2.5, \"s\": \"hello\", \"t\": true, \"n\": null, \"l\": [1, 2, 3],"
	" \"e\": [], \"m\": {\"a\": 1, \"b\": {\"c\": \"deep\"}, \"if\": 2},"
	" \"steps\": {\"ttl\": {\"state\": \"succeeded\", \"outputs\": {\"old\": 300, \"none\": "
	"null}},"
	"            \"ladder/25/shift\": {\"state\": \"skipped\", \"outputs\": {}}}}";

static int kit_give(const json_t *json, bool lazy, struct cut_arena *arena, struct cut_val *ret)
{
	if (!json)
		return -ENOENT;
	if (!lazy || !json_is_object(json))
		*ret = cut_val_from_json(json, arena);
	else
		*ret = (struct cut_val){.kind = CUT_VAL_LAZY, .lazy = {.object = json}};
	return 0;
}

static int kit_ident(const struct cut_expr_env *env, const char *name, struct cut_arena *arena,
		     struct cut_val *ret)
{
	if (strcmp(name, "later") == 0)
		return -EAGAIN;
	return kit_give(json_object_get(env->data, name), strcmp(name, "steps") == 0, arena, ret);
}

static int kit_member(const struct cut_expr_env *env, const struct cut_val *object, const char *key,
		      struct cut_arena *arena, struct cut_val *ret)
{
	if (strcmp(key, "later") == 0)
		return -EAGAIN;
	return kit_give(json_object_get(object->lazy.object, key), true, arena, ret);
}

static inline void kit_show(const struct cut_val *v, struct cut_buf *out)
{
	struct cut_jw w = {.out = out};

	switch (v->kind) {
	case CUT_VAL_NULL: cut_buf_add_str(out, "null"); break;
	case CUT_VAL_BOOL: cut_buf_add_str(out, v->b ? "true" : "false"); break;
	case CUT_VAL_INT: cut_jw_int(&w, NULL, v->i); break;
	case CUT_VAL_DOUBLE: cut_buf_printf(out, "%gf", v->d); break;
	case CUT_VAL_STRING:
		cut_jw_str(&w, NULL, v->str.s);
		assert_int_equal(strlen(v->str.s), v->str.len);
		break;
	case CUT_VAL_LIST:
	case CUT_VAL_MAP:
		cut_buf_add_char(out, v->kind == CUT_VAL_LIST ? '[' : '{');
		for (size_t i = 0; v->kind == CUT_VAL_LIST && i < v->list.len; i++) {
			cut_buf_add_str(out, i ? ", " : "");
			kit_show(&v->list.items[i], out);
		}
		for (size_t i = 0; v->kind == CUT_VAL_MAP && i < v->map.len; i++) {
			cut_buf_add_str(out, i ? ", " : "");
			kit_show(&v->map.keys[i], out);
			cut_buf_add_str(out, ": ");
			kit_show(&v->map.values[i], out);
		}
		cut_buf_add_char(out, v->kind == CUT_VAL_LIST ? ']' : '}');
		break;
	case CUT_VAL_DURATION: cut_buf_printf(out, "duration %lldms", (long long)v->i); break;
	case CUT_VAL_TIMESTAMP:
		cut_buf_add_str(out, "time ");
		cut_rfc3339_format(v->i, out);
		break;
	case CUT_VAL_LAZY: cut_buf_add_str(out, "lazy"); break;
	}
}

/* The value, or "! " and the error. */
static inline void kit_eval(const char *text, struct cut_buf *out)
{
	cut_auto(cut_json) json_t *world = json_loads(kit_world, 0, NULL);
	const struct cut_expr_env env = {.ident = kit_ident, .member = kit_member, .data = world};
	cut_auto(cut_expr) struct cut_expr *expr = NULL;
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_arena arena = {0};
	struct cut_val v;
	int r;

	assert_non_null(world);
	r = cut_expr_parse(text, strlen(text), &expr, NULL, &err);
	if (r == 0)
		r = cut_expr_eval(expr, &env, &arena, &v, &err);
	assert_int_equal(r, err.code);
	if (r < 0)
		cut_buf_printf(out, "! %s", err.what);
	else
		kit_show(&v, out);
	cut_arena_done(&arena);
}

struct kit_row {
	const char *text, *want;
};

static inline void kit_expect_rows(const struct kit_row *rows, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		cut_auto(cut_buf) struct cut_buf got = {0};

		kit_eval(rows[i].text, &got);
		if (strcmp(cut_buf_str(&got), rows[i].want) != 0)
			fail_msg("%s\n gives %s\n  want %s", rows[i].text, cut_buf_str(&got),
				 rows[i].want);
	}
}
/* Rows of an expression and its value, or "! " and CEL's error. */
#define EXPECT(...)                                                                                \
	do {                                                                                       \
		static const struct kit_row rows_[] = {__VA_ARGS__};                               \
		kit_expect_rows(rows_, CUT_ARRAY_LEN(rows_));                                      \
	} while (0)
