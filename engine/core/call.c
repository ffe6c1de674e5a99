/* SPDX-License-Identifier: Apache-2.0 */
/* Operations: asking for them, with an intent first where they have an effect; and what becomes of
 * one whose executor is lost, which is never repeated blindly and never called failed. */
#include "engine/core/run_internal.h"

#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/base/rule.h"

#include <stdio.h>
#include <string.h>

#define LOST_MAX 3 /* executors lost in a row before a person or a failure ends it */

const struct cut_body *cut_call_body(const struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];

	if (run->steps[step].part == CUT_PART_VERIFY)
		return model->verify_body;
	if (run->steps[step].part == CUT_PART_UNDO && model->undo_body)
		return model->undo_body;
	return &model->body;
}

static bool is_check(const struct cut_body *body)
{
	return body->that_len != 0;
}

/* The same for every operation of one attempt in one direction, so that any engine can compute it
 * again and a repetition is known as one. */
static void make_key(const struct cut_run *run, uint32_t step, unsigned attempt, bool undo,
		     char ret[53])
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	uint8_t digest[CUT_SHA256_BYTES];

	cut_buf_printf(&text, "%s|%s|%u|%s", cut_json_str(run->armed, "run", ""),
		       run->rb->steps[step].address, attempt, undo ? "rollback" : "apply");
	cut_sha256(text.data, text.len, digest);
	cut_base32(digest, sizeof(digest), ret);
}

static bool has_effect(const struct cut_run *run, uint32_t step, enum cut_op op)
{
	return op == CUT_OP_ROLLBACK ||
	       (op == CUT_OP_APPLY && cut_step_writes(&run->rb->steps[step]));
}

/* What a pinned plan says of a step that has changed nothing yet, or NULL. */
static const json_t *planned(const struct cut_run *run, uint32_t step)
{
	const struct cut_run_step *s = &run->steps[step];

	if (s->part != CUT_PART_BODY || s->op != CUT_OP_APPLY || s->touched_before)
		return NULL;
	return json_object_get(json_object_get(run->armed, "planned"),
			       run->rb->steps[step].address);
}

static void fill(struct cut_run *run, struct cut_effect *fx, uint32_t step,
		 const struct cut_body *body)
{
	const struct cut_step *model = &run->rb->steps[step];
	const struct cut_run_step *s = &run->steps[step];
	bool undo = s->part == CUT_PART_UNDO;

	fx->call.step = step;
	fx->call.op = (enum cut_op)s->op;
	fx->call.entry = (enum cut_op)s->entry;
	fx->call.attempt = undo ? s->undo_attempt : s->attempt;
	fx->call.body = body;
	fx->call.saved = s->saved;
	fx->call.timeout = body->timeout;
	fx->call.rollback = undo;
	fx->call.poll = model->poll.every > 0 && s->part == CUT_PART_BODY;
	fx->call.planned = planned(run, step);
	if (!is_check(body))
		make_key(run, step, fx->call.attempt + (CUT_RULE(SAME_KEY) ? 0 : s->lost), undo,
			 fx->call.key);
}

/* Sends it, with nothing recorded: a new engine or host may be sent the same again. */
static void send(struct cut_run *run, uint32_t step, const struct cut_body *body, json_t *params)
{
	struct cut_effect *fx = cut_run_fx(run, is_check(body) ? CUT_FX_EVAL : CUT_FX_CALL);

	fill(run, fx, step, body);
	fx->call.params = params;
	cut_step_doing(run, step, CUT_DOING_CALL);
}

static void intent(struct cut_run *run, uint32_t step, const struct cut_body *body)
{
	struct cut_run_step *s = &run->steps[step];
	struct cut_effect *fx = cut_run_fx(run, CUT_FX_INTENT);

	fill(run, fx, step, body);
	/* The sync of what it saves covers the intent: nothing is changed before. A later attempt
	 * has it saved already. */
	fx->durable = s->op == CUT_OP_ROLLBACK || !(body->effects & CUT_SAVES) || s->saved;
	if (s->op == CUT_OP_ROLLBACK)
		return;
	s->touched = true;
	if (!s->seq)
		s->seq = ++run->seq;
}

void cut_call_intent(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];

	s->part = CUT_PART_BODY;
	s->op = s->entry = CUT_OP_APPLY;
	intent(run, step, &run->rb->steps[step].body);
}

void cut_call_gate(struct cut_run *run, uint32_t step)
{
	struct cut_effect *fx = cut_run_fx(run, CUT_FX_EVAL);

	run->steps[step].checking = true;
	fill(run, fx, step, &run->rb->steps[step].body);
}

static void no_params(struct cut_run *run, uint32_t step, const struct cut_err *err)
{
	cut_auto(cut_str) char *why = cut_err_text(err);

	if (run->steps[step].part == CUT_PART_UNDO) {
		cut_undo_fail(run, step, why);
		return;
	}
	cut_step_say(run, step, "its parameters cannot be made: %s", why);
	cut_step_fail(run, step, NULL);
}

void cut_call_start(struct cut_run *run, uint32_t step, enum cut_part part, enum cut_op op,
		    enum cut_op entry)
{
	struct cut_run_step *s = &run->steps[step];
	cut_auto(cut_err) struct cut_err err = {0};
	const struct cut_body *body;
	json_t *params = NULL;

	s->part = part;
	s->op = op;
	s->entry = entry;
	body = cut_call_body(run, step);
	if (!is_check(body) && cut_env_params(run, step, body, &params, &err) < 0) {
		no_params(run, step, &err);
		return;
	}
	if (has_effect(run, step, op))
		intent(run, step, body);
	send(run, step, body, params);
}

void cut_call_cancel(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];
	struct cut_effect *fx;

	if (s->canceled || is_check(cut_call_body(run, step)))
		return;
	s->canceled = true;
	fx = cut_run_fx(run, CUT_FX_CANCEL);
	fill(run, fx, step, cut_call_body(run, step));
}

/* Delay × factor^(n-1), at most max; with jitter between half of it and all of it, from the run,
 * the step and the attempt, so that a replay waits as long. */
static cut_time backoff(const struct cut_run *run, uint32_t step, const struct cut_retry *retry,
			unsigned attempt, unsigned tries)
{
	double delay = (double)retry->delay;
	cut_auto(cut_buf) struct cut_buf text = {0};
	uint32_t hash;

	for (unsigned i = 1; i < tries && (!retry->max || delay < (double)retry->max); i++)
		delay *= retry->factor;
	if (retry->max && delay > (double)retry->max)
		delay = (double)retry->max;
	if (!retry->jitter)
		return (cut_time)delay;
	cut_buf_printf(&text, "%s|%s|%u|%u", cut_json_str(run->armed, "run", ""),
		       run->rb->steps[step].address, attempt, tries);
	hash = cut_crc32c(0, text.data, text.len);
	return (cut_time)(delay / 2 + delay / 2 * ((double)hash / (double)UINT32_MAX));
}

/* Before the try after the nth failed one. As long as the other side asked for, where that is
 * longer and an attempt may take as long; an undo keeps its own pace: service waits for it. */
cut_time cut_call_delay(const struct cut_run *run, const struct cut_event *ev,
			const struct cut_retry *retry, unsigned attempt, unsigned tries)
{
	uint32_t step = ev->outcome.step;
	cut_time delay = backoff(run, step, retry, attempt, tries);
	cut_time asked = cut_json_ms(json_object_get(ev->outcome.data, "retry_after_s"), 0);

	if (run->steps[step].part == CUT_PART_UNDO || asked > cut_call_body(run, step)->timeout)
		return delay;
	return asked > delay ? asked : delay;
}

/* --- executors that were lost --- */

/* Ready for another attempt that costs no retry. */
static void again(struct cut_run *run, uint32_t step, const char *why)
{
	cut_run_leave_lane(run, step);
	cut_step_say(run, step, "a new attempt: %s", why);
	cut_step_move(run, step, CUT_STEP_READY);
	cut_step_record(run, step, false);
	cut_run_queue(run, step);
}

/* The same attempt with the same key. */
void cut_call_resend(struct cut_run *run, uint32_t step, enum cut_op op, enum cut_op entry)
{
	struct cut_run_step *s = &run->steps[step];
	cut_auto(cut_err) struct cut_err err = {0};
	json_t *params = NULL;

	s->op = op;
	s->entry = entry;
	if (op == CUT_OP_APPLY) {
		s->touched_before = s->touched; /* what was sent before may have landed */
		s->resent = true;
	}
	if (!is_check(cut_call_body(run, step)) &&
	    cut_env_params(run, step, cut_call_body(run, step), &params, &err) < 0) {
		no_params(run, step, &err);
		return;
	}
	send(run, step, cut_call_body(run, step), params);
}

static void ask_person(struct cut_run *run, uint32_t step, const char *why)
{
	const char *address = run->rb->steps[step].address;

	cut_run_leave_lane(run, step);
	if (run->rb->phases[run->rb->steps[step].phase].role != CUT_PHASE_FORWARD) {
		/* nothing waits for a person within tests or finally */
		cut_step_fail(run, step, why);
		return;
	}
	cut_step_say(run, step, "%s", why);
	if (run->steps[step].state != CUT_STEP_UNKNOWN)
		cut_step_move(run, step, CUT_STEP_UNKNOWN);
	cut_step_record(run, step, true);
	cut_hold_add(run, CUT_HOLD_UNKNOWN, address, true, true,
		     cut_printf("look, then cutover attest %s --applied, or cutover attest %s "
				"--not-applied; or cutover rollback",
				address, address),
		     "nobody can tell whether %s was applied: %s", address, why);
}

/* Where it could not be observed: what its class lets the engine do by itself. */
static void by_class(struct cut_run *run, uint32_t step, const char *why)
{
	const struct cut_step *model = &run->rb->steps[step];
	struct cut_run_step *s = &run->steps[step];

	if (s->lost > LOST_MAX) {
		ask_person(run, step, why);
	} else if (model->body.class == CUT_DECLARATIVE || !CUT_RULE(LOOK_FIRST)) {
		again(run, step, why);
	} else if (model->body.class == CUT_DEDUP) {
		if (s->state == CUT_STEP_UNKNOWN)
			cut_step_move(run, step, CUT_STEP_RUNNING);
		cut_call_resend(run, step, CUT_OP_APPLY, CUT_OP_APPLY);
	} else {
		ask_person(run, step, why);
	}
}

/* The apply of a step may still land, or its executor is gone. */
void cut_call_lost(struct cut_run *run, uint32_t step, bool not_sent, const char *why)
{
	const struct cut_step *model = &run->rb->steps[step];
	struct cut_run_step *s = &run->steps[step];

	s->lost++;
	if (!cut_step_writes(model)) {
		if (s->lost > LOST_MAX)
			cut_step_fail(run, step, why);
		else
			cut_call_resend(run, step, CUT_OP_APPLY, CUT_OP_APPLY);
		return;
	}
	if ((not_sent && !s->resent) || ((model->body.effects & CUT_SAVES) && !s->saved)) {
		s->touched = s->touched_before; /* nothing was changed */
		if (s->lost > LOST_MAX)
			cut_step_fail(run, step, why);
		else
			again(run, step, why);
		return;
	}
	if (!(model->body.ops & CUT_HAS_OBSERVE) || s->observed || !CUT_RULE(LOOK_FIRST)) {
		by_class(run, step, why);
		return;
	}
	cut_step_say(run, step, "%s", why);
	cut_step_move(run, step, CUT_STEP_UNKNOWN);
	cut_step_record(run, step, true);
	s->observed = true;
	cut_call_resend(run, step, CUT_OP_OBSERVE, CUT_OP_OBSERVE);
}

/* OK applied, RETRY not applied, FAIL conflict, else it cannot tell. */
void cut_call_observed(struct cut_run *run, const struct cut_event *ev)
{
	uint32_t step = ev->outcome.step;
	struct cut_run_step *s = &run->steps[step];

	switch (ev->outcome.status) {
	case CUT_OK:
		s->lost = 0;
		if (ev->outcome.data) {
			json_decref(s->outputs);
			s->outputs = json_incref(ev->outcome.data);
		}
		cut_step_say(run, step, "observed: it was applied");
		if (run->rb->steps[step].verify_body) {
			cut_step_move(run, step, CUT_STEP_VERIFYING);
			cut_call_start(run, step, CUT_PART_VERIFY, CUT_OP_VERIFY, CUT_OP_APPLY);
			return;
		}
		cut_step_succeed(run, step);
		return;
	case CUT_RETRY:
		s->touched = false;
		if (s->lost > LOST_MAX) {
			cut_step_say(run, step, "lost again and again: %s", s->reason);
			cut_step_fail(run, step, NULL);
		} else {
			again(run, step, "observed: it was not applied");
		}
		return;
	case CUT_FAIL:
		cut_step_say(run, step, "observed a conflict: %s",
			     cut_step_short(ev->outcome.text, "neither before nor after"));
		cut_step_fail(run, step, NULL);
		return;
	case CUT_CANCELED:
	case CUT_UNKNOWN: break;
	}
	by_class(run, step, cut_step_short(ev->outcome.text, "it could not be observed"));
}

static void resume_one(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];
	const char *why = "the engine died while it ran";

	cut_step_doing(run, step, CUT_DOING_NOTHING);
	s->canceled = false;
	if (s->part != CUT_PART_UNDO && cut_step_stopping(run, step)) {
		/* a rollback never observes: it undoes it */
		if (s->op != CUT_OP_VERIFY && cut_step_may_have_landed(run, step))
			cut_step_stop_unknown(run, step, why);
		else
			cut_step_fail(run, step, why);
	} else if (s->op != CUT_OP_APPLY) {
		cut_call_resend(run, step, (enum cut_op)s->op, (enum cut_op)s->entry);
	} else {
		uint8_t lost = s->lost;

		s->lost = 0; /* an engine's death is not its executor's */
		cut_call_lost(run, step, false, why);
		s->lost = lost;
	}
}

void cut_call_resume(struct cut_run *run)
{
	for (uint32_t i = 0; i < run->rb->steps_len; i++) {
		if (run->steps[i].doing == CUT_DOING_CALL)
			resume_one(run, i);
		else if (run->steps[i].checking)
			cut_call_gate(run, i);
	}
}
