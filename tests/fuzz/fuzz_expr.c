/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is written as an expression: parsed, its references listed, evaluated over a small
 * world, its value put into text and JSON. Evaluated twice it gives the same. */
#include "engine/core/expr.h"
#include "tests/fuzz/need.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char world_json[] =
	"{\"x\": 5, \"y\": 2.5, \"s\": \"hello\", \"t\": true, \"n\": null, \"l\": [1, 2, 3],"
	" \"e\": [], \"m\": {\"a\": 1, \"b\": {\"c\": \"deep\"}},"
	" \"steps\": {\"ttl\": {\"state\": \"succeeded\", \"outputs\": {\"old\": 300}}}}";
static json_t *world;

static int give(const json_t *json, bool lazy, struct cut_arena *arena, struct cut_val *ret)
{
	if (!json)
		return -ENOENT;
	if (!lazy || !json_is_object(json))
		*ret = cut_val_from_json(json, arena);
	else
		*ret = (struct cut_val){.kind = CUT_VAL_LAZY, .lazy = {.object = json}};
	return 0;
}

static int ident(const struct cut_expr_env *env, const char *name, struct cut_arena *arena,
		 struct cut_val *ret)
{
	if (!strcmp(name, "later"))
		return -EAGAIN;
	return give(json_object_get(world, name), !strcmp(name, "steps"), arena, ret);
}

static int member(const struct cut_expr_env *env, const struct cut_val *object, const char *key,
		  struct cut_arena *arena, struct cut_val *ret)
{
	return give(json_object_get(object->lazy.object, key), true, arena, ret);
}

static const struct cut_expr_env env = {.ident = ident, .member = member};

static void on_ref(void *data, const char *const *path, size_t len, bool in_has)
{
	need(len > 0 && path[0][0]);
}

/* The value as text: JSON where it has one, else the error. */
static void show(const struct cut_expr *expr, struct cut_buf *out)
{
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_arena arena = {0};
	struct cut_val v;
	json_t *json;
	int r = cut_expr_eval(expr, &env, &arena, &v, &err);

	if (r < 0) {
		need(err.what);
		cut_buf_add_str(out, err.what);
	} else {
		json = cut_val_to_json(&v);
		cut_val_text(&v, out, NULL);
		need(cut_val_kind_name(v.kind));
		if (json)
			cut_json_canonical(json, out);
		json_decref(json);
	}
	cut_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cut_auto(cut_expr) struct cut_expr *expr = NULL;
	cut_auto(cut_buf) struct cut_buf one = {0}, two = {0};
	cut_auto(cut_err) struct cut_err err = {0};
	size_t column = 0;

	if (!world)
		world = json_loads(world_json, 0, NULL);
	if (cut_expr_parse((const char *)data, size, &expr, &column, &err) < 0) {
		need(err.what && column >= 1 && column <= size + 1);
		return 0;
	}
	cut_expr_refs(expr, on_ref, NULL);
	show(expr, &one);
	show(expr, &two);
	need(!strcmp(cut_buf_str(&one), cut_buf_str(&two)));
	return 0;
}
