/* SPDX-License-Identifier: Apache-2.0 */
/* The dependency graph in index form: edges counted, then filled (compressed rows), then ordered by
 * Kahn's algorithm with the lowest index first. Nothing recurses and nothing is quadratic. */
#include "engine/core/graph.h"

#include "engine/base/vec.h"

#include <errno.h>
#include <string.h>

enum { STEPS_AHEAD = 16 }; /* fetched while their predecessors are looked at */

/* Edges are listed twice by the same walk: once to count them, once to fill the rows. */
struct edges {
	struct cut_graph *graph;
	bool filling;
};

static void add_edge(struct edges *e, uint32_t from, uint32_t to)
{
	struct cut_graph *g = e->graph;

	if (!e->filling) {
		g->pred_at[to + 1]++;
		g->succ_at[from + 1]++;
		return;
	}
	/* the rows' starts serve as cursors; shift_back() restores them */
	g->pred[g->pred_at[to]++] = from;
	g->succ[g->succ_at[from]++] = to;
}

static uint32_t begin_of(const struct cut_graph *g, struct cut_need need)
{
	return need.group ? cut_graph_group_begin(g, need.index) : need.index;
}

static uint32_t end_of(const struct cut_graph *g, struct cut_need need)
{
	return need.group ? cut_graph_group_end(g, need.index) : need.index;
}

/* What a step or group that stands in `group` and `phase` hangs between. */
static void add_frame(struct edges *e, uint32_t group, uint32_t phase, struct cut_need self,
		      bool has_needs)
{
	const struct cut_graph *g = e->graph;
	uint32_t begin, end;

	if (group != CUT_NONE) {
		begin = cut_graph_group_begin(g, group);
		end = cut_graph_group_end(g, group);
	} else {
		begin = cut_graph_phase_begin(g, phase);
		end = cut_graph_phase_end(g, phase);
	}
	/* inside a group also those with needs: they may need something outside of it */
	if (group != CUT_NONE || !has_needs)
		add_edge(e, begin, begin_of(g, self));
	add_edge(e, end_of(g, self), end);
}

/* Instances of a foreach that run one at a time follow each other in the order of the file. */
static void add_chain(struct edges *e, const struct cut_runbook *rb, uint32_t group,
		      struct cut_need self, struct cut_need *last)
{
	if (group == CUT_NONE || !rb->groups[group].foreach || rb->groups[group].max_parallel != 1)
		return;
	if (last[group].index != CUT_NONE)
		add_edge(e, end_of(e->graph, last[group]), begin_of(e->graph, self));
	last[group] = self;
}

static bool needs_this_phase(const struct cut_runbook *rb, const struct cut_need *needs,
			     uint32_t len, uint32_t phase)
{
	for (uint32_t i = 0; i < len; i++)
		if ((needs[i].group ? rb->groups[needs[i].index].phase
				    : rb->steps[needs[i].index].phase) == phase)
			return true;
	return false;
}

static void walk_edges(struct edges *e, const struct cut_runbook *rb, struct cut_need *last)
{
	struct cut_graph *g = e->graph;

	for (uint32_t i = 0; i < g->groups_len; i++)
		last[i] = (struct cut_need){.index = CUT_NONE};
	for (uint32_t i = 0; i < g->steps_len; i++) {
		const struct cut_step *step = &rb->steps[i];
		struct cut_need self = {.group = false, .index = i};

		if (i + STEPS_AHEAD < g->steps_len)
			__builtin_prefetch(&rb->steps[i + STEPS_AHEAD]);
		for (uint32_t n = 0; n < step->needs_len; n++)
			add_edge(e, end_of(g, step->needs[n]), i);
		add_frame(e, step->group, step->phase, self,
			  needs_this_phase(rb, step->needs, step->needs_len, step->phase));
		add_chain(e, rb, step->group, self, last);
	}
	for (uint32_t i = 0; i < g->groups_len; i++) {
		const struct cut_group *group = &rb->groups[i];
		struct cut_need self = {.group = true, .index = i};

		for (uint32_t n = 0; n < group->needs_len; n++)
			add_edge(e, end_of(g, group->needs[n]), cut_graph_group_begin(g, i));
		add_edge(e, cut_graph_group_begin(g, i), cut_graph_group_end(g, i));
		add_frame(e, group->parent, group->phase, self,
			  needs_this_phase(rb, group->needs, group->needs_len, group->phase));
		add_chain(e, rb, group->parent, self, last);
	}
	for (uint32_t i = 0; i < g->phases_len; i++) {
		add_edge(e, cut_graph_phase_begin(g, i), cut_graph_phase_end(g, i));
		if (i + 1 < rb->forward_len)
			add_edge(e, cut_graph_phase_end(g, i), cut_graph_phase_begin(g, i + 1));
	}
}

static void sum_up(uint32_t *at, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		at[i + 1] += at[i];
}

static void shift_back(uint32_t *at, uint32_t len)
{
	memmove(at + 1, at, len * sizeof(*at));
	at[0] = 0;
}

static void make_rows(struct cut_graph *g, const struct cut_runbook *rb)
{
	struct edges e = {.graph = g};
	struct cut_need *last = cut_new_array(struct cut_need, g->groups_len + 1);

	g->pred_at = cut_new_array(uint32_t, g->nodes_len + 1);
	g->succ_at = cut_new_array(uint32_t, g->nodes_len + 1);
	walk_edges(&e, rb, last);
	sum_up(g->pred_at, g->nodes_len);
	sum_up(g->succ_at, g->nodes_len);
	g->pred = cut_new_array(uint32_t, g->pred_at[g->nodes_len] + 1);
	g->succ = cut_new_array(uint32_t, g->succ_at[g->nodes_len] + 1);
	e.filling = true;
	walk_edges(&e, rb, last);
	shift_back(g->pred_at, g->nodes_len);
	shift_back(g->succ_at, g->nodes_len);
	free(last);
}

static void heap_push(uint32_t *heap, uint32_t *len, uint32_t node)
{
	uint32_t i = (*len)++;

	for (; i > 0 && heap[(i - 1) / 2] > node; i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = node;
}

static uint32_t heap_pop(uint32_t *heap, uint32_t *len)
{
	uint32_t top = heap[0], moved = heap[--(*len)], i = 0;

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= *len)
			break;
		if (child + 1 < *len && heap[child + 1] < heap[child])
			child++;
		if (heap[child] >= moved)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = moved;
	return top;
}

/* Returns how many nodes could be ordered; waiting[] of the others stays above zero. */
static uint32_t make_order(struct cut_graph *g, uint32_t *waiting)
{
	uint32_t *heap = cut_new_array(uint32_t, g->nodes_len + 1);
	uint32_t heap_len = 0, done = 0;

	for (uint32_t i = 0; i < g->nodes_len; i++) {
		waiting[i] = g->pred_at[i + 1] - g->pred_at[i];
		if (waiting[i] == 0)
			heap_push(heap, &heap_len, i);
	}
	while (heap_len > 0) {
		uint32_t node = heap_pop(heap, &heap_len);

		g->position[node] = done;
		g->order[done++] = node;
		for (uint32_t s = g->succ_at[node]; s < g->succ_at[node + 1]; s++)
			if (--waiting[g->succ[s]] == 0)
				heap_push(heap, &heap_len, g->succ[s]);
	}
	free(heap);
	return done;
}

/* Steps and groups by address. */
static const char *name_of(const struct cut_graph *g, const struct cut_runbook *rb, uint32_t node)
{
	return node < g->steps_len ? rb->steps[node].address
				   : rb->groups[(node - g->steps_len) / 2].address;
}

/* A group through which the cycle passes is named once, where it ends. */
static bool is_shown(const struct cut_graph *g, uint32_t node, const uint32_t *path, uint32_t len)
{
	if (node < g->steps_len || (node - g->steps_len) % 2 == 1)
		return true;
	for (uint32_t i = 0; i < len; i++)
		if (path[i] == node + 1)
			return false;
	return true;
}

/* What waits before a node that waits: there always is one. */
static uint32_t first_waiting(const struct cut_graph *g, const uint32_t *waiting, uint32_t node)
{
	const uint32_t *pred = &g->pred[g->pred_at[node]];

	while (waiting[*pred] == 0)
		pred++;
	return *pred;
}

/* From any node that could not be ordered, going back along waiting ones must come round. */
static int describe_cycle(const struct cut_graph *g, const struct cut_runbook *rb,
			  const uint32_t *waiting, uint32_t *ret_where, struct cut_err *err)
{
	bool *came = cut_new_array(bool, g->nodes_len);
	uint32_t *path = cut_new_array(uint32_t, g->nodes_len + 1);
	struct cut_buf text = {.max_bytes = 4096};
	uint32_t node = 0, len = 0, shown = 0, first = CUT_NONE, where = CUT_NONE;

	while (waiting[node] == 0)
		node++;
	for (; !came[node]; node = first_waiting(g, waiting, node))
		came[node] = true;
	/* once more round, from the node that closed it, to list it in the order of running */
	for (uint32_t at = node; len == 0 || at != node; at = first_waiting(g, waiting, at))
		path[len++] = at;
	for (uint32_t i = len; i-- > 0;) {
		if (!is_shown(g, path[i], path, len))
			continue;
		if (first == CUT_NONE)
			first = path[i];
		if (path[i] < g->steps_len && where == CUT_NONE)
			where = path[i];
		if (shown++ < 12)
			cut_buf_printf(&text, "%s → ", name_of(g, rb, path[i]));
		else if (shown == 14)
			cut_buf_add_str(&text, "… → ");
	}
	cut_buf_add_str(&text, name_of(g, rb, first));
	*ret_where = where == CUT_NONE ? 0 : where; /* groups without steps */
	cut_err_set(err, -ELOOP, cut_buf_str(&text), "take one of these `needs` away",
		    "steps wait for each other");
	cut_buf_done(&text);
	free(path);
	free(came);
	return -ELOOP;
}

int cut_graph_new(const struct cut_runbook *rb, struct cut_graph **ret, uint32_t *ret_where,
		  struct cut_err *err)
{
	cut_auto(cut_graph) struct cut_graph *g = cut_new(struct cut_graph);
	uint32_t *waiting;
	int r = 0;

	g->steps_len = rb->steps_len;
	g->groups_len = rb->groups_len;
	g->phases_len = rb->phases_len;
	g->nodes_len = g->steps_len + 2 * g->groups_len + 2 * g->phases_len;
	make_rows(g, rb);
	g->order = cut_new_array(uint32_t, g->nodes_len + 1);
	g->position = cut_new_array(uint32_t, g->nodes_len + 1);
	waiting = cut_new_array(uint32_t, g->nodes_len + 1);
	if (make_order(g, waiting) < g->nodes_len)
		r = describe_cycle(g, rb, waiting, ret_where, err);
	free(waiting);
	if (r < 0)
		return r;
	*ret = cut_take(g);
	return 0;
}

void cut_graph_free(struct cut_graph *graph)
{
	if (!graph)
		return;
	free(graph->pred_at);
	free(graph->pred);
	free(graph->succ_at);
	free(graph->succ);
	free(graph->order);
	free(graph->position);
	free(graph);
}

static cut_time planned_of(const struct cut_runbook *rb, uint32_t node)
{
	if (node >= rb->steps_len || rb->steps[node].planned == CUT_NEVER)
		return 0;
	return rb->steps[node].planned;
}

uint32_t cut_graph_critical(const struct cut_graph *graph, const struct cut_runbook *rb,
			    uint32_t *path, cut_time *ret_total)
{
	struct reach {
		cut_time end;
		uint32_t hops, from;
	} * best, *b;
	uint32_t last = CUT_NONE, len = 0;

	best = cut_new_array(struct reach, graph->nodes_len + 1);
	for (uint32_t i = 0; i < graph->nodes_len; i++) {
		uint32_t node = graph->order[i];

		b = &best[node];
		b->from = CUT_NONE;
		/* the checks, tests and endings beside the forward phases are no part of it */
		if (node < graph->steps_len &&
		    rb->phases[rb->steps[node].phase].role != CUT_PHASE_FORWARD)
			continue;
		for (uint32_t p = graph->pred_at[node]; p < graph->pred_at[node + 1]; p++) {
			const struct reach *before = &best[graph->pred[p]];

			if (b->from == CUT_NONE || before->end > b->end ||
			    (before->end == b->end && before->hops > b->hops)) {
				b->end = before->end;
				b->hops = before->hops;
				b->from = graph->pred[p];
			}
		}
		b->end += planned_of(rb, node);
		b->hops += node < graph->steps_len;
		if (last == CUT_NONE || b->end > best[last].end ||
		    (b->end == best[last].end && b->hops > best[last].hops))
			last = node;
	}
	*ret_total = last == CUT_NONE ? 0 : best[last].end;
	for (uint32_t node = last; node != CUT_NONE; node = best[node].from)
		if (node < graph->steps_len)
			path[len++] = node;
	for (uint32_t i = 0; i < len / 2; i++) {
		uint32_t swapped = path[i];

		path[i] = path[len - 1 - i];
		path[len - 1 - i] = swapped;
	}
	free(best);
	return len;
}

/* Goes back from `after`, never past what is ordered before `before`. */
bool cut_graph_before(const struct cut_graph *graph, uint32_t before, uint32_t after)
{
	uint32_t *todo, len = 0;
	uint8_t *seen;
	bool found = false;

	if (graph->position[before] >= graph->position[after])
		return false;
	for (uint32_t p = graph->pred_at[after]; p < graph->pred_at[after + 1]; p++)
		if (graph->pred[p] == before)
			return true;
	todo = cut_new_array(uint32_t, graph->position[after] - graph->position[before] + 2);
	seen = cut_new_array(uint8_t, graph->position[after] - graph->position[before] + 1);
	todo[len++] = after;
	while (len > 0 && !found) {
		uint32_t node = todo[--len];

		for (uint32_t p = graph->pred_at[node]; p < graph->pred_at[node + 1]; p++) {
			uint32_t pred = graph->pred[p];
			uint32_t at = graph->position[pred] - graph->position[before];

			if (pred == before)
				found = true;
			if (graph->position[pred] <= graph->position[before] || seen[at])
				continue;
			seen[at] = 1;
			todo[len++] = pred;
		}
	}
	free(seen);
	free(todo);
	return found;
}

uint32_t cut_graph_dependants(const struct cut_graph *graph, uint32_t step, uint32_t *out,
			      uint32_t max)
{
	bool *seen = cut_new_array(bool, graph->nodes_len);
	struct {
		CUT_VEC(uint32_t);
	} joins = {0};
	uint32_t node = step, len = 0;

	for (;;) {
		for (uint32_t i = graph->succ_at[node]; i < graph->succ_at[node + 1]; i++) {
			uint32_t next = graph->succ[i];

			if (seen[next])
				continue;
			seen[next] = true;
			if (next >= graph->steps_len)
				cut_vec_push(&joins, next);
			else if (len < max)
				out[len++] = next;
		}
		if (joins.len == 0)
			break;
		node = cut_vec_pop(&joins);
	}
	cut_vec_done(&joins);
	free(seen);
	return len;
}
