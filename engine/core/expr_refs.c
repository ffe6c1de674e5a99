/* SPDX-License-Identifier: Apache-2.0 */
/* Which names an expression reaches into, so that the loader can check them. */
#include "engine/core/expr_ast.h"

#include <string.h>

struct walk {
	cut_expr_ref_fn *fn;	   /* borrowed, with data; or NULL */
	cut_expr_text_fn *on_text; /* the same */
	void *data;
	const struct scope *scope; /* variables of macros: not references */
};

static void walk_node(const struct walk *w, const struct expr_node *node);

static bool is_free(const struct walk *w, const char *name)
{
	for (const struct scope *s = w->scope; s; s = s->outer)
		if (strcmp(s->name, name) == 0)
			return false;
	return true;
}

/* `.name` and `["name"]` name a member, NULL: it is computed. */
static const char *link_name(const struct expr_link *link)
{
	if (link->kind == LINK_SELECT)
		return link->name;
	if (link->kind == LINK_INDEX && link->arg->kind == EXPR_LITERAL &&
	    link->arg->value.kind == CUT_VAL_STRING)
		return link->arg->value.str.s;
	return NULL;
}

static void walk_link(const struct walk *w, const struct expr_link *link)
{
	struct scope scope = {.outer = w->scope, .name = link->name};
	struct walk inner = *w;

	if (link->kind == LINK_MACRO)
		inner.scope = &scope;
	if (link->arg)
		walk_node(&inner, link->arg);
	if (link->then)
		walk_node(&inner, link->then);
}

/* The names that a path begins with, from a free one on; 0: it begins with something else. */
static uint32_t named_part(const struct walk *w, const struct expr_node *node, const char **path)
{
	const struct expr_node *base = node->path.base;
	uint32_t named = 0;

	if (base->kind != EXPR_NAME || !is_free(w, base->name))
		return 0;
	path[0] = base->name;
	while (named < node->len && (path[named + 1] = link_name(&node->path.links[named])))
		named++;
	return named + 1;
}

static void walk_path(const struct walk *w, const struct expr_node *node)
{
	const char *path[1 + CUT_EXPR_MAX_DEPTH];
	uint32_t named = named_part(w, node, path);

	if (named && w->fn)
		w->fn(w->data, path, named, node->kind == EXPR_HAS && named == node->len + 1);
	else if (!named)
		walk_node(w, node->path.base);
	for (uint32_t i = 0; i < node->len; i++)
		walk_link(w, &node->path.links[i]);
}

/* `a.b == "c"` and `"c" != a.b`: two terms, of which one is a text and the other all names. */
static void walk_comparison(const struct walk *w, const struct expr_node *node)
{
	const struct expr_node *path = node->terms[0].node, *text;
	const char *names[1 + CUT_EXPR_MAX_DEPTH];
	bool swapped = path->kind == EXPR_LITERAL;

	if (node->len != 2 || (node->terms[1].op != OP_EQ && node->terms[1].op != OP_NE))
		return;
	text = node->terms[!swapped].node;
	path = node->terms[swapped].node;
	if (path->kind == EXPR_PATH && text->kind == EXPR_LITERAL &&
	    text->value.kind == CUT_VAL_STRING && named_part(w, path, names) == path->len + 1)
		w->on_text(w->data, names, path->len + 1, text->value.str.s);
}

static void walk_node(const struct walk *w, const struct expr_node *node)
{
	uint32_t items = node->len;

	switch (node->kind) {
	case EXPR_LITERAL: return;
	case EXPR_NAME:
		if (w->fn && is_free(w, node->name))
			w->fn(w->data, &node->name, 1, false);
		return;
	case EXPR_PATH:
	case EXPR_HAS: walk_path(w, node); return;
	case EXPR_CHAIN:
		if (w->on_text)
			walk_comparison(w, node);
		for (uint32_t i = 0; i < node->len; i++)
			walk_node(w, node->terms[i].node);
		return;
	case EXPR_NOT:
	case EXPR_NEG: items = 1; break;
	default: break;
	}
	for (uint32_t i = 0; i < items; i++)
		walk_node(w, node->items[i]);
}

void cut_expr_refs(const struct cut_expr *expr, cut_expr_ref_fn *fn, void *data)
{
	const struct walk w = {.fn = fn, .data = data};

	walk_node(&w, expr->root);
}

void cut_expr_texts(const struct cut_expr *expr, cut_expr_text_fn *fn, void *data)
{
	const struct walk w = {.on_text = fn, .data = data};

	walk_node(&w, expr->root);
}
