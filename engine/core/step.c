/* SPDX-License-Identifier: Apache-2.0 */
/* One step's life, from ready to its end: attempts, verification, failure and what it leads to. */
#include "engine/core/run_internal.h"

#include "engine/base/statetable.h"

#include <string.h>

/* pending → ready → running → verifying → succeeded
 *    │        │        │          │            │
 *    │        │        ├──────────┴→ failed    │
 *    │        │        └→ unknown    │ │       │
 *    └────────┴→ skipped  (observe)  │ └→ ready (retry)
 *                                    └→ skipped (by an operator, with a reason)
 * unknown → succeeded | ready (not applied) | failed (conflict)
 * any of them with an intent → rollback_pending → rolling_back → rolled_back | rollback_failed |
 * rollback_impossible; rollback_failed → rolling_back (retry) | rolled_back (attested)
 *
 * A gate and manual work go from ready to their end: nothing of the engine runs meanwhile. */
#define ROW(state, label, next) [CUT_STEP_##state] = {label, next}
#define TO(state)		CUT_TO(CUT_STEP_##state)
#define UNDO			(TO(ROLLBACK_PENDING) | TO(ROLLBACK_IMPOSSIBLE))
static const struct cut_state_row step_states[CUT_STEP_STATES] = {
	ROW(PENDING, "pending", TO(READY) | TO(SKIPPED)),
	ROW(READY, "ready", TO(RUNNING) | TO(SKIPPED) | TO(SUCCEEDED) | TO(FAILED) | UNDO),
	ROW(RUNNING, "running",
	    TO(VERIFYING) | TO(SUCCEEDED) | TO(FAILED) | TO(UNKNOWN) | TO(READY) | UNDO),
	ROW(VERIFYING, "verifying", TO(SUCCEEDED) | TO(FAILED) | UNDO),
	ROW(SUCCEEDED, "succeeded", UNDO),
	ROW(FAILED, "failed", TO(READY) | TO(SKIPPED) | TO(VERIFYING) | TO(SUCCEEDED) | UNDO),
	ROW(UNKNOWN, "unknown",
	    TO(SUCCEEDED) | TO(READY) | TO(FAILED) | TO(VERIFYING) | TO(RUNNING) | UNDO),
	ROW(SKIPPED, "skipped", UNDO),
	ROW(ROLLBACK_PENDING, "rollback_pending", TO(ROLLING_BACK) | TO(ROLLBACK_FAILED)),
	ROW(ROLLING_BACK, "rolling_back", TO(ROLLED_BACK) | TO(ROLLBACK_FAILED)),
	ROW(ROLLED_BACK, "rolled_back", 0),
	ROW(ROLLBACK_FAILED, "rollback_failed", TO(ROLLING_BACK) | TO(ROLLED_BACK)),
	ROW(ROLLBACK_IMPOSSIBLE, "rollback_impossible", 0),
};
#undef ROW
#undef TO
#undef UNDO

const char *cut_step_state_name(enum cut_step_state state)
{
	return step_states[state].name;
}

void cut_step_move(struct cut_run *run, uint32_t step, enum cut_step_state state)
{
	cut_state_move(step_states, run->rb->steps[step].address, &run->steps[step].state, state);
}

void cut_step_doing(struct cut_run *run, uint32_t step, enum cut_doing doing)
{
	struct cut_run_step *s = &run->steps[step];

	run->doing[s->doing]--;
	run->doing[doing]++;
	s->doing = doing;
}

void cut_step_say(struct cut_run *run, uint32_t step, const char *fmt, ...)
{
	struct cut_run_step *s = &run->steps[step];
	struct cut_buf buf = {0};
	char *old = s->reason; /* may be among the arguments */
	va_list ap;

	if (!fmt) {
		s->reason = NULL;
	} else {
		va_start(ap, fmt);
		cut_buf_vprintf(&buf, fmt, ap);
		va_end(ap);
		s->reason = cut_buf_take(&buf);
	}
	free(old);
}

void cut_step_record(struct cut_run *run, uint32_t step, bool durable)
{
	struct cut_effect *fx = cut_run_fx(run, CUT_FX_STEP);

	fx->durable = durable;
	fx->step.step = step;
	fx->step.state = run->steps[step].state;
	fx->step.reason = cut_strdup(run->steps[step].reason);
}

/* Must it be undone in a rollback? Every step that may have changed something, whatever became of
 * it; one that saves before its first change and never did has changed nothing, unless it ended
 * well: a plugin may promise to save and not do so. */
bool cut_step_duty(const struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];
	const struct cut_run_step *s = &run->steps[step];

	if (!s->touched || model->undo == CUT_UNDO_NOT_NEEDED)
		return false;
	return s->saved || s->applied || model->kind != CUT_STEP_ACTION ||
	       !(model->body.effects & CUT_SAVES);
}

/* --- starting --- */

static void begin(struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];
	struct cut_run_step *s = &run->steps[step];

	if (s->started == CUT_NEVER) {
		s->started = run->t;
		s->started_wall = run->wall;
	}
	s->ended = s->ended_wall = CUT_NEVER;
	/* Of all attempts; a person who retries it gives it new ones. */
	if (model->deadline != CUT_NEVER && s->deadline_at == CUT_NEVER) {
		s->deadline_at = run->t + model->deadline;
		cut_timer_set(run, CUT_TIMER_DEADLINE, step, s->deadline_at);
	}
	if (cut_run_lane(run, step) == CUT_LANE_FORWARD && run->ponr == CUT_NONE &&
	    (model->point_of_no_return || run->rb->phases[model->phase].point_of_no_return))
		run->ponr = step;
	cut_downtime_start(run, step);
}

/* A new attempt: the step is ready and has its place. */
static void attempt(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];

	cut_step_say(run, step, NULL);
	s->attempt++;
	s->observed = false;
	s->touched_before = s->touched;
	s->resent = false;
	cut_step_move(run, step, CUT_STEP_RUNNING);
	cut_call_start(run, step, CUT_PART_BODY, CUT_OP_APPLY, CUT_OP_APPLY);
}

void cut_step_start(struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];

	begin(run, step);
	switch (model->kind) {
	case CUT_STEP_WAIT: cut_wait_start(run, step); break;
	case CUT_STEP_APPROVE:
	case CUT_STEP_MANUAL: cut_gate_open(run, step); break;
	case CUT_STEP_ACTION:
	case CUT_STEP_CHECK:
		run->steps[step].active = true;
		run->lanes[cut_run_lane(run, step)].active++;
		attempt(run, step);
		break;
	}
}

/* Its delay is over: a further try of what it was at. */
void cut_step_again(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];

	if (s->part == CUT_PART_UNDO)
		cut_undo_call(run, step);
	else if (s->state == CUT_STEP_VERIFYING)
		cut_call_start(run, step, CUT_PART_VERIFY, CUT_OP_VERIFY, CUT_OP_APPLY);
	else
		cut_run_queue(run, step);
}

/* --- ends --- */

void cut_step_end(struct cut_run *run, uint32_t step, enum cut_step_state state)
{
	struct cut_run_step *s = &run->steps[step];

	cut_step_rest(run, step);
	cut_step_move(run, step, state);
	s->ended = run->t;
	s->ended_wall = run->wall;
	s->part = CUT_PART_BODY;
}

static cut_time tail_of(const json_t *outputs)
{
	const json_t *tail = json_object_get(outputs, "tail");

	return json_is_number(tail) ? (cut_time)(json_number_value(tail) * 1000) : 0;
}

void cut_step_succeed(struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];
	struct cut_run_step *s = &run->steps[step];
	bool read = (model->kind == CUT_STEP_ACTION && !cut_step_writes(model)) ||
		    model->kind == CUT_STEP_CHECK;
	cut_time tail = tail_of(s->outputs);

	if (s->state == CUT_STEP_RUNNING || s->state == CUT_STEP_VERIFYING)
		cut_step_say(run, step, NULL);
	cut_gate_close(run, step);
	cut_step_end(run, step, CUT_STEP_SUCCEEDED);
	if (!read)
		cut_step_record(run, step, model->kind != CUT_STEP_WAIT);
	cut_hold_drop(run, CUT_HOLD_STEP, model->address);
	cut_hold_drop(run, CUT_HOLD_UNKNOWN, model->address);
	if (cut_run_lane(run, step) == CUT_LANE_FORWARD && tail > run->stage_tail)
		run->stage_tail = tail;
	cut_downtime_stop(run, step, false);
	if (model->temporary && model->temporary->backstop != CUT_NEVER)
		cut_timer_set(run, CUT_TIMER_BACKSTOP, step, run->t + model->temporary->backstop);
	cut_run_node_done(run, step);
}

void cut_step_skip(struct cut_run *run, uint32_t step, const char *reason)
{
	struct cut_run_step *s = &run->steps[step];
	bool waited_for = s->state == CUT_STEP_PENDING && run->left[step] > 0;

	cut_gate_close(run, step);
	cut_step_say(run, step, "%s", reason);
	cut_step_end(run, step, CUT_STEP_SKIPPED);
	cut_step_record(run, step, false);
	cut_hold_drop(run, CUT_HOLD_STEP, run->rb->steps[step].address);
	cut_hold_drop(run, CUT_HOLD_GATE, run->rb->steps[step].address);
	if (!waited_for) /* else it is done when its turn comes */
		cut_run_node_done(run, step);
}

/* What a failure leads to, once the step has failed for good. */
static void consequence(struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];
	const char *reason = run->steps[step].reason;
	char *remedy;

	if (cut_run_lane(run, step) == CUT_LANE_AUX) {
		run->aux[model->phase].failed = true;
		if (run->rb->phases[model->phase].role == CUT_PHASE_FINALLY)
			run->steps[step].unclosed = true;
		cut_run_node_done(run, step);
		return;
	}
	if (model->on_failure == CUT_FAIL_CONTINUE) {
		cut_run_node_done(run, step);
		return;
	}
	if (model->on_failure == CUT_FAIL_ABORT) {
		cut_auto(cut_str) char *why = cut_printf("%s failed: %s", model->address, reason);

		cut_run_abort(run, CUT_RUN_FAILED, why);
		return;
	}
	remedy = cut_printf("cutover retry %s, cutover skip %s --reason TEXT, cutover attest %s "
			    "--applied (fixed by hand), or cutover rollback%s%s",
			    model->address, model->address, model->address,
			    model->prose->if_fails ? "; if it fails: " : "",
			    model->prose->if_fails ? model->prose->if_fails : "");
	if (model->on_failure == CUT_FAIL_ROLLBACK) {
		free(remedy);
		cut_run_cause(run, cut_cause("step", model->address, reason));
		return;
	}
	cut_hold_add(run, CUT_HOLD_STEP, model->address, true, model->on_failure != CUT_FAIL_HOLD,
		     remedy, "%s failed: %s", model->address, reason);
}

/* For good: the retries are used up, or there are none for this. text NULL: the reason is there. */
void cut_step_fail(struct cut_run *run, uint32_t step, const char *text)
{
	if (text)
		cut_step_say(run, step, "%s", text);
	cut_step_end(run, step, CUT_STEP_FAILED);
	cut_step_record(run, step, cut_step_writes(&run->rb->steps[step]));
	if (run->state == CUT_RUN_ROLLING_BACK && cut_run_lane(run, step) == CUT_LANE_FORWARD)
		cut_rollback_ended(run, step);
	else if (run->state != CUT_RUN_CLOSING || cut_run_lane(run, step) == CUT_LANE_AUX)
		consequence(run, step);
}

/* --- from outside --- */

/* The deadline of all attempts together has passed. */
void cut_step_late(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];

	s->deadline_at = CUT_NEVER;
	if (s->doing == CUT_DOING_CALL) {
		s->late = true;
		cut_call_cancel(run, step);
		return;
	}
	if (s->state != CUT_STEP_READY && s->state != CUT_STEP_VERIFYING)
		return;
	cut_step_say(run, step, "its deadline of all attempts has passed: %s", s->reason);
	cut_step_fail(run, step, NULL);
}

/* The run is being stopped: ends what the step is at, as its on_interrupt says. */
void cut_step_interrupt(struct cut_run *run, uint32_t step, bool even_waiting)
{
	struct cut_run_step *s = &run->steps[step];

	if (s->part == CUT_PART_UNDO) {
		if (s->doing == CUT_DOING_QUEUED) /* traffic that nobody moves any more */
			cut_step_doing(run, step, CUT_DOING_NOTHING);
		return;
	}
	switch ((enum cut_doing)s->doing) {
	case CUT_DOING_CALL:
		if (even_waiting || !run->rb->steps[step].interrupt_waits)
			cut_call_cancel(run, step);
		break;
	case CUT_DOING_PEOPLE:
		cut_gate_close(run, step);
		cut_run_leave_lane(run, step);
		cut_step_doing(run, step, CUT_DOING_NOTHING);
		s->due = CUT_NEVER;
		break;
	case CUT_DOING_WAIT:
		cut_step_say(run, step, "the run stopped before it was over");
		cut_step_fail(run, step, NULL);
		break;
	case CUT_DOING_DELAY:
		if (s->state != CUT_STEP_READY) {
			cut_step_fail(run, step, "the run stopped before it was verified again");
			break;
		}
		__attribute__((fallthrough));
	case CUT_DOING_QUEUED:
	case CUT_DOING_PARKED:
		cut_run_leave_lane(run, step);
		cut_step_doing(run, step, CUT_DOING_NOTHING);
		s->due = s->deadline_at = CUT_NEVER;
		break;
	case CUT_DOING_NOTHING:
	case CUT_DOINGS: break;
	}
}
