/* SPDX-License-Identifier: Apache-2.0 */
/* Which nodes of the graph are done and which open next: steps, and the joins of groups and phases.
 */
#include "engine/core/run_internal.h"

#include "engine/base/json.h"

#include <assert.h>
#include <string.h>

void cut_run_node_done(struct cut_run *run, uint32_t node)
{
	cut_vec_push(&run->done, node);
}

cut_time cut_run_when(const struct cut_run *run, const struct cut_when *when, uint32_t phase)
{
	const struct cut_window *window = &run->rb->phases[phase].window;

	switch (when->base) {
	case CUT_WHEN_AT: return when->at;
	case CUT_WHEN_OPENS: return window->opens + when->at;
	case CUT_WHEN_CLOSES: return window->closes + when->at;
	case CUT_WHEN_NONE: break;
	}
	return 0;
}

void cut_run_phase_opened(struct cut_run *run, uint32_t phase)
{
	cut_run_node_done(run, cut_graph_phase_begin(run->graph, phase));
}

static void open_phase(struct cut_run *run, uint32_t phase)
{
	const struct cut_phase *p = &run->rb->phases[phase];
	cut_time not_before;

	if (p->role != CUT_PHASE_FORWARD) {
		cut_run_node_done(run, cut_graph_phase_begin(run->graph, phase));
		return;
	}
	run->phase = phase;
	if (p->window.closes != CUT_NEVER)
		cut_timer_set_wall(run, CUT_TIMER_CLOSES, phase, p->window.closes);
	not_before = cut_run_when(run, &p->not_before, phase);
	if (not_before > run->wall)
		cut_timer_set_wall(run, CUT_TIMER_PHASE, phase, not_before);
	else
		cut_run_phase_opened(run, phase);
}

static void until_phase_done(struct cut_run *run, uint32_t phase)
{
	const char *until = cut_json_str(run->armed, "until", NULL);
	const char *id = run->rb->phases[phase].id;

	if (until && strcmp(until, id) == 0 && phase + 1 < run->rb->forward_len)
		cut_hold_add(run, CUT_HOLD_OPERATOR, id, false, true,
			     cut_strdup("cutover resume to go on, or cutover rollback"),
			     "%s is done and the run was to go until here", id);
}

/* All its steps are done; and once more when its acceptance is reached. */
void cut_run_close_phase(struct cut_run *run, uint32_t phase)
{
	const struct cut_phase *p = &run->rb->phases[phase];

	if (p->role != CUT_PHASE_FORWARD) {
		run->aux[phase].state = CUT_AUX_ENDED;
		return;
	}
	if (p->acceptance.given && !run->accepted) {
		run->stage_done = true;
		run->stage_since = run->t;
		return;
	}
	if (run->accepted) {
		run->stage_first = phase + 1;
		run->stage_done = run->accepted = false;
		run->stage_tail = 0;
		run->ponr = CUT_NONE;
		run->acceptance = CUT_ACC_WAITING;
	}
	until_phase_done(run, phase);
	if (phase + 1 == run->rb->forward_len)
		run->forward_done = true;
	cut_run_node_done(run, cut_graph_phase_end(run->graph, phase));
}

static void open_group(struct cut_run *run, uint32_t group)
{
	const struct cut_group *g = &run->rb->groups[group];
	struct cut_run_group *state = &run->groups[group];
	cut_auto(cut_err) struct cut_err err = {0};

	if (g->parent != CUT_NONE) {
		state->skipped = run->groups[g->parent].skipped;
		state->error = cut_strdup(run->groups[g->parent].error);
	}
	if (!state->skipped && !state->error && g->cond) {
		int r = cut_env_true(run, CUT_NONE, group, g->cond, NULL, &err);

		state->skipped = r == 0;
		state->error = r < 0 ? cut_err_text(&err) : NULL;
	}
	if (!state->slot && !state->skipped && g->parent != CUT_NONE) {
		if (!cut_run_take_slot(run, cut_graph_group_begin(run->graph, group), g->parent))
			return;
		state->slot = run->rb->groups[g->parent].max_parallel != 0;
	}
	cut_run_node_done(run, cut_graph_group_begin(run->graph, group));
}

static void close_group(struct cut_run *run, uint32_t group)
{
	if (run->groups[group].slot) {
		run->groups[group].slot = false;
		cut_run_give_slot(run, run->rb->groups[group].parent);
	}
	cut_run_node_done(run, cut_graph_group_end(run->graph, group));
}

static void open_node(struct cut_run *run, uint32_t node)
{
	const struct cut_graph *g = run->graph;
	uint32_t join;

	if (node < g->steps_len) {
		cut_run_open_step(run, node);
		return;
	}
	join = node - g->steps_len;
	if (join < 2 * g->groups_len) {
		if (join % 2 == 0)
			open_group(run, join / 2);
		else
			close_group(run, join / 2);
		return;
	}
	join -= 2 * g->groups_len;
	if (join % 2 == 0)
		open_phase(run, join / 2);
	else
		cut_run_close_phase(run, join / 2);
}

void cut_run_unpark(struct cut_run *run, uint32_t node)
{
	open_node(run, node);
}

void cut_run_begin(struct cut_run *run)
{
	run->left[cut_graph_phase_begin(run->graph, 0)] = 0;
	open_node(run, cut_graph_phase_begin(run->graph, 0));
}

/* Tells what follows. */
void cut_run_drain(struct cut_run *run)
{
	const struct cut_graph *g = run->graph;

	while (run->done.len) {
		uint32_t node = cut_vec_pop(&run->done);

		if (run->until_head)
			cut_closing_until(run, node);
		for (uint32_t i = g->succ_at[node]; i < g->succ_at[node + 1]; i++) {
			uint32_t next = g->succ[i];

			assert(run->left[next]);
			if (--run->left[next] == 0)
				open_node(run, next);
		}
	}
}

/* A phase of tests, ready, verify or finally: from its beginning, also again. */
void cut_run_aux_start(struct cut_run *run, uint32_t phase)
{
	const struct cut_phase *p = &run->rb->phases[phase];
	const struct cut_graph *g = run->graph;

	for (uint32_t i = p->first_step; i < p->first_step + p->steps_len; i++) {
		struct cut_run_step *s = &run->steps[i];

		if (run->aux[phase].tried) {
			json_decref(s->outputs);
			s->outputs = NULL;
			cut_step_say(run, i, NULL);
			s->state = CUT_STEP_PENDING; /* a new round, not a move */
			s->tries = s->verify_tries = s->lost = 0;
			s->started = s->ended = s->started_wall = s->ended_wall = CUT_NEVER;
		}
		run->left[i] = g->pred_at[i + 1] - g->pred_at[i];
	}
	for (uint32_t i = 0; i < run->rb->groups_len; i++) {
		if (run->rb->groups[i].phase != phase)
			continue;
		for (uint32_t n = cut_graph_group_begin(g, i); n <= cut_graph_group_end(g, i); n++)
			run->left[n] = g->pred_at[n + 1] - g->pred_at[n];
	}
	run->left[cut_graph_phase_end(g, phase)] = g->pred_at[cut_graph_phase_end(g, phase) + 1] -
						   g->pred_at[cut_graph_phase_end(g, phase)];
	run->left[cut_graph_phase_begin(g, phase)] = 0;
	run->aux[phase].state = CUT_AUX_RUNNING;
	run->aux[phase].failed = false;
	run->aux[phase].tried = true;
	open_node(run, cut_graph_phase_begin(g, phase));
}
