/* SPDX-License-Identifier: Apache-2.0 */
/* What binds closest in an expression: literals, names, brackets, calls, macros and selections.
 * Called by expr_parse.c. */
#include "engine/core/expr_parse.h"

#include <string.h>

/* Items up to the closing bracket, which is taken too; a comma after the last is fine in lists and
 * maps. */
static int parse_items(struct parser *p, char close, bool pairs, struct expr_nodes *nodes)
{
	int r;

	while (!expr_at_punct(p, close)) {
		for (int i = 0; i <= pairs; i++) {
			struct expr_node *node;

			r = i ? expr_take_punct(p, ':') : 0;
			if (r == 0)
				r = expr_parse_any(p, &node);
			if (r < 0)
				return r;
			cut_vec_push(nodes, node);
		}
		if (expr_at_punct(p, close))
			break;
		if (!expr_at_punct(p, ','))
			return expr_unexpected(p, close == ')'	 ? "',' or ')'"
						  : close == ']' ? "',' or ']'"
								 : "',' or '}'");
		r = expr_lex_next(&p->lex);
		if (r < 0)
			return r;
		if (close == ')' && expr_at_punct(p, close))
			return expr_unexpected(p, "an expression");
	}
	return expr_lex_next(&p->lex);
}

static int parse_collection(struct parser *p, enum expr_kind kind, struct expr_node **ret)
{
	cut_auto(expr_nodes) struct expr_nodes nodes = {0};
	int r = expr_lex_next(&p->lex);

	if (r == 0)
		r = parse_items(p, kind == EXPR_LIST ? ']' : '}', kind == EXPR_MAP, &nodes);
	if (r == 0)
		*ret = expr_new_items(p, kind, &nodes);
	return r;
}

static int parse_literal(struct parser *p, bool negative, struct expr_node **ret)
{
	const struct token *token = &p->lex.token;
	struct expr_node *node = expr_new_node(p, EXPR_LITERAL);

	switch (token->kind) {
	case TOK_INT:
		if (!negative && token->magnitude > INT64_MAX)
			return expr_lex_fail(&p->lex, token->start, NULL, "integer is too large");
		node->value.kind = CUT_VAL_INT;
		node->value.i = (int64_t)(negative ? 0 - token->magnitude : token->magnitude);
		break;
	case TOK_DOUBLE:
		node->value.kind = CUT_VAL_DOUBLE;
		node->value.d = negative ? -token->real : token->real;
		break;
	case TOK_STRING: node->value = expr_str(token->text, token->text_len); break;
	case TOK_TRUE:
	case TOK_FALSE:
		node->value.kind = CUT_VAL_BOOL;
		node->value.b = token->kind == TOK_TRUE;
		break;
	case TOK_NULL: node->value.kind = CUT_VAL_NULL; break;
	default: return expr_unexpected(p, "an expression");
	}
	*ret = node;
	return expr_lex_next(&p->lex);
}

static int unknown_function(struct parser *p, const struct token *name)
{
	cut_auto(cut_str) char *text = cut_strndup(name->start, name->len);
	const char *near = expr_func_near(text);
	int r = expr_lex_fail(&p->lex, name->start, NULL, "undeclared reference to '%s'", text);

	if (p->lex.err)
		p->lex.err->next =
			near ? cut_printf("did you mean %s()?", near)
			     : cut_strdup("functions are size, has, int, double, string, duration, "
					  "timestamp, startsWith, endsWith and contains");
	return r;
}

/* has(a.b): what is in the brackets, with its last selection to be tested. */
static int parse_has(struct parser *p, const struct token *name, const struct expr_nodes *args,
		     struct expr_node **ret)
{
	struct expr_node *arg = args->len == 1 ? args->items[0] : NULL;

	if (!arg || arg->kind != EXPR_PATH || arg->path.links[arg->len - 1].kind != LINK_SELECT)
		return expr_lex_fail(&p->lex, name->start, NULL,
				     "has() takes one selection, such as has(a.b)");
	arg->kind = EXPR_HAS;
	*ret = arg;
	return 0;
}

static int check_args(struct parser *p, const struct token *name, const struct expr_func *func,
		      size_t args, size_t receiver)
{
	if (args + receiver == func->args)
		return 0;
	return expr_lex_fail(&p->lex, name->start, NULL, "%s() takes %zu argument%s here, not %zu",
			     func->name, func->args - receiver,
			     func->args - receiver == 1 ? "" : "s", args);
}

/* Behind a name and its opening bracket. */
static int parse_call(struct parser *p, const struct token *name, struct expr_node **ret)
{
	cut_auto(expr_nodes) struct expr_nodes args = {0};
	const struct expr_func *func;
	struct expr_node *node;
	int r;

	r = parse_items(p, ')', false, &args);
	if (r < 0)
		return r;
	if (name->len == 3 && memcmp(name->start, "has", 3) == 0)
		return parse_has(p, name, &args, ret);
	func = expr_func_named(name->start, name->len);
	if (!func || !func->global)
		return unknown_function(p, name);
	r = check_args(p, name, func, args.len, 0);
	if (r < 0)
		return r;
	node = expr_new_items(p, EXPR_CALL, &args);
	node->func = func;
	*ret = node;
	return 0;
}

static int parse_name(struct parser *p, struct expr_node **ret)
{
	struct token name = p->lex.token;
	int r;

	if (expr_lex_is_reserved(&name))
		return expr_lex_fail(&p->lex, name.start, NULL, "'%.*s' is a reserved word",
				     (int)name.len, name.start);
	r = expr_lex_next(&p->lex);
	if (r < 0)
		return r;
	if (expr_at_punct(p, '(')) {
		r = expr_lex_next(&p->lex);
		return r < 0 ? r : parse_call(p, &name, ret);
	}
	*ret = expr_new_node(p, EXPR_NAME);
	(*ret)->name = cut_arena_strndup(p->arena, name.start, name.len);
	return 0;
}

static int parse_primary(struct parser *p, struct expr_node **ret)
{
	int r;

	if (p->lex.token.kind == TOK_NAME)
		return parse_name(p, ret);
	if (expr_at_punct(p, '['))
		return parse_collection(p, EXPR_LIST, ret);
	if (expr_at_punct(p, '{'))
		return parse_collection(p, EXPR_MAP, ret);
	if (!expr_at_punct(p, '('))
		return parse_literal(p, false, ret);
	r = expr_lex_next(&p->lex);
	if (r == 0)
		r = expr_parse_any(p, ret);
	return r < 0 ? r : expr_take_punct(p, ')');
}

/* Behind `.name(`: false when no macro has that name. */
static bool is_macro(const struct token *name, enum expr_macro *ret)
{
	static const char *const names[] = {
		[MACRO_ALL] = "all", [MACRO_EXISTS] = "exists", [MACRO_EXISTS_ONE] = "exists_one",
		[MACRO_MAP] = "map", [MACRO_FILTER] = "filter",
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(names); i++) {
		if (strlen(names[i]) == name->len &&
		    memcmp(names[i], name->start, name->len) == 0) {
			*ret = (enum expr_macro)i;
			return true;
		}
	}
	return false;
}

static int parse_macro(struct parser *p, const struct token *name, struct expr_link *link)
{
	cut_auto(expr_nodes) struct expr_nodes args = {0};
	int r = parse_items(p, ')', false, &args);

	if (r < 0)
		return r;
	if (args.len != 2 && !(args.len == 3 && link->macro == MACRO_MAP))
		return expr_lex_fail(&p->lex, name->start, NULL,
				     "%.*s() takes a name and an expression", (int)name->len,
				     name->start);
	if (args.items[0]->kind != EXPR_NAME)
		return expr_lex_fail(&p->lex, name->start, NULL,
				     "the first argument of %.*s() must be a plain name",
				     (int)name->len, name->start);
	link->kind = LINK_MACRO;
	link->name = args.items[0]->name;
	if (link->macro == MACRO_MAP)
		link->then = args.items[args.len - 1];
	if (link->macro != MACRO_MAP || args.len == 3)
		link->arg = args.items[1];
	return 0;
}

static int parse_method(struct parser *p, const struct token *name, struct expr_link *link)
{
	cut_auto(expr_nodes) struct expr_nodes args = {0};
	int r = expr_lex_next(&p->lex);

	if (r < 0)
		return r;
	if (is_macro(name, &link->macro))
		return parse_macro(p, name, link);
	r = parse_items(p, ')', false, &args);
	if (r < 0)
		return r;
	link->kind = LINK_CALL;
	link->func = expr_func_named(name->start, name->len);
	if (!link->func || !link->func->method)
		return unknown_function(p, name);
	link->arg = args.len ? args.items[0] : NULL;
	return check_args(p, name, link->func, args.len, 1);
}

static int parse_link(struct parser *p, struct expr_link *link)
{
	bool index = expr_at_punct(p, '[');
	struct token name;
	int r = expr_lex_next(&p->lex);

	if (r < 0)
		return r;
	if (index) {
		link->kind = LINK_INDEX;
		r = expr_parse_any(p, &link->arg);
		return r < 0 ? r : expr_take_punct(p, ']');
	}
	name = p->lex.token;
	if (name.kind != TOK_NAME)
		return expr_unexpected(p, "a name");
	r = expr_lex_next(&p->lex);
	if (r < 0)
		return r;
	if (expr_at_punct(p, '('))
		return parse_method(p, &name, link);
	link->kind = LINK_SELECT;
	link->name = cut_arena_strndup(p->arena, name.start, name.len);
	return 0;
}

/* The links that follow base; `negative` when a sign belongs to the literal that comes. */
int expr_parse_member(struct parser *p, bool negative, struct expr_node **ret)
{
	struct expr_link links[CUT_EXPR_MAX_DEPTH];
	struct expr_node *base, *node;
	uint32_t len = 0;
	int r;

	r = negative ? parse_literal(p, true, &base) : parse_primary(p, &base);
	while (r == 0 && (expr_at_punct(p, '.') || expr_at_punct(p, '['))) {
		if (len == CUT_ARRAY_LEN(links))
			return expr_lex_fail(&p->lex, p->lex.token.start, NULL,
					     "more than 64 selections in a row");
		links[len] = (struct expr_link){0};
		r = parse_link(p, &links[len++]);
	}
	if (r < 0)
		return r;
	*ret = base;
	if (!len)
		return 0;
	node = expr_new_node(p, EXPR_PATH);
	node->len = len;
	node->path.base = base;
	node->path.links = cut_arena_array(p->arena, struct expr_link, len);
	memcpy(node->path.links, links, len * sizeof(*links));
	*ret = node;
	return 0;
}
