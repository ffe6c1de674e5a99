/* SPDX-License-Identifier: Apache-2.0 */
/* How an operation of a step ended and what follows: a retry, the verification, success, failure,
 * or nothing more where the run is being stopped. */
#include "engine/core/run_internal.h"

const char *cut_step_short(const char *text, const char *fallback)
{
	return text && *text ? text : fallback;
}

/* Is the run being stopped, and the step with it? */
bool cut_step_stopping(const struct cut_run *run, uint32_t step)
{
	if (run->state == CUT_RUN_ROLLING_BACK)
		return cut_run_lane(run, step) == CUT_LANE_FORWARD ||
		       run->rb->phases[run->rb->steps[step].phase].role == CUT_PHASE_TESTS;
	return run->state == CUT_RUN_CLOSING &&
	       run->rb->phases[run->rb->steps[step].phase].role != CUT_PHASE_FINALLY;
}

/* Whether it was applied nobody knows, and nobody looks any more. */
void cut_step_stop_unknown(struct cut_run *run, uint32_t step, const char *why)
{
	cut_step_say(run, step, "stopped: %s", why);
	if (run->steps[step].state == CUT_STEP_UNKNOWN)
		cut_step_rest(run, step);
	else
		cut_step_end(run, step, CUT_STEP_UNKNOWN);
	cut_step_record(run, step, true);
	if (run->state == CUT_RUN_ROLLING_BACK)
		cut_rollback_ended(run, step);
}

/* Might the apply that was sent have landed, as far as one can tell without looking? */
bool cut_step_may_have_landed(const struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];

	return cut_step_writes(model) &&
	       (run->steps[step].saved || !(model->body.effects & CUT_SAVES));
}

static bool nobody_knows(const struct cut_run *run, const struct cut_event *ev)
{
	bool lost = ev->outcome.status == CUT_UNKNOWN;

	if (ev->outcome.op == CUT_OP_OBSERVE)
		return lost || ev->outcome.status == CUT_CANCELED;
	if (ev->outcome.op != CUT_OP_APPLY || !lost)
		return false;
	return (!ev->outcome.not_sent || run->steps[ev->outcome.step].resent) &&
	       cut_step_may_have_landed(run, ev->outcome.step);
}

/* The run rolls back or was aborted while the step ran: what became of it is noted, nothing of it
 * is verified, observed or tried again. */
static void stopped(struct cut_run *run, uint32_t step, const struct cut_event *ev)
{
	struct cut_run_step *s = &run->steps[step];
	bool apply = ev->outcome.op == CUT_OP_APPLY;
	bool observe = ev->outcome.op == CUT_OP_OBSERVE;

	if (nobody_knows(run, ev)) {
		cut_step_stop_unknown(run, step,
				      cut_step_short(ev->outcome.text, "its executor was lost"));
		return;
	}
	if (apply && (ev->outcome.status == CUT_RETRY || ev->outcome.not_sent))
		s->touched = s->touched_before;
	if (observe && ev->outcome.status == CUT_RETRY)
		s->touched = false;
	if (ev->outcome.status == CUT_OK && (apply || observe)) {
		s->applied = true;
		cut_step_say(run, step, "ended while the run was being stopped; not verified");
		cut_step_end(run, step, CUT_STEP_SUCCEEDED);
		cut_step_record(run, step, cut_step_writes(&run->rb->steps[step]));
		if (run->state == CUT_RUN_ROLLING_BACK)
			cut_rollback_ended(run, step);
		return;
	}
	cut_step_say(run, step, "stopped: %s",
		     cut_step_short(ev->outcome.text, "the run is being stopped"));
	cut_step_fail(run, step, NULL);
}

static bool retry_later(struct cut_run *run, const struct cut_event *ev,
			const struct cut_retry *retry, uint16_t *tries, const char *text)
{
	uint32_t step = ev->outcome.step;
	struct cut_run_step *s = &run->steps[step];
	cut_auto(cut_buf) struct cut_buf after = {0};
	cut_time delay;

	if (s->late || *tries >= retry->limit)
		return false;
	++*tries;
	delay = cut_call_delay(run, ev, retry, s->attempt, *tries);
	cut_duration_human(delay, &after);
	cut_step_say(run, step, "try %u of %u in %s: %s", *tries + 1u, retry->limit + 1,
		     cut_buf_str(&after), text);
	cut_step_doing(run, step, CUT_DOING_DELAY);
	cut_timer_step(run, step, run->t + delay, false);
	return true;
}

/* A repetition changed nothing; what it repeats may have. A new attempt would come with a new key,
 * which the target could not know: the same one is sent again. */
static bool repeat_again(struct cut_run *run, uint32_t step, const struct cut_event *ev)
{
	const struct cut_step *model = &run->rb->steps[step];
	struct cut_run_step *s = &run->steps[step];

	if (ev->outcome.status != CUT_RETRY || !s->resent || model->body.class != CUT_DEDUP ||
	    s->tries >= model->body.retry->limit || !cut_step_writes(model))
		return false;
	s->tries++;
	cut_call_lost(run, step, false, cut_step_short(ev->outcome.text, "its repetition failed"));
	return true;
}

static void apply_failed(struct cut_run *run, uint32_t step, const struct cut_event *ev)
{
	const struct cut_step *model = &run->rb->steps[step];
	struct cut_run_step *s = &run->steps[step];
	const char *text = cut_step_short(ev->outcome.text, "no reason was given");

	if (ev->outcome.status == CUT_RETRY || ev->outcome.not_sent)
		s->touched = s->touched_before;
	if (s->late) {
		cut_step_say(run, step, "its deadline of all attempts has passed: %s", text);
		cut_step_fail(run, step, NULL);
		return;
	}
	if (repeat_again(run, step, ev))
		return;
	if (retry_later(run, ev, model->body.retry, &s->tries, text)) {
		cut_run_leave_lane(run, step);
		cut_step_move(run, step, CUT_STEP_READY);
		cut_step_record(run, step, false);
		return;
	}
	cut_step_fail(run, step, text);
}

static void keep_outputs(struct cut_run_step *s, json_t *data)
{
	if (!data || json_is_null(data))
		return;
	json_decref(s->outputs);
	s->outputs = json_incref(data);
}

/* After the body: the action's own verify of a writing step, then the extra one. */
static void applied(struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];

	if (cut_step_writes(model) && (model->body.ops & CUT_HAS_VERIFY)) {
		cut_step_move(run, step, CUT_STEP_VERIFYING);
		cut_call_start(run, step, CUT_PART_BODY, CUT_OP_VERIFY, CUT_OP_VERIFY);
	} else if (model->verify_body) {
		cut_step_move(run, step, CUT_STEP_VERIFYING);
		cut_call_start(run, step, CUT_PART_VERIFY, CUT_OP_VERIFY, CUT_OP_APPLY);
	} else {
		cut_step_succeed(run, step);
	}
}

/* Reads the world back without an apply: attested, or observed as applied. */
void cut_step_verify(struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];

	run->steps[step].verify_tries = 0;
	if (model->kind == CUT_STEP_ACTION)
		applied(run, step);
	else
		cut_step_succeed(run, step);
}

static void on_verify(struct cut_run *run, uint32_t step, const struct cut_event *ev)
{
	const struct cut_step *model = &run->rb->steps[step];
	struct cut_run_step *s = &run->steps[step];
	const char *text = cut_step_short(ev->outcome.text, "no reason was given");

	if (ev->outcome.status == CUT_OK) {
		if (s->part == CUT_PART_BODY && model->verify_body)
			cut_call_start(run, step, CUT_PART_VERIFY, CUT_OP_VERIFY, CUT_OP_APPLY);
		else
			cut_step_succeed(run, step);
		return;
	}
	if (ev->outcome.status == CUT_UNKNOWN && s->lost < 3) { /* it only reads */
		s->lost++;
		cut_call_start(run, step, (enum cut_part)s->part, CUT_OP_VERIFY, s->entry);
		return;
	}
	if (s->part == CUT_PART_VERIFY &&
	    retry_later(run, ev, model->verify_body->retry, &s->verify_tries, text))
		return;
	cut_step_say(run, step, "verification failed: %s", text);
	cut_step_fail(run, step, NULL);
}

static void on_apply(struct cut_run *run, uint32_t step, const struct cut_event *ev)
{
	struct cut_run_step *s = &run->steps[step];

	if (ev->outcome.status == CUT_UNKNOWN) {
		cut_call_lost(run, step, ev->outcome.not_sent,
			      cut_step_short(ev->outcome.text, "its executor was lost"));
		return;
	}
	s->lost = 0;
	if (ev->outcome.status != CUT_OK) {
		apply_failed(run, step, ev);
		return;
	}
	keep_outputs(s, ev->outcome.data);
	s->verify_tries = 0;
	s->applied = true;
	applied(run, step);
}

void cut_step_outcome(struct cut_run *run, const struct cut_event *ev)
{
	uint32_t step = ev->outcome.step;
	struct cut_run_step *s = &run->steps[step];

	if (run->rb->steps[step].kind == CUT_STEP_APPROVE) {
		cut_gate_checked(run, ev);
		return;
	}
	cut_step_doing(run, step, CUT_DOING_NOTHING);
	s->canceled = false;
	if (s->part == CUT_PART_UNDO) {
		cut_undo_outcome(run, ev);
		return;
	}
	if (cut_step_stopping(run, step)) {
		stopped(run, step, ev);
		return;
	}
	switch (ev->outcome.op) {
	case CUT_OP_APPLY: on_apply(run, step, ev); break;
	case CUT_OP_VERIFY: on_verify(run, step, ev); break;
	case CUT_OP_OBSERVE: cut_call_observed(run, ev); break;
	default: break;
	}
}
