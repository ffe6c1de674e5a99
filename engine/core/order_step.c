/* SPDX-License-Identifier: Apache-2.0 */
/* What operators order of one step: retry, skip, attest. */
#include "engine/core/run_internal.h"

#include "engine/base/json.h"
#include "engine/base/near.h"

#include <errno.h>
#include <string.h>

static const char *reason_of(const struct cut_event *ev)
{
	return cut_json_str(ev->order.args, "reason", cut_json_str(ev->order.args, "comment", ""));
}

static int no_step(const struct cut_runbook *rb, const char *name, struct cut_err *err)
{
	struct cut_near near = {.word = name};
	cut_auto(cut_str) char *next = NULL;

	for (uint32_t i = 0; i < rb->steps_len; i++)
		cut_near_try(&near, rb->steps[i].address);
	next = near.best ? cut_printf("did you mean %s?", near.best)
			 : cut_strdup("`cutover status --output json` has the addresses of all");
	return cut_err_set(err, -EINVAL, NULL, next, "there is no step %s", name);
}

static int target_step(const struct cut_run *run, const struct cut_event *ev, uint32_t *ret,
		       struct cut_err *err)
{
	const char *name = ev->order.target ? ev->order.target : "";
	uint32_t step = cut_runbook_address(run->rb, name);

	if (step == CUT_NONE)
		return no_step(run->rb, name, err);
	*ret = step;
	return 0;
}

static uint32_t step_of(const struct cut_run *run, const struct cut_event *ev)
{
	uint32_t step = CUT_NONE;

	target_step(run, ev, &step, NULL);
	return step;
}

static int wrong_state(const struct cut_run *run, uint32_t step, const char *verb, const char *next,
		       struct cut_err *err)
{
	return cut_err_set(err, -EINVAL, NULL, next, "%s is %s: there is nothing to %s",
			   run->rb->steps[step].address,
			   cut_step_state_name((enum cut_step_state)run->steps[step].state), verb);
}

static bool is_phase_hold(const struct cut_run *run, const char *target)
{
	return target && (cut_hold_find(run, CUT_HOLD_ACCEPTANCE, target) ||
			  (strcmp(target, "rollback/verify") == 0 &&
			   cut_hold_find(run, CUT_HOLD_ROLLBACK, target)));
}

/* What failed under `continue` counts as done: its dependants may have started. */
static int need_open(const struct cut_run *run, uint32_t step, struct cut_err *err)
{
	if (run->steps[step].state != CUT_STEP_FAILED ||
	    run->rb->steps[step].on_failure != CUT_FAIL_CONTINUE)
		return 0;
	return cut_err_set(err, -EALREADY, NULL, NULL,
			   "%s failed under on_failure: continue, the run has gone on",
			   run->rb->steps[step].address);
}

int cut_order_may_retry(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	uint32_t step;
	int r;

	if (is_phase_hold(run, ev->order.target))
		return 0;
	r = target_step(run, ev, &step, err);
	if (r < 0)
		return r;
	if (run->steps[step].state == CUT_STEP_ROLLBACK_FAILED)
		return 0;
	if (run->steps[step].state == CUT_STEP_UNKNOWN)
		return cut_err_set(err, -EBUSY, "nobody knows yet whether it was applied",
				   "cutover attest it --applied or --not-applied first",
				   "%s cannot be retried", run->rb->steps[step].address);
	if (run->steps[step].state != CUT_STEP_FAILED ||
	    run->rb->phases[run->rb->steps[step].phase].role != CUT_PHASE_FORWARD)
		return wrong_state(run, step, "retry", NULL, err);
	r = need_open(run, step, err);
	return r < 0 ? r : cut_order_need_forward(run, ev, err);
}

static void retry_undo(struct cut_run *run, uint32_t step)
{
	cut_hold_drop(run, CUT_HOLD_ROLLBACK, run->rb->steps[step].address);
	if (!run->rb->steps[step].temporary)
		run->undo_failed--;
	cut_undo_start(run, step);
}

void cut_order_retry(struct cut_run *run, const struct cut_event *ev)
{
	const char *target = ev->order.target;
	struct cut_run_step *s;
	uint32_t step;

	if (is_phase_hold(run, target)) {
		if (cut_hold_drop(run, CUT_HOLD_ROLLBACK, target)) {
			cut_run_aux_start(run, run->rb->verify_phase);
			return;
		}
		cut_hold_drop(run, CUT_HOLD_ACCEPTANCE, target);
		if (run->acceptance == CUT_ACC_MET)
			cut_gate_sign_off(run, cut_run_stage_phase(run), true);
		return;
	}
	step = step_of(run, ev);
	s = &run->steps[step];
	if (s->state == CUT_STEP_ROLLBACK_FAILED) {
		retry_undo(run, step);
		return;
	}
	s->tries = s->verify_tries = s->lost = 0;
	cut_run_uncause(run, run->rb->steps[step].address);
	cut_hold_drop(run, CUT_HOLD_STEP, run->rb->steps[step].address);
	cut_hold_drop(run, CUT_HOLD_GATE, run->rb->steps[step].address);
	cut_step_say(run, step, "retried by %s", cut_order_who(ev));
	cut_step_move(run, step, CUT_STEP_READY);
	cut_step_record(run, step, false);
	cut_run_queue(run, step);
}

int cut_order_may_skip(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	uint32_t step;
	int r = target_step(run, ev, &step, err);

	if (r < 0)
		return r;
	r = cut_order_need_forward(run, ev, err);
	if (r < 0)
		return r;
	if (!*cut_json_str(ev->order.args, "reason", ""))
		return cut_err_set(err, -EINVAL, NULL, "cutover skip STEP --reason TEXT",
				   "a skip needs a reason");
	if (run->steps[step].state == CUT_STEP_UNKNOWN ||
	    run->steps[step].state == CUT_STEP_RUNNING ||
	    run->steps[step].state == CUT_STEP_VERIFYING)
		return wrong_state(run, step, "skip",
				   "wait until it ends; attest it when it is unknown", err);
	if ((run->steps[step].state > CUT_STEP_READY &&
	     run->steps[step].state != CUT_STEP_FAILED) ||
	    run->rb->phases[run->rb->steps[step].phase].role != CUT_PHASE_FORWARD)
		return wrong_state(run, step, "skip", NULL, err);
	r = need_open(run, step, err);
	if (r < 0)
		return r;
	return cut_order_authorised(run, ev, "skip", err);
}

void cut_order_skip(struct cut_run *run, const struct cut_event *ev)
{
	cut_auto(cut_str) char *reason =
		cut_printf("skipped by %s: %s", cut_order_who(ev), reason_of(ev));

	cut_run_uncause(run, run->rb->steps[step_of(run, ev)].address);
	cut_step_skip(run, step_of(run, ev), reason);
}

static int no_evidence(const struct cut_step *step, const char *name, struct cut_err *err)
{
	cut_auto(cut_str) char *next =
		cut_printf("cutover attest %s --evidence %s=VALUE", step->address, name);

	return cut_err_set(err, -EINVAL, NULL, next, "%s needs the evidence '%s'", step->address,
			   name);
}

static int evidence_given(const struct cut_run *run, const struct cut_event *ev, uint32_t step,
			  struct cut_err *err)
{
	const struct cut_manual *manual = run->rb->steps[step].manual;
	const json_t *evidence = json_object_get(ev->order.args, "evidence");

	if (manual->role != CUT_NONE &&
	    !cut_run_member(run, run->rb->roles[manual->role].name, ev->order.uid))
		return cut_err_set(err, -EPERM, NULL, "ask one of that role",
				   "%s may not attest %s: it takes one of role %s",
				   cut_order_who(ev), run->rb->steps[step].address,
				   run->rb->roles[manual->role].name);
	for (uint32_t i = 0; i < manual->evidence_len; i++)
		if (!json_object_get(evidence, manual->evidence[i]))
			return no_evidence(&run->rb->steps[step], manual->evidence[i], err);
	return 0;
}

int cut_order_may_attest(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	const json_t *applied = json_object_get(ev->order.args, "applied");
	bool said = json_is_boolean(applied), manual;
	uint32_t step;
	int r = target_step(run, ev, &step, err);

	if (r < 0)
		return r;
	if (run->steps[step].state == CUT_STEP_ROLLBACK_FAILED)
		return json_is_true(applied)
			       ? 0
			       : cut_err_set(err, -EINVAL, "nothing else can be said of its undo",
					     "add --applied once it is undone by hand",
					     "%s could not be undone",
					     run->rb->steps[step].address);
	r = cut_order_need_forward(run, ev, err);
	if (r < 0)
		return r;
	manual = run->rb->steps[step].kind == CUT_STEP_MANUAL;
	if (manual && run->steps[step].waiting != CUT_NONE)
		return evidence_given(run, ev, step, err);
	if (run->steps[step].doing != CUT_DOING_NOTHING ||
	    (run->steps[step].state != CUT_STEP_UNKNOWN &&
	     run->steps[step].state != CUT_STEP_FAILED) ||
	    run->rb->steps[step].kind == CUT_STEP_APPROVE ||
	    run->rb->phases[run->rb->steps[step].phase].role != CUT_PHASE_FORWARD)
		return wrong_state(run, step, "attest", "cutover status tells who is waited for",
				   err);
	if (!said)
		return cut_err_set(err, -EINVAL, NULL, "add --applied or --not-applied",
				   "whether %s was applied must be said",
				   run->rb->steps[step].address);
	r = need_open(run, step, err);
	return r < 0 || !manual ? r : evidence_given(run, ev, step, err);
}

static void attest_manual(struct cut_run *run, uint32_t step, const struct cut_event *ev)
{
	struct cut_run_step *s = &run->steps[step];
	json_t *evidence = json_object_get(ev->order.args, "evidence");

	if (!cut_json_bool(ev->order.args, "applied", true)) {
		s->touched = false;
		cut_gate_close(run, step);
		cut_step_say(run, step, "%s attested that it was not done", cut_order_who(ev));
		cut_step_fail(run, step, NULL);
		return;
	}
	json_decref(s->outputs);
	s->outputs = evidence ? json_incref(evidence) : NULL;
	s->touched = cut_step_writes(&run->rb->steps[step]);
	cut_step_say(run, step, "attested by %s", cut_order_who(ev));
	cut_step_succeed(run, step);
}

void cut_order_attest(struct cut_run *run, const struct cut_event *ev)
{
	uint32_t step = step_of(run, ev);
	struct cut_run_step *s = &run->steps[step];
	bool applied = cut_json_bool(ev->order.args, "applied", true);
	const char *address = run->rb->steps[step].address;

	if (applied)
		cut_run_uncause(run, address);
	if (s->state == CUT_STEP_ROLLBACK_FAILED) {
		cut_hold_drop(run, CUT_HOLD_ROLLBACK, address);
		cut_undo_attested(run, step);
	} else if (s->waiting != CUT_NONE ||
		   (applied && run->rb->steps[step].kind == CUT_STEP_MANUAL)) {
		attest_manual(run, step, ev);
	} else if (applied && s->state == CUT_STEP_FAILED) {
		cut_step_say(run, step, "attested as applied by %s", cut_order_who(ev));
		cut_hold_drop(run, CUT_HOLD_STEP, address);
		s->touched = s->applied = cut_step_writes(&run->rb->steps[step]);
		cut_step_verify(run, step);
	} else if (applied) {
		s->applied = true;
		cut_step_say(run, step, "attested as applied by %s", cut_order_who(ev));
		cut_step_succeed(run, step);
	} else if (s->state == CUT_STEP_FAILED) {
		s->touched = false;
		cut_step_say(run, step, "attested as not applied by %s", cut_order_who(ev));
		cut_step_record(run, step, true);
	} else {
		s->touched = false;
		s->lost = 0;
		cut_hold_drop(run, CUT_HOLD_UNKNOWN, address);
		cut_step_say(run, step, "a new attempt: attested as not applied by %s",
			     cut_order_who(ev));
		cut_step_move(run, step, CUT_STEP_READY);
		cut_step_record(run, step, true);
		cut_run_queue(run, step);
	}
}
