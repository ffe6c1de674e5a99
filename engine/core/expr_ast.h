/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of expressions: the tree that expr_parse.c makes and expr_eval.c walks, and what the
 * expr_*.c files call of each other. Nobody else includes it.
 *
 * Chains of operators and of selections are one node each, not a tower: the depth of the tree, and
 * with it the recursion of every walk, is the nesting of the text, at most 64. */
#pragma once

#include "engine/core/expr.h"

#define CUT_EXPR_MAX_DEPTH 64
#define CUT_EXPR_MAX_STEPS 1000000
/* CEL's range of timestamps, years 1 to 9999, and of durations, 10,000 years. */
#define CUT_EXPR_FIRST_TIMESTAMP ((cut_time)-62135596800000)
#define CUT_EXPR_LAST_TIMESTAMP	 ((cut_time)253402300799999)
#define CUT_EXPR_LAST_DURATION	 ((cut_time)315576000000000)

enum expr_op {
	OP_ADD,
	OP_SUB,
	OP_MUL,
	OP_DIV,
	OP_MOD,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_EQ,
	OP_NE,
	OP_IN,
};

enum expr_kind {
	EXPR_LITERAL, /* value */
	EXPR_NAME,    /* name: of the environment or of a macro's variable */
	EXPR_LIST,    /* len items */
	EXPR_MAP,     /* len items: key, value, key, value … */
	EXPR_AND,     /* len items */
	EXPR_OR,      /* len items */
	EXPR_IF,      /* 3 items: condition, then, else */
	EXPR_NOT,     /* len times over items[0] */
	EXPR_NEG,     /* len times over items[0] */
	EXPR_CHAIN,   /* terms: op of the first is unused, the others apply from the left */
	EXPR_PATH,    /* base, then len links */
	EXPR_HAS,     /* the same; the last link is the selection that is tested */
	EXPR_CALL,    /* func on len items */
};

enum expr_macro { MACRO_ALL, MACRO_EXISTS, MACRO_EXISTS_ONE, MACRO_MAP, MACRO_FILTER };

struct expr_node;

struct expr_term {
	enum expr_op op;
	struct expr_node *node;
};

/* One step of `base.name[index].method(arg).macro(name, when, then)`. */
struct expr_link {
	enum { LINK_SELECT, LINK_INDEX, LINK_CALL, LINK_MACRO } kind;
	enum expr_macro macro;
	const char *name;	      /* SELECT: the member; MACRO: the variable */
	const struct expr_func *func; /* CALL */
	struct expr_node *arg;	      /* INDEX; CALL: or NULL; MACRO: the predicate, or NULL */
	struct expr_node *then;	      /* MACRO_MAP: what each item becomes */
};

struct expr_node {
	enum expr_kind kind;
	uint32_t len;
	union {
		struct cut_val value;
		const char *name;
		struct {
			struct expr_node **items;
			const struct expr_func *func; /* CALL */
		};
		struct expr_term *terms;
		struct {
			struct expr_node *base;
			struct expr_link *links;
		} path;
	};
};

struct cut_expr {
	struct cut_arena arena; /* owns the tree and its texts */
	struct expr_node *root;
};

/* --- expr_eval.c --- */
struct scope {
	const struct scope *outer;
	const char *name;
	struct cut_val value;
};

struct eval {
	const struct cut_expr_env *env; /* borrowed */
	struct cut_arena *arena;	/* borrowed */
	struct cut_err *err;		/* borrowed, not NULL */
	const struct scope *scope;
	uint32_t steps_left;
};

int expr_eval_node(struct eval *ev, const struct expr_node *node, struct cut_val *ret);
/* Takes cost off what is left to this evaluation. */
int expr_charge(struct eval *ev, size_t cost);
/* Moves the error into *first unless that has one: && and || and their macros go on after it. */
void expr_keep_first(struct eval *ev, struct cut_err *first);
/* Gives a list or map its depth; an error past 64: whoever walks a value may recurse. */
int expr_nest(struct eval *ev, struct cut_val *v);
int expr_fail(struct eval *ev, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "no such overload", and why: "int + string" with what = "+"; b NULL: "- string". */
int expr_no_overload(struct eval *ev, const char *what, const struct cut_val *a,
		     const struct cut_val *b);

/* --- expr_macro.c --- */
int expr_eval_macro(struct eval *ev, const struct cut_val *range, const struct expr_link *link,
		    struct cut_val *ret);

/* --- expr_op.c --- */
int expr_apply(struct eval *ev, enum expr_op op, const struct cut_val *a, const struct cut_val *b,
	       struct cut_val *ret);
int expr_negate(struct eval *ev, const struct cut_val *a, struct cut_val *ret);
/* A member of a map: 0, -ENOENT absent (err untouched), another error (err set). */
int expr_member(struct eval *ev, const struct cut_val *map, const struct cut_val *key,
		struct cut_val *ret);
bool expr_is_key(const struct cut_val *v); /* may stand before the colon of a map */
int expr_index(struct eval *ev, const struct cut_val *a, const struct cut_val *index,
	       struct cut_val *ret);

/* --- expr_func.c --- */
struct expr_func {
	const char *name;
	bool global, method; /* size(x), x.size() */
	unsigned args;	     /* the receiver of a method counts */
	int (*call)(struct eval *ev, const struct cut_val *args, struct cut_val *ret);
};
const struct expr_func *expr_func_named(const char *name, size_t len);
const char *expr_func_near(const char *name); /* the nearest function's name, or NULL */

/* --- expr_val.c --- */
struct cut_val expr_str(const char *s, size_t len);
void expr_set_depth(struct cut_val *v); /* from those of its members */
/* CEL's string(): durations "5400s". -EINVAL: has none. */
int expr_to_text(const struct cut_val *val, struct cut_buf *out);
