/* SPDX-License-Identifier: Apache-2.0 */
/* The run: events in, effects out. Each concern of a run has a file of its own, see run_internal.h.
 */
#include "engine/core/run_internal.h"

#include "engine/base/json.h"
#include "engine/base/statetable.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* armed → running ⇄ paused, then rolling_back, then always closing, then exactly one final state.
 */
#define ROW(state, label, next) [CUT_RUN_##state] = {label, next}
#define TO(state)		CUT_TO(CUT_RUN_##state)
#define FINAL                                                                                      \
	(TO(ACCEPTED) | TO(DONE) | TO(ROLLED_BACK) | TO(ROLLBACK_INCOMPLETE) | TO(ABORTED) |       \
	 TO(FAILED))
static const struct cut_state_row run_states[CUT_RUN_STATES] = {
	ROW(NEW, "new", TO(ARMED)),
	ROW(ARMED, "armed", TO(RUNNING) | TO(CLOSING)),
	ROW(RUNNING, "running", TO(PAUSED) | TO(ROLLING_BACK) | TO(CLOSING)),
	ROW(PAUSED, "paused", TO(RUNNING) | TO(ROLLING_BACK) | TO(CLOSING)),
	ROW(ROLLING_BACK, "rolling_back", TO(CLOSING)),
	ROW(CLOSING, "closing", FINAL),
	ROW(ACCEPTED, "accepted", 0),
	ROW(DONE, "done", 0),
	ROW(ROLLED_BACK, "rolled_back", 0),
	ROW(ROLLBACK_INCOMPLETE, "rollback_incomplete", 0),
	ROW(ABORTED, "aborted", 0),
	ROW(FAILED, "failed", 0),
};
#undef ROW
#undef TO
#undef FINAL

const char *cut_run_state_name(enum cut_run_state state)
{
	return run_states[state].name;
}

void cut_run_move(struct cut_run *run, enum cut_run_state state)
{
	cut_state_move(run_states, "a run", &run->state, state);
}

bool cut_run_forward(const struct cut_run *run)
{
	return run->state == CUT_RUN_RUNNING || run->state == CUT_RUN_PAUSED;
}

bool cut_run_final(const struct cut_run *run)
{
	return run->state >= CUT_RUN_ACCEPTED;
}

/* --- lifetime --- */

static void init_counters(struct cut_run *run)
{
	const struct cut_graph *g = run->graph;

	for (uint32_t i = 0; i < g->nodes_len; i++)
		run->left[i] = g->pred_at[i + 1] - g->pred_at[i];
	/* Phases begin when the run says so: the first one at the start, tests when asked for … */
	for (uint32_t p = 0; p < run->rb->phases_len; p++)
		if (!run->left[cut_graph_phase_begin(g, p)])
			run->left[cut_graph_phase_begin(g, p)] = 1;
}

/* The node whose end closes a temporary step, or CUT_NONE: the end of the run. */
static uint32_t until_node(const struct cut_run *run, const struct cut_step *step)
{
	if (step->temporary->until_phase != CUT_NONE)
		return cut_graph_phase_end(run->graph, step->temporary->until_phase);
	if (step->temporary->until.index == CUT_NONE)
		return CUT_NONE;
	return step->temporary->until.group
		       ? cut_graph_group_end(run->graph, step->temporary->until.index)
		       : step->temporary->until.index;
}

static void init_temporaries(struct cut_run *run)
{
	for (uint32_t i = 0; i < run->rb->steps_len; i++) {
		uint32_t node;

		if (!run->rb->steps[i].temporary)
			continue;
		cut_vec_push(&run->temporaries, i);
		node = until_node(run, &run->rb->steps[i]);
		if (node == CUT_NONE)
			continue;
		if (!run->until_head) {
			run->until_head = cut_new_array(uint32_t, run->graph->nodes_len);
			run->until_next = cut_new_array(uint32_t, run->rb->steps_len);
			memset(run->until_head, 0xff, run->graph->nodes_len * sizeof(uint32_t));
		}
		run->until_next[i] = run->until_head[node];
		run->until_head[node] = i;
	}
}

static void init_locks(struct cut_run *run)
{
	for (uint32_t i = 0; i < run->rb->steps_len; i++) {
		const struct cut_step *step = &run->rb->steps[i];

		for (uint32_t k = 0; k < step->locks_len; k++)
			if (cut_map_put(&run->lock_names, step->locks[k], strlen(step->locks[k]),
					(uint32_t)run->locks.len, NULL))
				cut_vec_push(&run->locks, (struct cut_run_lock){0});
	}
}

struct cut_run *cut_run_new(const struct cut_runbook *rb, const struct cut_graph *graph)
{
	struct cut_run *run = cut_new(struct cut_run);

	run->rb = rb;
	run->graph = graph;
	run->steps = cut_new_array(struct cut_run_step, rb->steps_len);
	run->groups = cut_new_array(struct cut_run_group, rb->groups_len);
	run->left = cut_new_array(uint32_t, graph->nodes_len);
	run->aux = cut_calloc(rb->phases_len, sizeof(*run->aux));
	run->triggers = cut_new_array(uint8_t, rb->triggers_len);
	run->clocks = cut_new_array(struct cut_run_clock, rb->downtimes_len);
	run->acked = cut_new_array(bool, rb->clients_len);
	run->doing[CUT_DOING_NOTHING] = rb->steps_len;
	run->phase = run->ponr = CUT_NONE;
	run->decide_at = CUT_NEVER;
	for (uint32_t i = 0; i < rb->steps_len; i++) {
		struct cut_run_step *s = &run->steps[i];

		s->started = s->ended = s->due = s->deadline_at = CUT_NEVER;
		s->started_wall = s->ended_wall = CUT_NEVER;
		s->waiting = CUT_NONE;
	}
	for (uint32_t i = 0; i < rb->downtimes_len; i++)
		run->clocks[i].since = CUT_NEVER;
	init_counters(run);
	init_temporaries(run);
	init_locks(run);
	return run;
}

void cut_run_free(struct cut_run *run)
{
	if (!run)
		return;
	for (uint32_t i = 0; i < run->rb->steps_len; i++) {
		json_decref(run->steps[i].outputs);
		json_decref(run->steps[i].saved);
		free(run->steps[i].reason);
	}
	for (uint32_t i = 0; i < run->rb->groups_len; i++) {
		free(run->groups[i].error);
		cut_vec_done(&run->groups[i]);
	}
	cut_vec_foreach (&run->locks, lock)
		cut_vec_done(lock);
	cut_vec_foreach (&run->holds, hold)
		cut_hold_done(hold);
	for (int i = 0; i < CUT_LANES; i++) {
		cut_vec_done(&run->lanes[i].ready);
		cut_vec_done(&run->lanes[i].quick);
	}
	cut_vec_done(&run->locks);
	cut_vec_done(&run->holds);
	cut_vec_done(&run->done);
	cut_vec_done(&run->undone);
	cut_vec_done(&run->timers);
	cut_vec_done(&run->walls);
	cut_vec_foreach (&run->waiting, waiting)
		cut_waiting_done(waiting);
	cut_vec_foreach (&run->nonces, nonce)
		free(*nonce);
	cut_vec_done(&run->waiting);
	cut_vec_done(&run->votes);
	cut_vec_done(&run->nonces);
	cut_vec_done(&run->clean_waits);
	cut_vec_done(&run->undo_traffic);
	cut_vec_done(&run->temporaries);
	cut_map_done(&run->lock_names);
	json_decref(run->armed);
	json_decref(run->evidence);
	json_decref(run->held);
	json_decref(run->released);
	json_decref(run->causes);
	free(run->steps);
	free(run->groups);
	free(run->left);
	free(run->aux);
	free(run->triggers);
	free(run->clocks);
	free(run->acked);
	free(run->undo_left);
	free(run->until_head);
	free(run->until_next);
	free(run->hold_cause);
	free(run->in_command);
	free(run->why_final);
	free(run);
}

/* --- effects --- */

struct cut_effect *cut_run_fx(struct cut_run *run, enum cut_effect_type type)
{
	cut_vec_push(run->out, (struct cut_effect){.type = type});
	return &cut_vec_last(run->out);
}

__attribute__((format(printf, 1, 0))) static char *format(const char *fmt, va_list ap)
{
	struct cut_buf buf = {0};

	cut_buf_vprintf(&buf, fmt, ap);
	return cut_buf_take(&buf);
}

void cut_run_page(struct cut_run *run, const char *event, const char *fmt, ...)
{
	struct cut_effect *fx = cut_run_fx(run, CUT_FX_PAGE);
	va_list ap;

	va_start(ap, fmt);
	fx->page.event = event;
	fx->page.text = format(fmt, ap);
	va_end(ap);
}

void cut_run_record(struct cut_run *run, json_t *details, const char *fmt, ...)
{
	struct cut_effect *fx = cut_run_fx(run, CUT_FX_RUN);
	va_list ap;

	va_start(ap, fmt);
	fx->durable = true;
	fx->run.state = run->state;
	fx->run.cause = format(fmt, ap);
	fx->run.details = details;
	va_end(ap);
}

json_t *cut_cause(const char *kind, const char *id, const char *text)
{
	json_t *cause = json_object();

	json_object_set_new(cause, "kind", json_string(kind));
	json_object_set_new(cause, "id", id ? json_string(id) : json_null());
	json_object_set_new(cause, "text", json_string(text));
	return cause;
}

/* --- feed --- */

static void arm(struct cut_run *run, const struct cut_event *ev)
{
	run->armed = json_incref(ev->armed);
	run->window_override = cut_json_str(ev->armed, "override_window", NULL) != NULL;
	cut_run_move(run, CUT_RUN_ARMED);
}

static bool in_flight(const struct cut_run *run, const struct cut_event *ev)
{
	const struct cut_run_step *s = &run->steps[ev->outcome.step];

	if (ev->outcome.attempt != (s->part == CUT_PART_UNDO ? s->undo_attempt : s->attempt))
		return false;
	return s->checking || (s->doing == CUT_DOING_CALL && s->op == ev->outcome.op);
}

/* Refused here, an event leaves the run as it is. */
static int may(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	if ((run->state == CUT_RUN_NEW) != (ev->type == CUT_EV_ARMED))
		return cut_err_set(err, -EINVAL, NULL, NULL, "the first event of a run is armed");
	if (ev->t < run->t)
		return cut_err_set(err, -EINVAL, NULL, NULL, "the run clock went backwards");
	if (cut_run_final(run) && ev->type != CUT_EV_NOTE && ev->type != CUT_EV_RESUMED)
		return cut_err_set(err, -EALREADY, NULL, "cutover report tells how it went",
				   "the run has ended as %s", cut_run_state_name(run->state));
	if (ev->type == CUT_EV_APPROVAL)
		return cut_gate_may_vote(run, ev, err);
	if (ev->type == CUT_EV_ORDER)
		return cut_order_may(run, ev, err);
	if (ev->type == CUT_EV_OUTCOME && !in_flight(run, ev))
		return cut_err_set(err, -EALREADY, NULL, NULL,
				   "no such operation of %s is in flight",
				   run->rb->steps[ev->outcome.step].address);
	return 0;
}

static void apply(struct cut_run *run, const struct cut_event *ev)
{
	switch (ev->type) {
	case CUT_EV_ARMED: arm(run, ev); break;
	case CUT_EV_SAVED: /* the first one wins */
		if (!run->steps[ev->saved.step].saved)
			run->steps[ev->saved.step].saved = json_incref(ev->saved.state);
		break;
	case CUT_EV_OUTCOME: cut_step_outcome(run, ev); break;
	case CUT_EV_TRIGGER: cut_run_trigger(run, ev); break;
	case CUT_EV_ACCEPTANCE: cut_run_acceptance(run, ev); break;
	case CUT_EV_APPROVAL: cut_gate_vote(run, ev); break;
	case CUT_EV_ORDER: cut_order_apply(run, ev); break;
	case CUT_EV_RESUMED: cut_call_resume(run); break;
	case CUT_EV_NOTE:
	case CUT_EV_CLOCK: /* run->wall has moved, which is all */
	case CUT_EV_TICK:
	case CUT_EV_TYPES: break;
	}
}

static void settle(struct cut_run *run)
{
	if (run->state < CUT_RUN_RUNNING || cut_run_final(run))
		return;
	for (;;) {
		size_t before = run->out->len;

		cut_hold_settle(run);
		cut_run_drain(run);
		cut_run_dispatch(run);
		cut_rollback_advance(run);
		cut_closing_advance(run);
		if (!run->done.len && run->out->len == before)
			break;
	}
	cut_hold_settle(run);
	cut_timer_purge(run);
}

int cut_run_feed(struct cut_run *run, const struct cut_event *ev, struct cut_effects *out,
		 struct cut_err *err)
{
	bool fired = false;
	int r = may(run, ev, err);

	if (r < 0)
		return r;
	run->out = out;
	run->t = ev->t;
	run->wall = ev->wall;
	/* Calls that were in flight are lost before what was due meanwhile starts new ones. */
	if (ev->type == CUT_EV_RESUMED)
		apply(run, ev);
	/* Triggers of one instant are one decision, which the next tick takes. */
	if (ev->type != CUT_EV_TRIGGER || ev->t != run->decide_at)
		fired = cut_timer_advance(run);
	/* What was due may have made the event pointless: an outcome always counts. */
	if (ev->type == CUT_EV_OUTCOME || ev->type == CUT_EV_ARMED ||
	    (ev->type != CUT_EV_RESUMED && may(run, ev, NULL) == 0))
		apply(run, ev);
	settle(run);
	run->out = NULL;
	return fired;
}
