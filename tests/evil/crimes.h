/* SPDX-License-Identifier: Apache-2.0 */
/* The misbehaviours of the plugin evil, by name. Used by evil.c only. */
#pragma once

#include "cutover/plugin.h"

typedef void crime_fn(struct cut_call *call);

extern const char crime_names[]; /* "a|b|c" */
/* Many do not come back; after those that do, nobody answers the call. */
crime_fn *crime_named(const char *name);

/* A line for the judges, in the file "<file>.<kind>". */
void crime_tell(struct cut_call *call, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
