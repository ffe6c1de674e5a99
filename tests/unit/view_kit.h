/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the views share: a row is JSON, written with ' for ", and what is shown of it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/buf.h"
#include "engine/base/json.h"

struct view_row {
	const char *json, *shown; /* shown NULL: the same as without that JSON */
};

static inline json_t *view_json(const char *text)
{
	cut_auto(cut_str) char *quoted = cut_strdup(text);
	json_t *json;

	for (char *p = quoted; *p; p++)
		if (*p == '\'')
			*p = '"';
	json = json_loads(quoted, 0, NULL);
	assert_non_null(json);
	return json;
}

/* Each row's text must stand in what is shown; of a row without one nothing may. */
static inline void view_expect(const struct view_row *rows, size_t len,
			       void (*render)(const json_t *json, struct cut_buf *out))
{
	cut_auto(cut_json) json_t *nothing = json_object();
	cut_auto(cut_buf) struct cut_buf empty = {0};

	setenv("TZ", "UTC", 1);
	render(nothing, &empty);
	for (size_t i = 0; i < len; i++) {
		cut_auto(cut_json) json_t *json = view_json(rows[i].json);
		cut_auto(cut_buf) struct cut_buf text = {0};

		render(json, &text);
		if (rows[i].shown ? !strstr(cut_buf_str(&text), rows[i].shown)
				  : strcmp(cut_buf_str(&text), cut_buf_str(&empty)) != 0)
			fail_msg("%s is shown as\n%s", rows[i].json, cut_buf_str(&text));
	}
}
