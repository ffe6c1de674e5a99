/* SPDX-License-Identifier: Apache-2.0 */
/* From text or a computed value to a typed JSON value: the one place that knows what "30s", "5%"
 * or a list of names is. Used by the loader for what is written and by the run for what is
 * computed. */
#pragma once

#include "engine/base/doc.h"
#include "engine/core/expr.h"
#include "cutover/plugin.h"

/* The JSON of each type is told in cutover/plugin.h. err->what says what was expected: "a duration
 * with a unit, such as 30s or 1h30m", err->next a hint: "write 10s, 10m or 10h". Lists, maps and
 * argv are read as JSON. range as in struct cut_param. */
int cut_value_parse(enum cut_type type, const char *range, const char *text, size_t len,
		    json_t **ret, struct cut_err *err);
/* A value of an expression into a parameter of that type. */
int cut_value_coerce(enum cut_type type, const char *range, const struct cut_val *val, json_t **ret,
		     struct cut_err *err);
/* JSON back to a value for expressions: durations become durations, times timestamps. */
struct cut_val cut_value_typed(enum cut_type type, const json_t *json, struct cut_arena *arena);
const char *cut_type_name(enum cut_type type); /* "duration" */
/* A scalar without a declared type: JSON number/true/false/null syntax has that type, all else and
 * everything quoted is a string. NULL: not UTF-8. */
json_t *cut_value_untyped(const char *text, size_t len, bool quoted);
