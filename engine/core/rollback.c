/* SPDX-License-Identifier: Apache-2.0 */
/* A rollback: the stage's steps in the reverse order of the graph, phases as barriers, traffic
 * first among those that are ready. */
#include "engine/core/run_internal.h"

#include "engine/base/json.h"

#include <errno.h>
#include <string.h>

#define PROBE_TIME (30 * CUT_SECOND) /* for rollback.ready: users wait */
#define SCOPE_MAX  1000		     /* steps named in the record */

/* --- scope and order --- */

static uint32_t phase_of(const struct cut_run *run, uint32_t node)
{
	const struct cut_graph *g = run->graph;

	if (node < g->steps_len)
		return run->rb->steps[node].phase;
	node -= g->steps_len;
	if (node < 2 * g->groups_len)
		return run->rb->groups[node / 2].phase;
	return (node - 2 * g->groups_len) / 2;
}

bool cut_rollback_in_stage(const struct cut_run *run, uint32_t node)
{
	uint32_t phase = phase_of(run, node);

	return phase >= run->stage_first && run->rb->phases[phase].role == CUT_PHASE_FORWARD;
}

/* All that depends on the step, directly or not. */
static void mark_after(const struct cut_run *run, uint32_t step, bool *ret_scope)
{
	const struct cut_graph *g = run->graph;
	bool *seen = cut_new_array(bool, g->nodes_len);
	struct {
		CUT_VEC(uint32_t);
	} stack = {0};

	cut_vec_push(&stack, step);
	while (stack.len) {
		uint32_t node = cut_vec_pop(&stack);

		for (uint32_t i = g->succ_at[node]; i < g->succ_at[node + 1]; i++) {
			uint32_t next = g->succ[i];

			if (seen[next])
				continue;
			seen[next] = true;
			cut_vec_push(&stack, next);
			if (next < g->steps_len && cut_rollback_in_stage(run, next))
				ret_scope[next] = true;
		}
	}
	cut_vec_done(&stack);
	free(seen);
}

int cut_rollback_scope(const struct cut_run *run, const char *target, bool *ret_scope,
		       struct cut_err *err)
{
	uint32_t phase = target ? cut_runbook_phase(run->rb, target) : CUT_NONE;
	uint32_t step = target ? cut_runbook_address(run->rb, target) : CUT_NONE;

	if (step != CUT_NONE)
		phase = run->rb->steps[step].phase;
	if (target && (phase == CUT_NONE || run->rb->phases[phase].role != CUT_PHASE_FORWARD))
		return cut_err_set(err, -EINVAL, NULL, "name a phase or the address of a step",
				   "there is no phase or step %s to roll back to", target);
	if (step != CUT_NONE) {
		mark_after(run, step, ret_scope);
		return 0;
	}
	for (uint32_t i = 0; i < run->rb->steps_len; i++)
		ret_scope[i] = cut_rollback_in_stage(run, i) &&
			       (phase == CUT_NONE || run->rb->steps[i].phase > phase);
	return 0;
}

uint32_t *cut_rollback_counters(const struct cut_run *run)
{
	const struct cut_graph *g = run->graph;
	uint32_t *left = cut_new_array(uint32_t, g->nodes_len);

	for (uint32_t i = 0; i < g->nodes_len; i++)
		left[i] = g->succ_at[i + 1] - g->succ_at[i];
	return left;
}

/* Among those that are ready: traffic, then the later in the order of the graph. */
int64_t cut_rollback_rank(const struct cut_run *run, uint32_t step)
{
	bool traffic = run->rb->steps[step].body.effects & CUT_TRAFFIC;

	return (traffic ? -((int64_t)1 << 40) : 0) - (int64_t)run->graph->position[step];
}

/* --- opening, in reverse --- */

static bool pending(const struct cut_run *run, uint32_t step)
{
	return run->steps[step].in_scope && !run->rb->steps[step].temporary &&
	       cut_step_duty(run, step);
}

static void mark_pending(struct cut_run *run, uint32_t step)
{
	if (pending(run, step) && run->rb->steps[step].undo != CUT_UNDO_IMPOSSIBLE)
		cut_step_move(run, step, CUT_STEP_ROLLBACK_PENDING);
}

static bool live(const struct cut_run *run, uint32_t step)
{
	return run->steps[step].doing == CUT_DOING_CALL && run->steps[step].part != CUT_PART_UNDO;
}

static void open_undo(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];
	bool traffic = run->rb->steps[step].body.effects & CUT_TRAFFIC;

	s->undo_open = true;
	if (live(run, step))
		return;
	if (!pending(run, step)) {
		cut_vec_push(&run->undone, step);
		return;
	}
	if (run->rb->steps[step].undo == CUT_UNDO_IMPOSSIBLE) {
		cut_step_move(run, step, CUT_STEP_ROLLBACK_IMPOSSIBLE);
		cut_step_say(run, step, "cannot be undone: %s",
			     run->rb->steps[step].prose->undo_reason);
		cut_step_record(run, step, false);
		run->undo_impossible++;
		cut_vec_push(&run->undone, step);
		return;
	}
	cut_step_doing(run, step, CUT_DOING_QUEUED);
	s->part = CUT_PART_UNDO;
	cut_heap_push(traffic ? &run->undo_traffic : &run->lanes[CUT_LANE_UNDO].ready,
		      (struct cut_heap_item){cut_rollback_rank(run, step), 0, step});
}

/* A step that ran when the rollback began has ended; or one is undone. */
void cut_rollback_ended(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];

	if (run->state != CUT_RUN_ROLLING_BACK || run->rb->steps[step].temporary) {
		if (run->state == CUT_RUN_ROLLING_BACK && s->undo_open)
			cut_vec_push(&run->undone, step);
		return;
	}
	if (s->state == CUT_STEP_ROLLED_BACK) {
		cut_vec_push(&run->undone, step);
		return;
	}
	mark_pending(run, step);
	if (s->undo_open)
		open_undo(run, step);
}

static void drain(struct cut_run *run)
{
	const struct cut_graph *g = run->graph;

	while (run->undone.len) {
		uint32_t node = cut_vec_pop(&run->undone);

		if (node == cut_graph_phase_begin(g, run->stage_first))
			run->undo_complete = true;
		for (uint32_t i = g->pred_at[node]; i < g->pred_at[node + 1]; i++) {
			uint32_t before = g->pred[i];

			if (!cut_rollback_in_stage(run, before) || --run->undo_left[before])
				continue;
			if (before < g->steps_len)
				open_undo(run, before);
			else
				cut_vec_push(&run->undone, before);
		}
	}
}

/* --- starting --- */

static json_t *scope_json(const struct cut_run *run, uint32_t *ret_len)
{
	json_t *names = json_array();
	uint32_t len = 0;

	for (uint32_t i = run->graph->nodes_len; i-- > 0;) {
		uint32_t node = run->graph->order[i];

		if (node >= run->graph->steps_len || !pending(run, node))
			continue;
		if (len++ < SCOPE_MAX)
			json_array_append_new(names, json_string(run->rb->steps[node].address));
	}
	*ret_len = len;
	return names;
}

static void announce(struct cut_run *run, json_t *causes)
{
	json_t *details = json_object(), *cause;
	cut_auto(cut_buf) struct cut_buf text = {0};
	uint32_t len;
	size_t i;

	json_array_foreach (causes, i, cause) {
		const char *id = cut_json_str(cause, "id", "");

		cut_buf_printf(&text, "%s%s%s%s: %s", i ? "; " : "",
			       cut_json_str(cause, "kind", ""), *id ? " " : "", id,
			       cut_json_str(cause, "text", ""));
	}
	json_object_set_new(details, "causes", causes);
	json_object_set_new(details, "scope", scope_json(run, &len));
	json_object_set_new(details, "steps", json_integer(len));
	if (len)
		cut_buf_printf(&text, "; rolling back %u step%s, traffic first", len,
			       len == 1 ? "" : "s");
	else
		cut_buf_add_str(&text, "; nothing is to be undone");
	cut_run_record(run, details, "%s", cut_buf_str(&text));
	cut_run_page(run, "run", "%s", cut_buf_str(&text));
}

void cut_rollback_start(struct cut_run *run, json_t *causes, const char *target)
{
	bool *scope = cut_new_array(bool, run->rb->steps_len);

	cut_rollback_scope(run, target, scope, NULL);
	for (uint32_t i = 0; i < run->rb->steps_len; i++)
		run->steps[i].in_scope = scope[i];
	free(scope);
	cut_hold_forget(run);
	run->decide_at = CUT_NEVER;
	run->frozen_until = 0;
	json_decref(cut_take(run->causes));
	run->done.len = 0;
	cut_run_move(run, CUT_RUN_ROLLING_BACK);
	announce(run, causes);
	run->undo_complete = run->stage_first == run->rb->forward_len; /* all is accepted */
	run->undo_left = cut_rollback_counters(run);
	for (uint32_t i = 0; i < run->rb->steps_len; i++) {
		cut_step_interrupt(run, i, false);
		if (!live(run, i) && run->steps[i].state != CUT_STEP_ROLLBACK_PENDING)
			mark_pending(run, i);
	}
	for (uint32_t i = 0; i < run->graph->nodes_len; i++) {
		/* the end of a phase: steps have followers */
		if (!run->undo_left[i] && cut_rollback_in_stage(run, i))
			cut_vec_push(&run->undone, i);
	}
}

/* --- before traffic goes back --- */

static bool firing(const struct cut_run *run, bool blue, enum cut_trigger_state least)
{
	for (uint32_t i = 0; i < run->rb->triggers_len; i++) {
		const struct cut_trigger *trigger = &run->rb->triggers[i];
		const char *side = run->rb->metrics[trigger->metric].environment;
		bool is_blue = side && strcmp(side, "blue") == 0;

		if (is_blue == blue && !trigger->shadow && run->triggers[i] >= least &&
		    run->triggers[i] <= CUT_TRIGGER_FIRING)
			return true;
	}
	return false;
}

/* Evidence that blue is bad while green is good: never onto the worse side without a person. */
static void judge(struct cut_run *run)
{
	uint32_t ready = run->rb->ready_phase;
	bool probed = ready != CUT_NONE;
	bool blue_bad =
		(probed && run->aux[ready].failed) || firing(run, true, CUT_TRIGGER_PENDING);
	bool green_bad = firing(run, false, CUT_TRIGGER_FIRING);

	if (blue_bad && !green_bad) {
		run->traffic = CUT_TRAFFIC_HELD;
		cut_hold_add(
			run, CUT_HOLD_ROLLBACK, "rollback/ready", true, true,
			cut_strdup("cutover rollback moves traffic to blue all the same; cutover "
				   "abort leaves it on green"),
			"blue is not fit to take traffic back and nothing says that green is bad");
		return;
	}
	run->traffic = CUT_TRAFFIC_GO;
	cut_run_record(run, NULL, "%s; traffic goes back",
		       blue_bad ? "blue may be unfit, but green is bad"
		       : probed && run->aux[ready].state == CUT_AUX_ENDED
			       ? "blue is ready"
			       : "nothing tells whether blue is fit");
}

static void ask_traffic(struct cut_run *run)
{
	uint32_t ready = run->rb->ready_phase;

	if (ready == CUT_NONE) {
		judge(run);
		return;
	}
	run->traffic = CUT_TRAFFIC_PROBING;
	cut_timer_set(run, CUT_TIMER_PROBE, 0, run->t + PROBE_TIME);
	cut_run_aux_start(run, ready);
}

/* rollback.ready did not end in time: what it has shown until now must do. */
void cut_rollback_probe_over(struct cut_run *run)
{
	const struct cut_phase *p = &run->rb->phases[run->rb->ready_phase];

	judge(run);
	for (uint32_t i = p->first_step; i < p->first_step + p->steps_len; i++)
		cut_step_interrupt(run, i, true);
}

void cut_rollback_confirm(struct cut_run *run)
{
	cut_hold_drop(run, CUT_HOLD_ROLLBACK, "rollback/ready");
	run->traffic = CUT_TRAFFIC_GO;
}

/* --- going on --- */

static void dispatch(struct cut_run *run)
{
	struct cut_lane *lane = &run->lanes[CUT_LANE_UNDO];

	if (run->traffic == CUT_TRAFFIC_ASK && run->undo_traffic.len)
		ask_traffic(run);
	if (run->traffic == CUT_TRAFFIC_PROBING &&
	    run->aux[run->rb->ready_phase].state == CUT_AUX_ENDED)
		judge(run);
	while (lane->active < run->rb->rollback_max_parallel) {
		bool traffic = run->undo_traffic.len && run->traffic == CUT_TRAFFIC_GO;
		uint32_t step;

		if (!traffic && !lane->ready.len)
			return;
		step = cut_heap_pop(traffic ? &run->undo_traffic : &lane->ready).target;
		cut_step_doing(run, step, CUT_DOING_NOTHING);
		cut_undo_start(run, step);
	}
}

static void hold_failed(struct cut_run *run, uint32_t step)
{
	const char *address = run->rb->steps[step].address;
	cut_auto(cut_str) char *how = cut_undo_by_hand(run, step);

	cut_hold_add(
		run, CUT_HOLD_ROLLBACK, address, true, true,
		cut_printf("cutover retry %s; or %s, then cutover attest %s --applied; or cutover "
			   "abort",
			   address, how, address),
		"%s %s", address, run->steps[step].reason);
}

/* Independent branches are done, something could not be undone. */
static void stuck(struct cut_run *run)
{
	for (uint32_t i = 0; i < run->rb->steps_len; i++)
		if (run->steps[i].state == CUT_STEP_ROLLBACK_FAILED && !run->rb->steps[i].temporary)
			hold_failed(run, i);
}

/* Old answers that resolvers still hold delay neither undos nor service, only the run's end. */
static bool tail_over(struct cut_run *run)
{
	cut_auto(cut_buf) struct cut_buf until = {0};

	if (run->undo_tail <= run->t)
		return true;
	if (run->tail_told)
		return false;
	run->tail_told = true;
	cut_timer_set(run, CUT_TIMER_TAIL, 0, run->undo_tail);
	cut_rfc3339_format(run->wall + run->undo_tail - run->t, &until);
	cut_run_record(run, NULL, "service is back; old answers may live until %s",
		       cut_buf_str(&until));
	return false;
}

/* Of a rollback that went back part of the way only. */
static bool something_stays(const struct cut_run *run)
{
	for (uint32_t i = 0; i < run->rb->steps_len; i++)
		if (cut_rollback_in_stage(run, i) && !run->steps[i].in_scope &&
		    !run->rb->steps[i].temporary && cut_step_duty(run, i))
			return true;
	return false;
}

static void finish(struct cut_run *run)
{
	bool incomplete = run->undo_failed || run->undo_impossible || run->verify_failed;

	cut_closing_start(run, incomplete ? CUT_RUN_ROLLBACK_INCOMPLETE : CUT_RUN_ROLLED_BACK,
			  incomplete		 ? "not everything could be undone"
			  : something_stays(run) ? "what came after is undone, the rest stays"
						 : "everything is undone");
}

/* rollback.verify, once all is undone. True: it is over and its result is noted. */
static bool verified(struct cut_run *run)
{
	uint32_t verify = run->rb->verify_phase;

	if (verify == CUT_NONE)
		return true;
	if (run->aux[verify].state == CUT_AUX_IDLE)
		cut_run_aux_start(run, verify);
	if (run->aux[verify].state != CUT_AUX_ENDED)
		return false;
	run->verify_failed = run->aux[verify].failed;
	if (!run->verify_failed || run->rb->rollback_continues)
		return true;
	cut_hold_add(
		run, CUT_HOLD_ROLLBACK, "rollback/verify", true, true,
		cut_strdup("cutover retry rollback/verify checks again; cutover abort ends the run "
			   "as it is"),
		"all is undone, but rollback.verify failed");
	return false;
}

void cut_rollback_advance(struct cut_run *run)
{
	struct cut_lane *lane = &run->lanes[CUT_LANE_UNDO];

	if (run->state != CUT_RUN_ROLLING_BACK)
		return;
	drain(run);
	dispatch(run);
	if (lane->active || run->undo_traffic.len || run->lanes[CUT_LANE_FORWARD].active)
		return;
	if (run->undo_failed && !run->rb->rollback_continues) {
		if (!cut_hold_find(run, CUT_HOLD_ROLLBACK, NULL))
			stuck(run);
		return;
	}
	if (run->undo_failed || (run->undo_complete && verified(run) && tail_over(run)))
		finish(run);
}
