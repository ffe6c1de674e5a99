/* SPDX-License-Identifier: Apache-2.0 */
/* The parser's own seams: words from expr_lex.c, operators in expr_parse.c, what binds closer in
 * expr_member.c. Nobody else includes it. */
#pragma once

#include "engine/core/expr_ast.h"

#include "engine/base/vec.h"

/* --- expr_lex.c --- */
enum token_kind {
	TOK_END,
	TOK_NAME, /* also the reserved words; `in`, true, false and null are their own kinds */
	TOK_INT,  /* digits: the sign is the parser's */
	TOK_DOUBLE,
	TOK_STRING,
	TOK_TRUE,
	TOK_FALSE,
	TOK_NULL,
	TOK_OPERATOR, /* op, a binary one; `-` is OP_SUB */
	TOK_AND,
	TOK_OR,
	TOK_PUNCT, /* one of . , : ? ! ( ) [ ] { } in start[0] */
};

struct token {
	enum token_kind kind;
	const char *start; /* in the text */
	size_t len;
	enum expr_op op;
	uint64_t magnitude; /* of an int, at most 2^63 */
	double real;
	const char *text; /* of a string: in the arena */
	size_t text_len;
};

struct lexer {
	const char *start, *at, *end;
	struct cut_arena *arena; /* borrowed: takes the strings */
	struct token token;	 /* the one that is looked at */
	const char *fault;	 /* where an error is, in the text */
	struct cut_err *err;	 /* borrowed */
};

int expr_lex_next(struct lexer *lex); /* into lex->token; negative: err is set */
int expr_lex_fail(struct lexer *lex, const char *at, const char *why, const char *what, ...)
	__attribute__((format(printf, 4, 5)));
bool expr_lex_is_reserved(const struct token *name);

/* --- expr_parse.c --- */
struct parser {
	struct lexer lex;
	struct cut_arena *arena; /* borrowed: the expression's */
	unsigned depth;
};

struct expr_nodes {
	CUT_VEC(struct expr_node *);
};

static inline void expr_nodes_cleanup(struct expr_nodes *nodes)
{
	cut_vec_done(nodes);
}

/* All return 0 or a negative errno with the error set and lex.fault where it is. */
int expr_parse_any(struct parser *p, struct expr_node **ret);
struct expr_node *expr_new_node(struct parser *p, enum expr_kind kind);
struct expr_node *expr_new_items(struct parser *p, enum expr_kind kind,
				 const struct expr_nodes *nodes);
bool expr_at_punct(const struct parser *p, char c);
int expr_take_punct(struct parser *p, char c);
int expr_unexpected(struct parser *p, const char *wanted); /* "expected …, not '…'" */

/* --- expr_member.c --- */
/* A primary and its selections; negative: a sign belongs to the literal that comes. */
int expr_parse_member(struct parser *p, bool negative, struct expr_node **ret);
