/* SPDX-License-Identifier: Apache-2.0 */
/* Strict reading and typed getters of JSON. */
#include "engine/base/json.h"

#include <errno.h>
#include <string.h>

void cut_json_use_alloc(void)
{
	json_set_alloc_funcs(cut_malloc, free);
}

/* jansson's own limit is 2048 levels of recursion. */
static bool is_too_deep(const char *text, size_t len)
{
	bool quoted = false;
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		if (quoted) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				quoted = false;
		} else if (text[i] == '"') {
			quoted = true;
		} else if (text[i] == '{' || text[i] == '[') {
			if (++depth > CUT_JSON_MAX_DEPTH)
				return true;
		} else if (text[i] == '}' || text[i] == ']') {
			depth--;
		}
	}
	return false;
}

int cut_json_parse(const char *text, size_t len, const char *what, json_t **ret,
		   struct cut_err *err)
{
	json_error_t fault;
	json_t *json;

	if (is_too_deep(text, len))
		return cut_err_set(err, -EINVAL, "nested deeper than 64 levels", NULL,
				   "cannot read %s as JSON", what);
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
	if (!json) {
		cut_auto(cut_str) char *why =
			cut_printf("line %d, column %d: %s", fault.line, fault.column, fault.text);

		return cut_err_set(err, -EINVAL, why, NULL, "cannot read %s as JSON", what);
	}
	*ret = json;
	return 0;
}

const char *cut_json_str(const json_t *obj, const char *key, const char *fallback)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_string(v) ? json_string_value(v) : fallback;
}

int64_t cut_json_int(const json_t *obj, const char *key, int64_t fallback)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_integer(v) ? json_integer_value(v) : fallback;
}

double cut_json_real(const json_t *obj, const char *key, double fallback)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_number(v) ? json_number_value(v) : fallback;
}

bool cut_json_bool(const json_t *obj, const char *key, bool fallback)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_boolean(v) ? json_is_true(v) : fallback;
}

/* "0" or a number without leading zeros; SIZE_MAX: not an index. */
static size_t array_index(const char *token)
{
	size_t v = 0;

	if (!token[0] || (token[0] == '0' && token[1]) || strlen(token) > 9)
		return SIZE_MAX;
	for (; *token; token++) {
		if (*token < '0' || *token > '9')
			return SIZE_MAX;
		v = v * 10 + (size_t)(*token - '0');
	}
	return v;
}

/* ~0 is ~ and ~1 is /; false where a ~ is followed by anything else. */
static bool unescape_token(const char *from, size_t len, struct cut_buf *token)
{
	cut_buf_reset(token);
	for (size_t i = 0; i < len; i++) {
		if (from[i] != '~') {
			cut_buf_add_char(token, from[i]);
			continue;
		}
		if (++i == len || (from[i] != '0' && from[i] != '1'))
			return false;
		cut_buf_add_char(token, from[i] == '0' ? '~' : '/');
	}
	return true;
}

const json_t *cut_json_at(const json_t *j, const char *pointer)
{
	cut_auto(cut_buf) struct cut_buf token = {0};

	while (j && *pointer) {
		size_t len;

		if (*pointer++ != '/')
			return NULL;
		len = strcspn(pointer, "/");
		if (!unescape_token(pointer, len, &token))
			return NULL;
		if (json_is_array(j))
			j = json_array_get(j, array_index(cut_buf_str(&token)));
		else
			j = json_object_get(j, cut_buf_str(&token));
		pointer += len;
	}
	return j;
}

json_t *cut_json_seconds(cut_time ms)
{
	if (ms == CUT_NEVER)
		return json_null();
	return ms % 1000 ? json_real((double)ms / 1000) : json_integer(ms / 1000);
}

cut_time cut_json_ms(const json_t *seconds, cut_time fallback)
{
	double ms;

	if (!json_is_number(seconds))
		return fallback;
	ms = json_number_value(seconds) * 1000;
	if (ms < -9e18 || ms > 9e18)
		return fallback;
	return (cut_time)(ms < 0 ? ms - 0.5 : ms + 0.5);
}

json_t *cut_json_rfc3339(cut_time wall)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	if (wall == CUT_NEVER)
		return json_null();
	cut_rfc3339_format(wall, &text);
	return json_string(cut_buf_str(&text));
}

void cut_json_wipe(json_t *obj)
{
	const char *key;
	json_t *value;

	json_object_foreach (obj, key, value)
		if (json_is_string(value))
			explicit_bzero((char *)json_string_value(value), json_string_length(value));
	json_decref(obj);
}

json_t *cut_err_json(const struct cut_err *err)
{
	return json_pack("{s:s?, s:s?, s:s?}", "what", err->what, "why", err->why, "next",
			 err->next);
}
