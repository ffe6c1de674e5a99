/* SPDX-License-Identifier: Apache-2.0 */
/* The text forms of values, one function a type: from what is written to typed JSON. Called by the
 * table in value.c. */
#pragma once

#include "engine/base/json.h"

/* What a form is read from. */
struct value_text {
	const char *text; /* borrowed; not NUL-terminated */
	size_t len;
	const char *range; /* of choices: "a|b|c", or NULL */
};

/* 0, or -EINVAL: not of the type, -ERANGE: too large. *ret_hint (NULL before) may get what to write
 * instead, owned by the caller. */
typedef int value_text_fn(const struct value_text *in, json_t **ret, char **ret_hint);

value_text_fn value_text_string, value_text_int, value_text_number, value_text_bool,
	value_text_duration, value_text_percent, value_text_time, value_text_fqdn, value_text_ip,
	value_text_url, value_text_size, value_text_choice, value_text_json, value_text_expr,
	value_text_id, value_text_rate;
