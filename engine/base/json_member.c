/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over the members of a compact object's text. */
#include "engine/base/json.h"

#include <string.h>

/* Behind the string that starts at p; end where it does not end. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\';
	return p < end ? p + 1 : end;
}

static const char *skip_value(const char *p, const char *end)
{
	int depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		if (depth == 0 && (*p == ',' || *p == '}'))
			break;
		depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
		p++;
	}
	return p;
}

bool cut_json_member(const char **at, const char *end, struct cut_json_member *ret)
{
	const char *key = *at, *value, *after;

	if (key < end && *key == ',')
		key++;
	if (key == end || *key != '"')
		return false;
	value = skip_string(key, end);
	if (value == end || *value != ':')
		return false;
	after = skip_value(++value, end);
	if (after == value || after == end)
		return false;
	*ret = (struct cut_json_member){
		.key = key + 1,
		.key_len = (size_t)(value - key) - 3,
		.text = value,
		.len = (size_t)(after - value),
	};
	*at = after;
	return true;
}
