/* SPDX-License-Identifier: Apache-2.0 */
/* What operators order: who may, when it makes sense, and what it does. A row each. */
#include "engine/core/run_internal.h"

#include "engine/base/json.h"

#include <errno.h>
#include <string.h>

typedef int may_fn(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err);
typedef void do_fn(struct cut_run *run, const struct cut_event *ev);

static const char *who(const struct cut_event *ev)
{
	return ev->actor ? ev->actor : "an operator";
}

static const char *reason_of(const struct cut_event *ev)
{
	return cut_json_str(ev->order.args, "reason", cut_json_str(ev->order.args, "comment", ""));
}

/* Absent from `authority`: any operator of the state directory. */
static int authorised(const struct cut_run *run, const struct cut_event *ev, const char *right,
		      struct cut_err *err)
{
	const json_t *roles = json_object_get(run->rb->authority, right);
	cut_auto(cut_buf) struct cut_buf names = {0};
	json_t *role;
	size_t i;

	if (!json_array_size(roles))
		return 0;
	json_array_foreach ((json_t *)roles, i, role) {
		if (cut_run_member(run, json_string_value(role), ev->order.uid))
			return 0;
		cut_buf_printf(&names, "%s%s", i ? ", " : "", json_string_value(role));
	}
	return cut_err_set(err, -EPERM, cut_buf_str(&names), "ask one of that role",
			   "%s may not %s: it takes one of authority.%s", who(ev),
			   cut_order_name(ev->order.order), right);
}

static int not_now(const struct cut_run *run, const struct cut_event *ev, const char *next,
		   struct cut_err *err)
{
	return cut_err_set(err, -EALREADY, NULL, next, "the run is %s, so it cannot %s",
			   cut_run_state_name(run->state), cut_order_name(ev->order.order));
}

static int need_forward(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	return cut_run_forward(run) ? 0 : not_now(run, ev, "cutover status shows where it is", err);
}

static int target_step(const struct cut_run *run, const struct cut_event *ev, uint32_t *ret,
		       struct cut_err *err)
{
	const char *name = ev->order.target ? ev->order.target : "";
	uint32_t step = cut_map_find(&run->rb->by_address, name);

	if (step == CUT_MAP_NONE)
		return cut_err_set(err, -EINVAL, NULL,
				   "cutover status lists the addresses of the steps",
				   "there is no step %s", name);
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

/* --- start, pause, resume, freeze --- */

static int may_begin(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	return run->state == CUT_RUN_ARMED ? 0 : not_now(run, ev, NULL, err);
}

static void begin(struct cut_run *run, const struct cut_event *ev)
{
	cut_run_move(run, CUT_RUN_RUNNING);
	cut_run_record(run, NULL, "started by %s", who(ev));
	cut_run_begin(run);
}

static int may_pause(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	int r = need_forward(run, ev, err);

	if (r < 0)
		return r;
	if (cut_hold_find(run, CUT_HOLD_OPERATOR, "pause"))
		return cut_err_set(err, -EALREADY, NULL, "cutover resume goes on",
				   "the run is paused already");
	return 0;
}

static void do_pause(struct cut_run *run, const struct cut_event *ev)
{
	cut_hold_add(run, CUT_HOLD_OPERATOR, "pause", false, true, cut_strdup("cutover resume"),
		     "%s paused the run", who(ev));
}

static int may_resume(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	cut_auto(cut_buf) struct cut_buf open = {0};
	int r = need_forward(run, ev, err);

	if (r < 0)
		return r;
	if (!run->holds.len)
		return cut_err_set(err, -EALREADY, NULL, NULL, "the run is not paused");
	cut_vec_foreach (&run->holds, hold)
		if (hold->decision)
			cut_buf_printf(&open, "%s%s %s (%s)", open.len ? "; " : "",
				       cut_hold_kind_name(hold->kind), hold->id, hold->remedy);
	if (open.len)
		return cut_err_set(err, -EBUSY, cut_buf_str(&open), "decide that first",
				   "the run cannot resume: a decision is open");
	if (cut_hold_find(run, CUT_HOLD_WINDOW, NULL))
		return authorised(run, ev, "override_window", err);
	return 0;
}

static void do_resume(struct cut_run *run, const struct cut_event *ev)
{
	if (cut_hold_find(run, CUT_HOLD_WINDOW, NULL))
		run->window_override = true;
	if (run->frozen_until)
		cut_run_thaw(run);
	cut_hold_drop_all(run);
}

static int may_freeze(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	int r = need_forward(run, ev, err);

	if (r < 0)
		return r;
	if (cut_json_real(ev->order.args, "for", 0) <= 0)
		return cut_err_set(err, -EINVAL, NULL, "cutover freeze --for 10m",
				   "a freeze needs a duration");
	return authorised(run, ev, "freeze", err);
}

static void do_freeze(struct cut_run *run, const struct cut_event *ev)
{
	cut_time length = cut_json_ms(json_object_get(ev->order.args, "for"), 0);
	cut_auto(cut_buf) struct cut_buf text = {0};

	cut_duration_human(length, &text);
	run->frozen_until = run->t + length;
	cut_timer_set(run, CUT_TIMER_FREEZE, 0, run->frozen_until);
	cut_hold_add(run, CUT_HOLD_OPERATOR, "freeze", false, true,
		     cut_strdup("it ends by itself; cutover resume ends it now"),
		     "%s froze the run for %s: nothing starts, nothing rolls back by itself",
		     who(ev), cut_buf_str(&text));
}

/* --- retry, skip, attest --- */

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

static int may_retry(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
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
	return r < 0 ? r : need_forward(run, ev, err);
}

static void retry_undo(struct cut_run *run, uint32_t step)
{
	cut_hold_drop(run, CUT_HOLD_ROLLBACK, run->rb->steps[step].address);
	if (!run->rb->steps[step].temporary)
		run->undo_failed--;
	cut_undo_start(run, step);
}

static void do_retry(struct cut_run *run, const struct cut_event *ev)
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
	cut_hold_drop(run, CUT_HOLD_STEP, run->rb->steps[step].address);
	cut_hold_drop(run, CUT_HOLD_GATE, run->rb->steps[step].address);
	cut_step_say(run, step, "retried by %s", who(ev));
	cut_step_move(run, step, CUT_STEP_READY);
	cut_step_record(run, step, false);
	cut_run_queue(run, step);
}

static int may_skip(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	uint32_t step;
	int r = target_step(run, ev, &step, err);

	if (r < 0)
		return r;
	r = need_forward(run, ev, err);
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
	return authorised(run, ev, "skip", err);
}

static void do_skip(struct cut_run *run, const struct cut_event *ev)
{
	cut_auto(cut_str) char *reason = cut_printf("skipped by %s: %s", who(ev), reason_of(ev));

	cut_step_skip(run, step_of(run, ev), reason);
}

static int evidence_given(const struct cut_run *run, const struct cut_event *ev, uint32_t step,
			  struct cut_err *err)
{
	const struct cut_manual *manual = run->rb->steps[step].manual;
	const json_t *evidence = json_object_get(ev->order.args, "evidence");

	if (manual->role != CUT_NONE &&
	    !cut_run_member(run, run->rb->roles[manual->role].name, ev->order.uid))
		return cut_err_set(err, -EPERM, NULL, "ask one of that role",
				   "%s may not attest %s: it takes one of role %s", who(ev),
				   run->rb->steps[step].address, run->rb->roles[manual->role].name);
	for (uint32_t i = 0; i < manual->evidence_len; i++)
		if (!json_object_get(evidence, manual->evidence[i]))
			return cut_err_set(err, -EINVAL, NULL,
					   "cutover attest STEP --evidence NAME=VALUE",
					   "%s needs the evidence '%s'",
					   run->rb->steps[step].address, manual->evidence[i]);
	return 0;
}

static int may_attest(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	const json_t *applied = json_object_get(ev->order.args, "applied");
	bool said = json_is_boolean(applied);
	uint32_t step;
	int r = target_step(run, ev, &step, err);

	if (r < 0)
		return r;
	if (run->steps[step].state == CUT_STEP_ROLLBACK_FAILED && json_is_true(applied))
		return 0;
	r = need_forward(run, ev, err);
	if (r < 0)
		return r;
	if (run->steps[step].waiting != CUT_NONE && run->rb->steps[step].kind == CUT_STEP_MANUAL)
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
	return need_open(run, step, err);
}

static void attest_manual(struct cut_run *run, uint32_t step, const struct cut_event *ev)
{
	struct cut_run_step *s = &run->steps[step];
	json_t *evidence = json_object_get(ev->order.args, "evidence");

	if (!cut_json_bool(ev->order.args, "applied", true)) {
		s->touched = false;
		cut_gate_close(run, step);
		cut_step_say(run, step, "%s attested that it was not done", who(ev));
		cut_step_fail(run, step, NULL);
		return;
	}
	json_decref(s->outputs);
	s->outputs = evidence ? json_incref(evidence) : NULL;
	cut_step_say(run, step, "attested by %s", who(ev));
	cut_step_succeed(run, step);
}

static void do_attest(struct cut_run *run, const struct cut_event *ev)
{
	uint32_t step = step_of(run, ev);
	struct cut_run_step *s = &run->steps[step];
	bool applied = cut_json_bool(ev->order.args, "applied", true);
	const char *address = run->rb->steps[step].address;

	if (s->state == CUT_STEP_ROLLBACK_FAILED) {
		cut_hold_drop(run, CUT_HOLD_ROLLBACK, address);
		cut_undo_attested(run, step);
	} else if (s->waiting != CUT_NONE) {
		attest_manual(run, step, ev);
	} else if (applied && s->state == CUT_STEP_FAILED) {
		cut_step_say(run, step, "attested as applied by %s", who(ev));
		cut_hold_drop(run, CUT_HOLD_STEP, address);
		s->touched = cut_step_writes(&run->rb->steps[step]);
		cut_step_verify(run, step);
	} else if (applied) {
		cut_step_say(run, step, "attested as applied by %s", who(ev));
		cut_step_succeed(run, step);
	} else if (s->state == CUT_STEP_FAILED) {
		s->touched = false;
		cut_step_say(run, step, "attested as not applied by %s", who(ev));
		cut_step_record(run, step, true);
	} else {
		s->touched = false;
		s->lost = 0;
		cut_hold_drop(run, CUT_HOLD_UNKNOWN, address);
		cut_step_say(run, step, "a new attempt: attested as not applied by %s", who(ev));
		cut_step_move(run, step, CUT_STEP_READY);
		cut_step_record(run, step, true);
		cut_run_queue(run, step);
	}
}

/* --- rollback, abort --- */

static int may_rollback(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	bool loss = cut_json_bool(ev->order.args, "accept_loss", false);
	bool *scope;
	int r;

	if (run->state == CUT_RUN_ROLLING_BACK && run->traffic == CUT_TRAFFIC_HELD &&
	    !ev->order.target)
		return 0;
	r = need_forward(run, ev, err);
	if (r < 0)
		return r;
	scope = cut_new_array(bool, run->rb->steps_len);
	r = cut_rollback_scope(run, ev->order.target, scope, err);
	free(scope);
	if (r < 0)
		return r;
	if (run->stage_first == run->rb->forward_len)
		return cut_err_set(err, -EALREADY, NULL, "cutover resume lets it end",
				   "everything is accepted, nothing is left to roll back");
	if (run->ponr != CUT_NONE && !loss)
		return cut_err_set(err, -EPERM, "what came before it may be lost",
				   "cutover rollback --accept-loss",
				   "%s was the point of no return",
				   run->rb->steps[run->ponr].address);
	return loss ? authorised(run, ev, "accept_loss", err) : 0;
}

static void do_rollback(struct cut_run *run, const struct cut_event *ev)
{
	cut_auto(cut_str) char *text = NULL;
	json_t *causes;

	if (run->state == CUT_RUN_ROLLING_BACK) {
		cut_rollback_confirm(run);
		return;
	}
	text = ev->order.target ? cut_printf("%s ordered it, back to %s", who(ev), ev->order.target)
				: cut_printf("%s ordered it", who(ev));
	causes = json_array();
	json_array_append_new(causes, cut_cause("operator", NULL, text));
	cut_rollback_start(run, causes, ev->order.target);
}

static int may_abort(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	if (run->state == CUT_RUN_ARMED || cut_run_forward(run))
		return 0;
	if (run->state == CUT_RUN_ROLLING_BACK && cut_hold_find(run, CUT_HOLD_ROLLBACK, NULL))
		return 0;
	return not_now(run, ev, "an abort never stops a rollback", err);
}

static void do_abort(struct cut_run *run, const struct cut_event *ev)
{
	cut_auto(cut_str) char *why = cut_printf("aborted by %s", who(ev));

	run->keep_temporary = cut_json_bool(ev->order.args, "keep_temporary", false);
	cut_run_abort(run, CUT_RUN_ABORTED, why);
}

/* --- ack, command --- */

static uint32_t client_of(const struct cut_run *run, const char *id)
{
	for (uint32_t i = 0; id && i < run->rb->clients_len; i++)
		if (strcmp(run->rb->clients[i].id, id) == 0)
			return i;
	return CUT_NONE;
}

static int may_ack(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	if (client_of(run, ev->order.target) == CUT_NONE)
		return cut_err_set(err, -EINVAL, NULL, "clients are listed in the runbook",
				   "there is no client %s",
				   ev->order.target ? ev->order.target : "");
	return 0;
}

static void do_ack(struct cut_run *run, const struct cut_event *ev)
{
	run->acked[client_of(run, ev->order.target)] = true;
}

static int may_command(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	return 0;
}

static void do_command(struct cut_run *run, const struct cut_event *ev)
{
	free(run->in_command);
	run->in_command = cut_strdup(ev->order.target);
}

static const struct {
	may_fn *may;
	do_fn *act;
} orders[CUT_ORDERS] = {
	[CUT_ORDER_START] = {may_begin, begin},
	[CUT_ORDER_PAUSE] = {may_pause, do_pause},
	[CUT_ORDER_RESUME] = {may_resume, do_resume},
	[CUT_ORDER_FREEZE] = {may_freeze, do_freeze},
	[CUT_ORDER_RETRY] = {may_retry, do_retry},
	[CUT_ORDER_SKIP] = {may_skip, do_skip},
	[CUT_ORDER_ATTEST] = {may_attest, do_attest},
	[CUT_ORDER_ROLLBACK] = {may_rollback, do_rollback},
	[CUT_ORDER_ABORT] = {may_abort, do_abort},
	[CUT_ORDER_ACK] = {may_ack, do_ack},
	[CUT_ORDER_COMMAND] = {may_command, do_command},
};

int cut_order_may(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	return orders[ev->order.order].may(run, ev, err);
}

void cut_order_apply(struct cut_run *run, const struct cut_event *ev)
{
	orders[ev->order.order].act(run, ev);
}
