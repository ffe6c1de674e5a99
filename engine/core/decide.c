/* SPDX-License-Identifier: Apache-2.0 */
/* What triggers, acceptance and the window lead to. Causes of an automatic rollback that come at
 * the same instant are collected and decided as one, by the tick that follows at once. */
#include "engine/core/run_internal.h"

#include "engine/base/json.h"

#include <assert.h>
#include <string.h>

/* --- an automatic rollback --- */

static void wait_for_decision(struct cut_run *run)
{
	if (run->decide_at != CUT_NEVER || run->frozen_until)
		return;
	run->decide_at = run->t;
	cut_timer_set(run, CUT_TIMER_DECIDE, 0, run->t);
}

void cut_run_cause(struct cut_run *run, json_t *cause)
{
	assert(cut_run_forward(run));
	if (!run->causes)
		run->causes = json_array();
	json_array_append_new(run->causes, cause);
	wait_for_decision(run);
}

void cut_run_uncause(struct cut_run *run, const char *address)
{
	for (size_t i = json_array_size(run->causes); i-- > 0;) {
		const json_t *cause = json_array_get(run->causes, i);
		const char *kind = cut_json_str(cause, "kind", "");

		if ((strcmp(kind, "step") == 0 || strcmp(kind, "gate") == 0) &&
		    strcmp(cut_json_str(cause, "id", ""), address) == 0)
			json_array_remove(run->causes, i);
	}
	if (!json_array_size(run->causes))
		json_decref(cut_take(run->causes));
}

/* The text of the model, which outlives the cause. */
static const char *lasting(const struct cut_run *run, const char *id)
{
	const struct cut_runbook *rb = run->rb;
	uint32_t step = cut_runbook_address(rb, id), phase = cut_runbook_phase(rb, id);

	if (step != CUT_NONE)
		return rb->steps[step].address;
	for (uint32_t i = 0; i < rb->triggers_len; i++)
		if (strcmp(rb->triggers[i].id, id) == 0)
			return rb->triggers[i].id;
	for (uint32_t i = 0; i < rb->downtimes_len; i++)
		if (strcmp(rb->downtimes[i].id, id) == 0)
			return rb->downtimes[i].id;
	assert(phase != CUT_NONE);
	return rb->phases[phase].id;
}

static enum cut_hold_kind hold_of_cause(const char *kind)
{
	static const enum cut_hold_kind kinds[] = {CUT_HOLD_STEP, CUT_HOLD_GATE, CUT_HOLD_WINDOW,
						   CUT_HOLD_DOWNTIME, CUT_HOLD_ACCEPTANCE};

	for (size_t i = 0; i < CUT_ARRAY_LEN(kinds); i++)
		if (strcmp(cut_hold_kind_name(kinds[i]), kind) == 0)
			return kinds[i];
	return CUT_HOLD_TRIGGER; /* one that fired or is blind */
}

static char *remedy_of(enum cut_hold_kind kind, const char *id, const char *point)
{
	cut_auto(cut_buf) struct cut_buf out = {0};

	if (kind == CUT_HOLD_STEP)
		cut_buf_printf(&out,
			       "cutover retry %s, cutover skip %s --reason TEXT, or cutover attest "
			       "%s --applied",
			       id, id, id);
	else if (kind == CUT_HOLD_GATE)
		cut_buf_printf(&out, "cutover retry %s opens it again with the old votes void", id);
	else
		cut_buf_add_str(&out, "cutover resume to go on");
	cut_buf_printf(&out, "; cutover rollback --accept-loss undoes what came before %s too",
		       point);
	return cut_buf_take(&out);
}

/* After the point of no return nothing before it is undone without a person's word. */
static void hold_instead(struct cut_run *run, json_t *causes)
{
	const char *point = run->rb->steps[run->ponr].address;
	json_t *cause;
	size_t i;

	json_array_foreach (causes, i, cause) {
		const char *word = cut_json_str(cause, "kind", ""),
			   *id = cut_json_str(cause, "id", "");
		enum cut_hold_kind kind = hold_of_cause(word);

		cut_hold_add(
			run, kind, lasting(run, id), kind == CUT_HOLD_STEP || kind == CUT_HOLD_GATE,
			true, remedy_of(kind, id, point),
			"%s %s: %s; %s was the point of no return, so nothing is undone by itself",
			word, id, cut_json_str(cause, "text", ""), point);
	}
	json_decref(causes);
}

void cut_run_decide(struct cut_run *run)
{
	json_t *causes = cut_take(run->causes);

	run->decide_at = CUT_NEVER;
	cut_vec_foreach (&run->holds, hold) /* lesser causes of the same instant */
		if (hold->kind == CUT_HOLD_TRIGGER && hold->since == run->wall)
			json_array_append_new(causes,
					      cut_cause("trigger", hold->id, "fired as well"));
	if (run->ponr != CUT_NONE)
		hold_instead(run, causes);
	else
		cut_rollback_start(run, causes, NULL);
}

/* The freeze is over: what was suspended in it is decided now. */
void cut_run_thaw(struct cut_run *run)
{
	run->frozen_until = 0;
	cut_hold_drop(run, CUT_HOLD_OPERATOR, "freeze");
	if (run->causes)
		wait_for_decision(run);
}

/* --- triggers --- */

static bool not_clear(enum cut_trigger_state state)
{
	return state != CUT_TRIGGER_DISARMED && state != CUT_TRIGGER_CLEAR;
}

static void act(struct cut_run *run, const struct cut_trigger *trigger, enum cut_then then,
		const char *kind, const char *text)
{
	switch (then) {
	case CUT_THEN_ROLLBACK: cut_run_cause(run, cut_cause(kind, trigger->id, text)); break;
	case CUT_THEN_PAUSE:
		cut_hold_add(run, CUT_HOLD_TRIGGER, trigger->id, false, true,
			     cut_strdup("cutover resume to go on, or cutover rollback"),
			     "%s fired: %s", trigger->id, text);
		break;
	case CUT_THEN_NOTIFY:
		cut_run_page(run, "trigger", "%s fired: %s", trigger->id, text);
		break;
	}
}

void cut_run_trigger(struct cut_run *run, const struct cut_event *ev)
{
	const struct cut_trigger *trigger = &run->rb->triggers[ev->trigger.trigger];
	enum cut_trigger_state old = (enum cut_trigger_state)run->triggers[ev->trigger.trigger];
	enum cut_trigger_state new = ev->trigger.state;
	const char *text = cut_step_short(ev->trigger.text, "its condition is met");

	run->triggers[ev->trigger.trigger] = (uint8_t) new;
	if (old == new || trigger->shadow)
		return;
	if (not_clear(old) != not_clear(new)) {
		run->unclear += not_clear(new) ? 1 : UINT32_MAX;
		if (run->unclear <= 1)
			cut_wait_triggers(run);
	}
	if (old == CUT_TRIGGER_BLIND)
		cut_hold_drop(run, CUT_HOLD_BLIND, trigger->id);
	if (!cut_run_forward(run))
		return;
	if (new == CUT_TRIGGER_FIRING)
		act(run, trigger, trigger->then, "trigger", text);
	if (new != CUT_TRIGGER_BLIND)
		return;
	cut_hold_add(
		run, CUT_HOLD_BLIND, trigger->id, false, true,
		cut_strdup("it goes on by itself with the next sample; cutover resume to go on "
			   "unseeing, or cutover rollback"),
		"%s is blind: %s", trigger->id, text);
	if (trigger->on_blind == CUT_THEN_ROLLBACK)
		act(run, trigger, CUT_THEN_ROLLBACK, "blind", text);
}

/* --- acceptance --- */

static void accept_stage(struct cut_run *run, uint32_t phase)
{
	run->accepted = true;
	cut_hold_drop(run, CUT_HOLD_ACCEPTANCE, NULL);
	cut_gate_sign_off(run, phase, false);
	cut_run_record(run, NULL, "%s is accepted", run->rb->phases[phase].id);
	cut_run_close_phase(run, phase);
}

void cut_run_acceptance(struct cut_run *run, const struct cut_event *ev)
{
	uint32_t phase = ev->acceptance.phase;
	const struct cut_phase *p = &run->rb->phases[phase];
	const char *text = cut_step_short(ev->acceptance.text, "");
	enum cut_acceptance_state state = ev->acceptance.state;
	const struct cut_hold *declined; /* or its deadline has passed, which is no decision */

	if (!cut_run_forward(run) || phase != cut_run_stage_phase(run))
		return;
	if ((state == CUT_ACC_SIGNED || state == CUT_ACC_ACCEPTED) && !cut_run_signed(run, phase))
		return; /* the votes are what counts */
	if (state != CUT_ACC_MET && state != CUT_ACC_SIGNED && state != CUT_ACC_ACCEPTED)
		cut_gate_sign_off(run, phase, false); /* the evidence is another one now */
	run->acceptance = (uint8_t)state;
	if (ev->acceptance.want_tests && run->aux[p->acceptance.tests].state != CUT_AUX_RUNNING)
		cut_run_aux_start(run, p->acceptance.tests);
	switch (state) {
	case CUT_ACC_MET:
		json_decref(run->evidence);
		run->evidence = json_incref(ev->acceptance.evidence);
		declined = cut_hold_find(run, CUT_HOLD_ACCEPTANCE, p->id);
		if (p->acceptance.sign_off_len && !cut_run_signed(run, phase) &&
		    !(declined && declined->decision))
			cut_gate_sign_off(run, phase, true);
		break;
	case CUT_ACC_ACCEPTED:
		if (run->stage_done)
			accept_stage(run, phase);
		break;
	case CUT_ACC_FAILED: cut_run_cause(run, cut_cause("acceptance", p->id, text)); break;
	case CUT_ACC_OVERDUE:
		cut_hold_add(run, CUT_HOLD_ACCEPTANCE, p->id, false, true,
			     cut_strdup("cutover resume to wait on, or cutover rollback"),
			     "%s is not accepted within its deadline: %s", p->id, text);
		break;
	default: break;
	}
}

/* --- the window --- */

void cut_run_closes(struct cut_run *run, uint32_t phase)
{
	const struct cut_phase *p = &run->rb->phases[phase];
	cut_auto(cut_buf) struct cut_buf text = {0};

	if (run->window_override)
		return;
	cut_buf_add_str(&text, "the window has closed at ");
	cut_rfc3339_format(p->window.closes, &text);
	cut_buf_add_str(&text,
			p->acceptance.given ? " and nothing is accepted" : " before it was done");
	switch (p->window.on_overrun) {
	case CUT_OVERRUN_ROLLBACK:
		cut_run_cause(run, cut_cause("window", p->id, cut_buf_str(&text)));
		break;
	case CUT_OVERRUN_PAUSE:
		cut_hold_add(
			run, CUT_HOLD_WINDOW, p->id, false, true,
			cut_strdup(
				"cutover resume to go on outside the window, or cutover rollback"),
			"%s", cut_buf_str(&text));
		break;
	case CUT_OVERRUN_CONTINUE: cut_run_page(run, "run", "%s", cut_buf_str(&text)); break;
	}
}
