/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions: the subset of CEL (github.com/google/cel-spec) that runbooks use, with CEL's own
 * semantics. Parsed once, evaluated against names that the caller looks up; total and without I/O.
 */
#pragma once

#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/time.h"

struct cut_expr; /* a parsed expression */

enum cut_val_kind {
	CUT_VAL_NULL,
	CUT_VAL_BOOL,
	CUT_VAL_INT,
	CUT_VAL_DOUBLE,
	CUT_VAL_STRING,
	CUT_VAL_LIST,	   /* json array, or lazy */
	CUT_VAL_MAP,	   /* json object, or lazy */
	CUT_VAL_DURATION,  /* ms in i */
	CUT_VAL_TIMESTAMP, /* ms since 1970 in i */
	CUT_VAL_LAZY,	   /* a map that env->member looks into: steps, params, metrics … */
};

/* A value. Strings are borrowed from the expression, the environment or the evaluation's arena, and
 * live as long as the arena given to cut_expr_eval. */
struct cut_val {
	enum cut_val_kind kind;
	uint32_t depth; /* of a list or map: levels below it, at most 64 where an expression made it
			 */
	union {
		bool b;
		int64_t i;
		double d;
		struct {
			const char *s;
			size_t len;
		} str;
		struct {
			struct cut_val *items;
			size_t len;
		} list;
		struct {
			struct cut_val *keys, *values;
			size_t len;
		} map;
		struct {
			const void *object;
			uintptr_t tag;
		} lazy; /* the environment's own */
	};
};

/* Where names come from. ident: 0, or -ENOENT unknown. member: 0, or -ENOENT no such key (has()
 * turns it into false, a plain selection into CEL's "no such key"). */
struct cut_expr_env {
	int (*ident)(const struct cut_expr_env *env, const char *name, struct cut_arena *arena,
		     struct cut_val *ret);
	int (*member)(const struct cut_expr_env *env, const struct cut_val *object, const char *key,
		      struct cut_arena *arena, struct cut_val *ret);
	void *data;
};

/* err->what says what is wrong, *ret_column (may be NULL) where: from 1. Depth at most 64. */
int cut_expr_parse(const char *text, size_t len, struct cut_expr **ret, size_t *ret_column,
		   struct cut_err *err);
void cut_expr_free(struct cut_expr *expr);
CUT_CLEANUP(cut_expr, struct cut_expr *, cut_expr_free)

/* -EINVAL with CEL's error in err->what: "no such key: x", "divide by zero", "no such overload",
 * "integer overflow", "evaluation limit" (1,000,000 node visits). */
int cut_expr_eval(const struct cut_expr *expr, const struct cut_expr_env *env,
		  struct cut_arena *arena, struct cut_val *ret, struct cut_err *err);

/* Each chain of constant names that starts at a free identifier: `steps.ttl.outputs.old` and
 * `steps["a/b"].state` → {"steps", "ttl", …}; in_has: it is the argument of has(). */
typedef void cut_expr_ref_fn(void *data, const char *const *path, size_t len, bool in_has);
void cut_expr_refs(const struct cut_expr *expr, cut_expr_ref_fn *fn, void *data);
/* Each such chain that is held against a text: `steps.a.state == "failed"`, either way round. */
typedef void cut_expr_text_fn(void *data, const char *const *path, size_t len, const char *text);
void cut_expr_texts(const struct cut_expr *expr, cut_expr_text_fn *fn, void *data);

const char *cut_val_kind_name(enum cut_val_kind kind); /* "int", as messages say it */
/* Texts are copied into the arena: the JSON may go. */
struct cut_val cut_val_from_json(const json_t *json, struct cut_arena *arena);
json_t *
cut_val_to_json(const struct cut_val *val); /* durations in seconds, times RFC 3339, new ref */
/* As `${{ }}` puts it into text: strings bare, numbers as CEL's string(), durations "1h30m". */
int cut_val_text(const struct cut_val *val, struct cut_buf *out, struct cut_err *err);
