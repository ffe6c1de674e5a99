/* SPDX-License-Identifier: Apache-2.0 */
/* The dependency graph of a runbook in index form: who waits for whom, an order that respects it,
 * cycles as a path, the critical path. Nothing here recurses: 100,000 steps may stand in a chain.
 */
#pragma once

#include "engine/core/model.h"

/* Nodes 0 … steps_len-1 are the steps; then two joins for each group (begin, end) and two for each
 * phase (begin, end). A join is done when all before it are; it keeps "n before, m after" at n + m
 * edges. */
struct cut_graph {
	uint32_t steps_len, groups_len, phases_len;
	uint32_t nodes_len;
	uint32_t *pred_at, *pred; /* node i waits for pred[pred_at[i] … pred_at[i + 1] - 1] */
	uint32_t *succ_at, *succ; /* the reverse */
	uint32_t *order;	  /* all nodes, topological; ties by index */
	uint32_t *position;	  /* of each node in order */
};

static inline uint32_t cut_graph_group_begin(const struct cut_graph *g, uint32_t group)
{
	return g->steps_len + 2 * group;
}
static inline uint32_t cut_graph_group_end(const struct cut_graph *g, uint32_t group)
{
	return g->steps_len + 2 * group + 1;
}
static inline uint32_t cut_graph_phase_begin(const struct cut_graph *g, uint32_t phase)
{
	return g->steps_len + 2 * g->groups_len + 2 * phase;
}
static inline uint32_t cut_graph_phase_end(const struct cut_graph *g, uint32_t phase)
{
	return cut_graph_phase_begin(g, phase) + 1;
}

/* Forward phases are chained (a phase is a barrier); the other roles stand alone. Edges: phase
 * begin → its steps without needs inside the phase; group begin → children; children → group end;
 * needs; instances of a foreach with max_parallel 1 in a chain. On a cycle -ELOOP with the path in
 * err: "a → b → c → a", and *ret_where the step to point at. */
int cut_graph_new(const struct cut_runbook *rb, struct cut_graph **ret, uint32_t *ret_where,
		  struct cut_err *err);
void cut_graph_free(struct cut_graph *graph);
CUT_CLEANUP(cut_graph, struct cut_graph *, cut_graph_free)

/* Longest path by planned durations (unknown counts 0, so that hops decide between equals). path
 * gets the steps on it, first to last; returns their number; *ret_total its length. */
uint32_t cut_graph_critical(const struct cut_graph *graph, const struct cut_runbook *rb,
			    uint32_t *path, cut_time *ret_total);
/* The steps that wait for this one directly, seen through joins, at most max of them. out has room
 * for max. Returns how many. */
uint32_t cut_graph_dependants(const struct cut_graph *graph, uint32_t step, uint32_t *out,
			      uint32_t max);
/* Is step before certainly done when step after starts? */
bool cut_graph_before(const struct cut_graph *graph, uint32_t before, uint32_t after);
