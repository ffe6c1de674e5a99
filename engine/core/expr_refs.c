/* SPDX-License-Identifier: Apache-2.0 */
/* Which names an expression reaches into, so that the loader can check them. */
#include "engine/core/expr_ast.h"

#include <string.h>

struct walk {
	cut_expr_ref_fn *fn; /* borrowed, with data */
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

static void walk_path(const struct walk *w, const struct expr_node *node)
{
	const struct expr_node *base = node->path.base;
	const char *path[1 + CUT_EXPR_MAX_DEPTH];
	uint32_t named = 0;

	if (base->kind == EXPR_NAME && is_free(w, base->name)) {
		path[0] = base->name;
		while (named < node->len && (path[named + 1] = link_name(&node->path.links[named])))
			named++;
		w->fn(w->data, path, named + 1, node->kind == EXPR_HAS && named == node->len);
	} else {
		walk_node(w, base);
	}
	for (uint32_t i = 0; i < node->len; i++)
		walk_link(w, &node->path.links[i]);
}

static void walk_node(const struct walk *w, const struct expr_node *node)
{
	uint32_t items = node->len;

	switch (node->kind) {
	case EXPR_LITERAL: return;
	case EXPR_NAME:
		if (is_free(w, node->name))
			w->fn(w->data, &node->name, 1, false);
		return;
	case EXPR_PATH:
	case EXPR_HAS: walk_path(w, node); return;
	case EXPR_CHAIN:
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
