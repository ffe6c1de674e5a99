/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `expect`, one after the other; all must hold. */
#include "metrics/expect.h"

#include <stdlib.h>
#include <string.h>

static bool status_holds(const json_t *codes, long status)
{
	const json_t *code;
	size_t i;

	if (!codes)
		return status == 200;
	if (json_is_integer(codes))
		return json_integer_value(codes) == status;
	json_array_foreach (codes, i, code)
		if (json_integer_value(code) == status)
			return true;
	return false;
}

static bool body_holds(const json_t *part, const struct cut_http_reply *reply)
{
	const char *text = json_string_value(part);

	return !text || memmem(reply->body, reply->body_len, text, strlen(text));
}

/* ~1 is a slash, ~0 a tilde (RFC 6901). In place. */
static void unescape(char *token)
{
	char *to = token;

	for (; *token; token++) {
		*to = *token;
		if (*token == '~' && (token[1] == '0' || token[1] == '1'))
			*to = *++token == '0' ? '~' : '/';
		to++;
	}
	*to = '\0';
}

static const json_t *child(const json_t *value, char *token)
{
	unescape(token);
	if (!json_is_array(value))
		return json_object_get(value, token);
	if (!*token || token[strspn(token, "0123456789")])
		return NULL;
	return json_array_get(value, strtoul(token, NULL, 10));
}

/* The value that a pointer, "/status/0/ok", leads to; NULL: none. */
static const json_t *at(const json_t *value, const char *pointer)
{
	char *copy = kit_strdup(pointer), *rest = copy;

	if (*rest && *rest != '/')
		value = NULL;
	while (value && rest && *rest) {
		char *token = rest + 1;

		rest = strchr(token, '/');
		if (rest)
			*rest = '\0';
		value = child(value, token);
		if (rest)
			*rest = '/';
	}
	free(copy);
	return value;
}

/* Numbers by value: 1 and 1.0 are the same. */
static bool is_same(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	return json_equal(a, b);
}

static bool json_holds(json_t *wants, const struct cut_http_reply *reply)
{
	json_t *body = json_object_size(wants)
			       ? json_loadb(reply->body, reply->body_len, JSON_DECODE_ANY, NULL)
			       : NULL;
	const char *pointer;
	json_t *want;
	bool holds = true;

	json_object_foreach (wants, pointer, want) {
		const json_t *is = at(body, pointer);

		holds = holds && is && is_same(is, want);
	}
	json_decref(body);
	return holds;
}

const char *expect_strange(const json_t *expect)
{
	const char *key;
	const json_t *value;

	json_object_foreach ((json_t *)expect, key, value)
		if (strcmp(key, "status") && strcmp(key, "json") && strcmp(key, "body_contains"))
			return key;
	return NULL;
}

bool expect_holds(const json_t *expect, const struct cut_http_reply *reply)
{
	return status_holds(json_object_get(expect, "status"), reply->status) &&
	       body_holds(json_object_get(expect, "body_contains"), reply) &&
	       json_holds(json_object_get(expect, "json"), reply);
}
