/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of a model that only show when all of it is there: references that are not certain to have
 * a value, silence about rollback, steps that can never do what they say. Called by the loader. */
#pragma once

#include "engine/core/graph.h"

/* Where an expression stands decides which names it may use. */
enum cut_use_place {
	CUT_USE_VALUE, /* ${{ }} in a parameter or text, `if` */
	CUT_USE_CHECK, /* `that` of a check, `checks` of a gate: live values too */
};

/* One expression that refers to something of the run. */
struct cut_use {
	const struct cut_expr *expr;
	uint32_t step, group; /* whose it is; the other is CUT_NONE */
	uint32_t node,
		offset; /* of the document: where the expression starts in the text of node */
	enum cut_use_place place;
	bool own; /* in a verify or rollback body: the step's own outputs are there */
};

/* What was told of a step already, so that it is not told again in other words. */
enum {
	CUT_TAINT_BODY = 1u << 0,  /* what it does is not known */
	CUT_TAINT_ORDER = 1u << 1, /* when it runs is not known */
};

struct cut_check {
	const struct cut_runbook *rb;
	const struct cut_graph *graph; /* NULL: there is a cycle, order is not checked */
	const struct cut_use *uses;
	size_t uses_len;
	const uint32_t *step_nodes;  /* of the document, by step: to point at a key of it */
	const uint32_t *phase_nodes; /* by forward phase */
	const uint8_t *tainted;	     /* by step: CUT_TAINT_… */
	/* Told of each fault: at offset in the text of a node. key (may be NULL): at that key of
	 * it. */
	void (*fault)(void *data, uint32_t node, uint32_t offset, const char *key, const char *hint,
		      const char *what);
	void *data;
};

void cut_check_model(const struct cut_check *check);

/* check_refs.c: of one use; by cut_check_model() */
void cut_check_use(const struct cut_check *check, const struct cut_use *use);
