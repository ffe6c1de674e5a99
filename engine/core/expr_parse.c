/* SPDX-License-Identifier: Apache-2.0 */
/* From text to tree, by CEL's grammar: one function a level, and one node for a whole chain of
 * operators. Called through expr.h by the loader and `eval`. */
#include "engine/core/expr_parse.h"

#include "engine/base/utf8.h"

#include <errno.h>

struct expr_node *expr_new_node(struct parser *p, enum expr_kind kind)
{
	struct expr_node *node = cut_arena_new(p->arena, struct expr_node);

	node->kind = kind;
	return node;
}

struct expr_node *expr_new_items(struct parser *p, enum expr_kind kind,
				 const struct expr_nodes *nodes)
{
	struct expr_node *node = expr_new_node(p, kind);

	node->len = (uint32_t)nodes->len;
	node->items = cut_arena_array(p->arena, struct expr_node *, nodes->len);
	for (size_t i = 0; i < nodes->len; i++)
		node->items[i] = nodes->items[i];
	return node;
}

bool expr_at_punct(const struct parser *p, char c)
{
	return p->lex.token.kind == TOK_PUNCT && *p->lex.token.start == c;
}

int expr_unexpected(struct parser *p, const char *wanted)
{
	const struct token *token = &p->lex.token;

	if (token->kind == TOK_END)
		return expr_lex_fail(&p->lex, token->start, NULL, "expected %s at the end", wanted);
	return expr_lex_fail(&p->lex, token->start, NULL, "expected %s, not '%.*s'", wanted,
			     (int)token->len, token->start);
}

int expr_take_punct(struct parser *p, char c)
{
	char wanted[] = {'\'', c, '\'', '\0'};

	return expr_at_punct(p, c) ? expr_lex_next(&p->lex) : expr_unexpected(p, wanted);
}

static bool is_sign(const struct parser *p, char c)
{
	if (c == '!')
		return expr_at_punct(p, '!');
	return p->lex.token.kind == TOK_OPERATOR && p->lex.token.op == OP_SUB;
}

static int parse_unary(struct parser *p, struct expr_node **ret)
{
	char sign = expr_at_punct(p, '!') ? '!' : '-';
	struct expr_node *operand;
	uint32_t times = 0;
	bool number;
	int r = 0;

	for (; r == 0 && is_sign(p, sign); times++)
		r = expr_lex_next(&p->lex);
	if (r < 0)
		return r;
	/* The last minus before a number is the number's. */
	number = sign == '-' && times &&
		 (p->lex.token.kind == TOK_INT || p->lex.token.kind == TOK_DOUBLE);
	times -= number;
	r = expr_parse_member(p, number, &operand);
	if (r < 0)
		return r;
	*ret = operand;
	if (!times)
		return 0;
	*ret = expr_new_node(p, sign == '!' ? EXPR_NOT : EXPR_NEG);
	(*ret)->len = times;
	(*ret)->items = cut_arena_new(p->arena, struct expr_node *);
	(*ret)->items[0] = operand;
	return 0;
}

struct terms {
	CUT_VEC(struct expr_term);
};

static void terms_cleanup(struct terms *terms)
{
	cut_vec_done(terms);
}

/* The levels of the binary operators, loosest first. */
static const uint32_t levels[] = {
	1u << OP_LT | 1u << OP_LE | 1u << OP_GT | 1u << OP_GE | 1u << OP_EQ | 1u << OP_NE |
		1u << OP_IN,
	1u << OP_ADD | 1u << OP_SUB,
	1u << OP_MUL | 1u << OP_DIV | 1u << OP_MOD,
};

static int parse_chain(struct parser *p, size_t level, struct expr_node **ret)
{
	cut_auto(terms) struct terms terms = {0};
	struct expr_node *node;
	struct expr_term term = {0};
	int r;

	if (level == CUT_ARRAY_LEN(levels))
		return parse_unary(p, ret);
	for (;;) {
		r = parse_chain(p, level + 1, &term.node);
		if (r < 0)
			return r;
		cut_vec_push(&terms, term);
		if (p->lex.token.kind != TOK_OPERATOR || !(levels[level] & 1u << p->lex.token.op))
			break;
		term.op = p->lex.token.op;
		r = expr_lex_next(&p->lex);
		if (r < 0)
			return r;
	}
	*ret = terms.items[0].node;
	if (terms.len == 1)
		return 0;
	node = expr_new_node(p, EXPR_CHAIN);
	node->len = (uint32_t)terms.len;
	node->terms = cut_arena_array(p->arena, struct expr_term, terms.len);
	memcpy(node->terms, terms.items, terms.len * sizeof(*terms.items));
	*ret = node;
	return 0;
}

static int parse_logic(struct parser *p, enum expr_kind kind, struct expr_node **ret)
{
	enum token_kind between = kind == EXPR_OR ? TOK_OR : TOK_AND;
	cut_auto(expr_nodes) struct expr_nodes nodes = {0};
	struct expr_node *node;
	int r;

	for (;;) {
		r = kind == EXPR_OR ? parse_logic(p, EXPR_AND, &node) : parse_chain(p, 0, &node);
		if (r < 0)
			return r;
		cut_vec_push(&nodes, node);
		if (p->lex.token.kind != between)
			break;
		r = expr_lex_next(&p->lex);
		if (r < 0)
			return r;
	}
	*ret = nodes.len == 1 ? nodes.items[0] : expr_new_items(p, kind, &nodes);
	return 0;
}

static int parse_choice(struct parser *p, struct expr_node **ret)
{
	cut_auto(expr_nodes) struct expr_nodes nodes = {0};
	struct expr_node *node;
	int r;

	r = parse_logic(p, EXPR_OR, &node);
	if (r < 0)
		return r;
	if (!expr_at_punct(p, '?')) {
		*ret = node;
		return 0;
	}
	cut_vec_push(&nodes, node);
	r = expr_lex_next(&p->lex);
	if (r == 0)
		r = parse_logic(p, EXPR_OR, &node);
	if (r < 0)
		return r;
	cut_vec_push(&nodes, node);
	r = expr_take_punct(p, ':');
	if (r == 0)
		r = expr_parse_any(p, &node);
	if (r < 0)
		return r;
	cut_vec_push(&nodes, node);
	*ret = expr_new_items(p, EXPR_IF, &nodes);
	return 0;
}

int expr_parse_any(struct parser *p, struct expr_node **ret)
{
	int r;

	if (p->depth == CUT_EXPR_MAX_DEPTH)
		return expr_lex_fail(&p->lex, p->lex.token.start, NULL,
				     "nested deeper than 64 levels");
	p->depth++;
	r = parse_choice(p, ret);
	p->depth--;
	return r;
}

static int parse_whole(struct parser *p, struct expr_node **ret)
{
	int r;

	if (!cut_utf8_valid(p->lex.start, (size_t)(p->lex.end - p->lex.start)))
		return expr_lex_fail(&p->lex, p->lex.start, NULL,
				     "an expression is not valid UTF-8");
	r = expr_lex_next(&p->lex);
	if (r == 0)
		r = expr_parse_any(p, ret);
	if (r < 0)
		return r;
	return p->lex.token.kind == TOK_END ? 0 : expr_unexpected(p, "an operator");
}

int cut_expr_parse(const char *text, size_t len, struct cut_expr **ret, size_t *ret_column,
		   struct cut_err *err)
{
	cut_auto(cut_expr) struct cut_expr *expr = cut_new(struct cut_expr);
	struct parser p = {
		.lex = {.start = text,
			.at = text,
			.end = text + len,
			.arena = &expr->arena,
			.err = err},
		.arena = &expr->arena,
	};
	int r = parse_whole(&p, &expr->root);

	if (r < 0) {
		if (ret_column)
			*ret_column = cut_utf8_count(text, (size_t)(p.lex.fault - text)) + 1;
		return r;
	}
	*ret = cut_take(expr);
	return 0;
}

void cut_expr_free(struct cut_expr *expr)
{
	if (!expr)
		return;
	cut_arena_done(&expr->arena);
	free(expr);
}
