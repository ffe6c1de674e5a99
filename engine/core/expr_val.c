/* SPDX-License-Identifier: Apache-2.0 */
/* Values of expressions from and to JSON and text. Called by the environments of expressions and by
 * whoever uses a result. */
#include "engine/core/expr_ast.h"

#include "engine/base/num.h"

#include <errno.h>
#include <math.h>
#include <string.h>

const char *cut_val_kind_name(enum cut_val_kind kind)
{
	static const char *const names[] = {
		[CUT_VAL_NULL] = "null",
		[CUT_VAL_BOOL] = "bool",
		[CUT_VAL_INT] = "int",
		[CUT_VAL_DOUBLE] = "double",
		[CUT_VAL_STRING] = "string",
		[CUT_VAL_LIST] = "list",
		[CUT_VAL_MAP] = "map",
		[CUT_VAL_DURATION] = "duration",
		[CUT_VAL_TIMESTAMP] = "timestamp",
		[CUT_VAL_LAZY] = "map",
	};

	return names[kind];
}

struct cut_val expr_str(const char *s, size_t len)
{
	return (struct cut_val){.kind = CUT_VAL_STRING, .str = {s, len}};
}

void expr_set_depth(struct cut_val *v)
{
	bool list = v->kind == CUT_VAL_LIST;
	const struct cut_val *members = list ? v->list.items : v->map.values;
	size_t len = list ? v->list.len : v->map.len;

	v->depth = 1;
	for (size_t i = 0; i < len; i++)
		if (members[i].depth >= v->depth)
			v->depth = members[i].depth + 1;
}

static struct cut_val list_from_json(const json_t *json, struct cut_arena *arena)
{
	size_t len = json_array_size(json);
	struct cut_val list = {.kind = CUT_VAL_LIST, .list = {.len = len}};

	list.list.items = cut_arena_array(arena, struct cut_val, len);
	for (size_t i = 0; i < len; i++)
		list.list.items[i] = cut_val_from_json(json_array_get(json, i), arena);
	expr_set_depth(&list);
	return list;
}

static struct cut_val map_from_json(const json_t *json, struct cut_arena *arena)
{
	size_t len = json_object_size(json), i = 0;
	struct cut_val map = {.kind = CUT_VAL_MAP, .map = {.len = len}};
	const char *key;
	json_t *value;

	map.map.keys = cut_arena_array(arena, struct cut_val, len);
	map.map.values = cut_arena_array(arena, struct cut_val, len);
	json_object_foreach ((json_t *)json, key, value) {
		size_t key_len = strlen(key);

		map.map.values[i] = cut_val_from_json(value, arena);
		map.map.keys[i++] = expr_str(cut_arena_strndup(arena, key, key_len), key_len);
	}
	expr_set_depth(&map);
	return map;
}

struct cut_val cut_val_from_json(const json_t *json, struct cut_arena *arena)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT: return map_from_json(json, arena);
	case JSON_ARRAY: return list_from_json(json, arena);
	case JSON_STRING:
		return expr_str(
			cut_arena_strndup(arena, json_string_value(json), json_string_length(json)),
			json_string_length(json));
	case JSON_INTEGER:
		return (struct cut_val){.kind = CUT_VAL_INT, .i = json_integer_value(json)};
	case JSON_REAL: return (struct cut_val){.kind = CUT_VAL_DOUBLE, .d = json_real_value(json)};
	case JSON_TRUE: return (struct cut_val){.kind = CUT_VAL_BOOL, .b = true};
	case JSON_FALSE: return (struct cut_val){.kind = CUT_VAL_BOOL, .b = false};
	case JSON_NULL: break;
	}
	return (struct cut_val){.kind = CUT_VAL_NULL};
}

static json_t *map_to_json(const struct cut_val *map)
{
	json_t *object = json_object();

	for (size_t i = 0; i < map->map.len; i++) {
		cut_auto(cut_buf) struct cut_buf key = {0};

		expr_to_text(&map->map.keys[i], &key);
		json_object_set_new(object, cut_buf_str(&key),
				    cut_val_to_json(&map->map.values[i]));
	}
	return object;
}

static json_t *list_to_json(const struct cut_val *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->list.len; i++)
		json_array_append_new(array, cut_val_to_json(&list->list.items[i]));
	return array;
}

json_t *cut_val_to_json(const struct cut_val *val)
{
	switch (val->kind) {
	case CUT_VAL_BOOL: return json_boolean(val->b);
	case CUT_VAL_INT: return json_integer(val->i);
	case CUT_VAL_DOUBLE: return isfinite(val->d) ? json_real(val->d) : json_null();
	case CUT_VAL_STRING: return json_stringn(val->str.s, val->str.len);
	case CUT_VAL_LIST: return list_to_json(val);
	case CUT_VAL_MAP: return map_to_json(val);
	case CUT_VAL_DURATION: return cut_json_seconds(val->i);
	case CUT_VAL_TIMESTAMP: return cut_json_rfc3339(val->i);
	case CUT_VAL_NULL:
	case CUT_VAL_LAZY: break;
	}
	return json_null();
}

/* "2026-11-22T01:00:00.5Z": no zeroes at the end, and no fraction where there is none. */
static void add_timestamp(cut_time at, struct cut_buf *out)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	size_t len;

	cut_rfc3339_format(at, &text);
	for (len = text.len - 1; text.data[len - 1] == '0' && at % 1000; len--)
		;
	if (at % 1000 == 0)
		len -= strlen(".000");
	cut_buf_add(out, text.data, len);
	cut_buf_add_char(out, 'Z');
}

int expr_to_text(const struct cut_val *val, struct cut_buf *out)
{
	switch (val->kind) {
	case CUT_VAL_BOOL: return cut_buf_add_str(out, val->b ? "true" : "false");
	case CUT_VAL_INT: cut_int_format(val->i, out); return out->error;
	case CUT_VAL_DOUBLE: cut_real_format(val->d, out); return out->error;
	case CUT_VAL_STRING: return cut_buf_add(out, val->str.s, val->str.len);
	case CUT_VAL_DURATION:
		cut_real_format((double)val->i / 1000, out);
		return cut_buf_add_char(out, 's');
	case CUT_VAL_TIMESTAMP: add_timestamp(val->i, out); return out->error;
	case CUT_VAL_NULL:
	case CUT_VAL_LIST:
	case CUT_VAL_MAP:
	case CUT_VAL_LAZY: break;
	}
	return -EINVAL;
}

int cut_val_text(const struct cut_val *val, struct cut_buf *out, struct cut_err *err)
{
	int r;

	if (val->kind == CUT_VAL_DURATION) {
		cut_duration_format(val->i, out);
		r = out->error;
	} else {
		r = expr_to_text(val, out);
	}
	if (r == -EINVAL)
		return cut_err_set(err, r, NULL,
				   val->kind == CUT_VAL_NULL ? "test it with != null first"
							     : "select one of its members",
				   "%s has no text form", cut_val_kind_name(val->kind));
	if (r < 0)
		return cut_err_set(err, r, NULL, NULL, "the text is too large");
	return 0;
}
