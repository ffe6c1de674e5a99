/* SPDX-License-Identifier: Apache-2.0 */
/* The small change that plugins share: memory that cannot fail, reasons for an operator, ending a
 * call with a text, durations and times as text. Compiled into each plugin that lists kit.c. */
#pragma once

#include "cutover/plugin.h"

#include <stdbool.h>

#define kit_new(type)			 ((type *)kit_calloc(1, sizeof(type)))
#define kit_new_array(type, n)		 ((type *)kit_calloc((n), sizeof(type)))
#define KIT_ARRAY_LEN(a)		 (sizeof(a) / sizeof((a)[0]))
#define kit_container(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Zeroed. Out of memory ends the host: the engine then observes what became of its calls. */
void *kit_calloc(size_t n, size_t size);
void *kit_realloc(void *p, size_t n, size_t size);
char *kit_strdup(const char *text);
char *kit_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Why something cannot be done, as an operator reads it: what happened, why, what next. */
struct kit_why {
	char text[1024];
};
/* Returns error (negative errno), so that `return kit_why(why, -EINVAL, ...)` reads well. */
int kit_why(struct kit_why *why, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Which operation a call is, for actions whose operations share their course: one function can then
 * be the plan, apply, verify, observe and rollback of an action. */
enum kit_op {
	KIT_PLAN,
	KIT_APPLY,
	KIT_VERIFY,
	KIT_OBSERVE,
	KIT_ROLLBACK,
};
enum kit_op kit_op(const struct cut_call *call);

/* done() with a formatted text; data is stolen and may be NULL. The call is gone afterwards. */
void kit_done(struct cut_call *call, enum cut_status status, json_t *data, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* "1h30m", "2s", "250ms" to seconds; false: no duration with a unit. */
bool kit_duration_parse(const char *text, double *ret_s);

#define KIT_TIME_LEN 32
int64_t kit_wall_ms(void);
/* RFC 3339 in UTC with milliseconds, into a buffer of KIT_TIME_LEN. */
const char *kit_time_format(int64_t wall_ms, char *buf);
