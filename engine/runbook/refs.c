/* SPDX-License-Identifier: Apache-2.0 */
/* What the names in an expression reach into, as far as that is known when a runbook is loaded.
 * Called by vars.c for each use; what steps give is judged later, by core/check_refs.c. */
#include "engine/runbook/load.h"

#include <string.h>

/* Names of a run, known only while it runs. */
static const char *const run_roots[] = {"steps", "run", "baselines"};
static const char *const constant_roots[] = {"params", "environments"};
static const char *const live_roots[] = {"metrics", "triggers", "window", "downtime", "clients"};

static bool is_one_of(const char *name, const char *const *list, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

/* What the references of one expression say about it. */
struct refs {
	struct load *l;
	uint32_t node;
	size_t offset;
	unsigned width;
	bool dynamic, bad, unknown; /* unknown: a parameter whose own fault was told */
	bool guarding;		    /* first walk: only collect what has() asks for */
	const char *guarded[8];	    /* parameters of which the expression asks has() */
	unsigned guarded_len;
};

static void unknown_root(struct refs *r, const char *name)
{
	struct cut_near near = {.word = name};

	for (size_t i = 0; i < CUT_ARRAY_LEN(run_roots); i++)
		load_near_try(&near, run_roots[i]);
	for (size_t i = 0; i < CUT_ARRAY_LEN(live_roots); i++)
		load_near_try(&near, live_roots[i]);
	for (size_t i = 0; i < CUT_ARRAY_LEN(constant_roots); i++)
		load_near_try(&near, constant_roots[i]);
	for (const struct cut_scope *s = r->l->scope; s; s = s->outer)
		load_near_try(&near, s->name);
	for (uint32_t i = 0; i < r->l->rb->declared_len && !near.best; i++)
		if (strcmp(r->l->rb->declared[i].name, name) == 0)
			near.best = cut_arena_printf(&r->l->rb->arena, "params.%s", name);
	load_fault_at(r->l, r->node, r->offset, r->width,
		      near.best ? load_did_you_mean(r->l, &near)
				: "names start with params, environments, steps or run, or are a "
				  "foreach's variable",
		      "unknown name '%s' in an expression", name);
	r->bad = true;
}

static void check_param(struct refs *r, const char *name, bool in_has)
{
	const struct cut_runbook *rb = r->l->rb;
	struct cut_near near = {.word = name};

	if (!name)
		return;
	if (r->guarding && in_has && r->guarded_len < CUT_ARRAY_LEN(r->guarded))
		r->guarded[r->guarded_len++] = name;
	if (r->guarding || in_has || json_object_get(rb->parameters, name))
		return;
	for (uint32_t i = 0; i < rb->declared_len; i++) {
		if (strcmp(rb->declared[i].name, name) == 0) {
			if (is_one_of(name, r->guarded, r->guarded_len))
				return;
			/* declared without a value: told there when it is required */
			r->unknown = true;
			if (!r->l->poisoned) {
				load_fault_at(r->l, r->node, r->offset, r->width,
					      "give it a default, or test it with has()",
					      "parameter '%s' has no value", name);
				r->bad = true;
			}
			return;
		}
		cut_near_try(&near, rb->declared[i].name);
	}
	load_fault_at(r->l, r->node, r->offset, r->width,
		      near.best ? load_did_you_mean(r->l, &near) : "declare it under `parameters`",
		      "unknown parameter '%s'", name);
	r->bad = true;
}

static void check_environment(struct refs *r, const char *const *path, size_t len, bool in_has)
{
	const json_t *at = r->l->rb->environments, *next;

	if (!at) {
		load_fault_at(r->l, r->node, r->offset, r->width,
			      "environments may use parameters, not the other way round",
			      "the default of a parameter cannot use environments");
		r->bad = true;
		return;
	}
	for (size_t i = 1; i < len && !in_has; i++, at = next) {
		struct cut_near near = {.word = path[i]};
		const char *key;
		json_t *value;

		if (at && !json_is_object(at))
			return; /* the evaluation says what is wrong */
		next = json_object_get(at, path[i]);
		if (next)
			continue;
		json_object_foreach ((json_t *)at, key, value)
			cut_near_try(&near, key);
		load_fault_at(r->l, r->node, r->offset, r->width, load_did_you_mean(r->l, &near),
			      "'%s' is not in environments%s%s", path[i], i > 1 ? "." : "",
			      i > 1 ? path[i - 1] : "");
		r->bad = true;
		return;
	}
}

static void on_ref(void *data, const char *const *path, size_t len, bool in_has)
{
	struct refs *r = data;

	for (const struct cut_scope *s = r->l->scope; s; s = s->outer)
		if (strcmp(s->name, path[0]) == 0)
			return;
	if (r->bad)
		return;
	if (strcmp(path[0], "params") == 0)
		check_param(r, len > 1 ? path[1] : NULL, in_has);
	else if (r->guarding)
		return;
	else if (strcmp(path[0], "environments") == 0)
		check_environment(r, path, len, in_has);
	else if (is_one_of(path[0], run_roots, CUT_ARRAY_LEN(run_roots)) ||
		 is_one_of(path[0], live_roots, CUT_ARRAY_LEN(live_roots)))
		r->dynamic = true;
	else
		unknown_root(r, path[0]);
	if (strcmp(path[0], "baselines") == 0)
		load_unsupported(r->l, r->node, "baselines");
	else if (strcmp(path[0], "window") == 0)
		load_unsupported(r->l, r->node, "window.margin");
}

bool load_refs(struct load *l, uint32_t node, size_t offset, unsigned width,
	       const struct cut_expr *expr, bool *ret_dynamic)
{
	struct refs refs = {
		.l = l, .node = node, .offset = offset, .width = width, .guarding = true};

	cut_expr_refs(expr, on_ref, &refs);
	refs.guarding = false;
	cut_expr_refs(expr, on_ref, &refs);
	*ret_dynamic = refs.dynamic;
	return !refs.bad && !refs.unknown;
}

static void on_plain_name(void *data, const char *const *path, size_t len, bool in_has)
{
	*(bool *)data = len == 1 && !in_has;
}

bool load_loop_name(struct load *l, uint32_t node, const char *name)
{
	struct cut_expr *expr = NULL;
	bool plain = false;
	size_t column;

	if (cut_expr_parse(name, strlen(name), &expr, &column, NULL) == 0)
		cut_expr_refs(expr, on_plain_name, &plain);
	cut_expr_free(expr);
	if (plain && !is_one_of(name, run_roots, CUT_ARRAY_LEN(run_roots)) &&
	    !is_one_of(name, live_roots, CUT_ARRAY_LEN(live_roots)) &&
	    !is_one_of(name, constant_roots, CUT_ARRAY_LEN(constant_roots)))
		return true;
	load_fault(l, node, "take another name for the variable",
		   "'%s' means something else in expressions", name);
	return false;
}
