/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a whole model: what its expressions refer to, and what its steps leave unsaid. */
#include "engine/core/check.h"

static void tell_step(const struct cut_check *check, uint32_t step, const char *key,
		      const char *hint, const char *fmt, const char *name)
{
	cut_auto(cut_str) char *what = cut_printf("step '%s' %s", name, fmt);

	check->fault(check->data, check->step_nodes[step], 0, key, hint, what);
}

/* The safe reading of silence: an operator must have said how a change is taken back. */
static void check_silence(const struct cut_check *check, uint32_t i)
{
	const struct cut_step *step = &check->rb->steps[i];

	if (step->undo == CUT_UNDO_AUTO && !(step->body.ops & CUT_HAS_ROLLBACK))
		tell_step(check, i, NULL,
			  "write rollback: with a body, not_needed, or impossible with a "
			  "rollback_reason",
			  "changes something and does not say how that is undone", step->address);
}

static void check_since(const struct cut_check *check, uint32_t i)
{
	const struct cut_step *step = &check->rb->steps[i];

	if (step->kind != CUT_STEP_WAIT || !step->wait || step->wait->since == CUT_NONE ||
	    !check->graph)
		return;
	if (!cut_graph_before(check->graph, step->wait->since, i))
		tell_step(check, i, "wait", "add it to 'needs', directly or through another step",
			  "counts since a step that is not certain to be done before it",
			  step->address);
}

static void check_window(const struct cut_check *check, uint32_t i)
{
	const struct cut_step *step = &check->rb->steps[i];
	const struct cut_window *window = &check->rb->phases[step->phase].window;
	const struct cut_when *until =
		step->kind == CUT_STEP_WAIT && step->wait ? &step->wait->until : NULL;
	const struct cut_when *whens[] = {&step->not_before, until};

	for (size_t w = 0; w < 2; w++)
		if (whens[w] &&
		    ((whens[w]->base == CUT_WHEN_OPENS && window->opens == 0) ||
		     (whens[w]->base == CUT_WHEN_CLOSES && window->closes == CUT_NEVER)))
			tell_step(check, i, w ? "wait" : "not_before",
				  "give the runbook or its phase a window",
				  "counts from a window that is not there", step->address);
}

static uint32_t stage_of(const struct cut_runbook *rb, uint32_t step)
{
	return step == CUT_NONE ? 0 : rb->phases[rb->steps[step].phase].stage;
}

/* Is a trigger armed while the stage is accepted, whose bad samples count? */
static bool is_watched(const struct cut_runbook *rb, uint32_t stage)
{
	for (uint32_t i = 0; i < rb->triggers_len; i++) {
		const struct cut_trigger *t = &rb->triggers[i];
		bool ends_with_stage = t->until == CUT_NONE && stage_of(rb, t->from) == stage;
		bool goes_beyond = t->until != CUT_NONE && stage_of(rb, t->from) <= stage &&
				   stage_of(rb, t->until) > stage;

		if (!t->shadow && (ends_with_stage || goes_beyond))
			return true;
	}
	return false;
}

static const char *environment_of(const struct cut_runbook *rb, const struct cut_step *step)
{
	const char *environment = step->environment;

	for (uint32_t g = step->group; !environment && g != CUT_NONE; g = rb->groups[g].parent)
		environment = rb->groups[g].environment;
	return environment;
}

/* A protected side stays as it is until something was accepted: it is what one goes back to. */
static void check_protection(const struct cut_check *check, uint32_t i)
{
	const struct cut_runbook *rb = check->rb;
	const struct cut_step *step = &rb->steps[i];
	const struct cut_phase *phase = &rb->phases[step->phase];
	const char *side = environment_of(rb, step);

	if (!side ||
	    !json_is_true(json_object_get(json_object_get(rb->environments, side), "protect")) ||
	    !((step->body.effects | (step->undo_body ? step->undo_body->effects : 0)) &
	      CUT_DESTROY) ||
	    (phase->role == CUT_PHASE_FORWARD && phase->stage > 0))
		return;
	tell_step(check, i, NULL,
		  phase->role == CUT_PHASE_FORWARD
			  ? "move it to a phase after one with `acceptance`"
			  : "finally runs also where nothing was accepted: use a last phase",
		  "destroys in a protected environment before acceptance", step->address);
}

static void check_acceptance(const struct cut_check *check, uint32_t i)
{
	const struct cut_acceptance *a = &check->rb->phases[i].acceptance;

	if (a->given && a->tests == CUT_NONE && !is_watched(check->rb, check->rb->phases[i].stage))
		check->fault(
			check->data, check->phase_nodes[i], 0, "acceptance",
			"tests: [{run: [bin/smoke]}], or a trigger",
			"acceptance without triggers needs 'tests': nothing would be evidence");
}

void cut_check_model(const struct cut_check *check)
{
	const struct cut_runbook *rb = check->rb;

	for (size_t i = 0; i < check->uses_len; i++)
		cut_check_use(check, &check->uses[i]);
	for (uint32_t i = 0; i < rb->steps_len; i++) {
		if (!(check->tainted[i] & CUT_TAINT_BODY))
			check_silence(check, i);
		if (!check->tainted[i])
			check_since(check, i);
		check_window(check, i);
		check_protection(check, i);
	}
	for (uint32_t i = 0; i < rb->forward_len; i++)
		check_acceptance(check, i);
}
