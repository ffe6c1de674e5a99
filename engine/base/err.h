/* SPDX-License-Identifier: Apache-2.0 */
/* An error as an operator reads it: what happened, why, what to do next. Filled by whoever finds
 * the fault, printed only by cli and runtime. */
#pragma once

#include "engine/base/alloc.h"

struct cut_err {
	int code;   /* negative errno */
	char *what; /* owned: "cannot read runbook shop.yaml" */
	char *why;  /* owned or NULL: "permission denied" */
	char *next; /* owned or NULL: "chmod it, or run as its owner" */
};

/* Sets an error and returns code, so that `return cut_err_set(err, -EINVAL, ...)` reads well.
 * err may be NULL. why and next may be NULL; what is a format. */
int cut_err_set(struct cut_err *err, int code, const char *why, const char *next, const char *what,
		...) __attribute__((format(printf, 5, 6)));
/* The same with why = strerror(-code). */
int cut_err_sys(struct cut_err *err, int code, const char *next, const char *what, ...)
	__attribute__((format(printf, 4, 5)));
/* Puts context before what is there: "arming: cannot read …". Returns err->code. */
int cut_err_prefix(struct cut_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "what: why; next" as one line, owned by the caller. */
char *cut_err_text(const struct cut_err *err);
void cut_err_done(struct cut_err *err);

static inline void cut_err_cleanup(struct cut_err *err)
{
	cut_err_done(err);
}
