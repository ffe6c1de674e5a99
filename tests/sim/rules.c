/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold whatever happens. */
#include "sim.h"

#include "engine/base/json.h"
#include "engine/base/vec.h"
#include "engine/core/status.h"

#include <string.h>

static enum cut_step_state state_of(const struct sim *sim, uint32_t step)
{
	struct cut_step_view view;

	cut_run_step_view(sim->run, step, &view);
	return view.state;
}

/* Calls visit for each step next to `from` in the graph, looking through joins. */
typedef bool visit_fn(struct sim *sim, uint32_t from, uint32_t step);
static void neighbours(struct sim *sim, uint32_t from, const uint32_t *at, const uint32_t *edges,
		       visit_fn *visit)
{
	struct {
		CUT_VEC(uint32_t);
	} stack = {0};
	bool *seen = cut_new_array(bool, sim->graph->nodes_len);

	cut_vec_push(&stack, from);
	while (stack.len) {
		uint32_t node = cut_vec_pop(&stack);

		for (uint32_t i = at[node]; i < at[node + 1]; i++) {
			uint32_t next = edges[i];

			if (seen[next])
				continue;
			seen[next] = true;
			if (next >= sim->graph->steps_len || !visit(sim, from, next))
				cut_vec_push(&stack, next);
		}
	}
	cut_vec_done(&stack);
	free(seen);
}

/* A need that is about to be undone was done when the call was asked for: an apply that a crash
 * lost is sent again, and what was due meanwhile then rolls back. */
static bool need_is_done(struct sim *sim, uint32_t step, uint32_t need)
{
	const struct cut_step *model = &sim->rb->steps[need];
	enum cut_step_state state = state_of(sim, need);
	bool done = state == CUT_STEP_SUCCEEDED || state == CUT_STEP_SKIPPED ||
		    (state == CUT_STEP_FAILED &&
		     (model->on_failure == CUT_FAIL_CONTINUE ||
		      sim->rb->phases[model->phase].role != CUT_PHASE_FORWARD)) ||
		    state == CUT_STEP_ROLLBACK_PENDING ||
		    (model->temporary && state > CUT_STEP_ROLLBACK_PENDING);

	if (!done)
		sim_fault(sim, "%s starts while %s, which it needs, is %s",
			  sim->rb->steps[step].address, model->address, cut_step_state_name(state));
	return true;
}

static bool dependant_is_down(struct sim *sim, uint32_t step, uint32_t dependant)
{
	const struct cut_step *model = &sim->rb->steps[dependant];
	enum cut_step_state state = state_of(sim, dependant);
	bool undoable = model->undo == CUT_UNDO_AUTO || model->undo == CUT_UNDO_BODY;
	bool live = state == CUT_STEP_RUNNING || state == CUT_STEP_VERIFYING ||
		    (state == CUT_STEP_UNKNOWN && undoable) || state == CUT_STEP_ROLLBACK_PENDING ||
		    state == CUT_STEP_ROLLING_BACK;

	if (model->temporary)
		return false; /* comes later; what is beyond it still counts */
	if (live)
		sim_fault(sim, "%s is rolled back while %s, which needs it, is %s",
			  sim->rb->steps[step].address, model->address, cut_step_state_name(state));
	return false;
}

/* The step's last intent, or SIZE_MAX. */
static size_t last_intent(const struct sim *sim, uint32_t step)
{
	for (size_t i = sim->journal.len; i-- > 0;)
		if (sim->journal.items[i].step == step)
			return i;
	return SIZE_MAX;
}

void sim_rule_call(struct sim *sim, const struct cut_effect *fx)
{
	uint32_t step = fx->call.step;
	const struct cut_step *model = &sim->rb->steps[step];
	const struct cut_graph *g = sim->graph;
	bool undo = fx->call.op == CUT_OP_ROLLBACK;
	bool apply = fx->call.op == CUT_OP_APPLY;
	size_t intent;
	bool saves = !undo && (fx->call.body->effects & CUT_SAVES);

	if (apply)
		neighbours(sim, step, g->pred_at, g->pred, need_is_done);
	if (undo && !model->temporary && cut_run_state(sim->run) == CUT_RUN_ROLLING_BACK)
		neighbours(sim, step, g->succ_at, g->succ, dependant_is_down);
	if (!undo && !(apply && cut_step_writes(model)))
		return;
	intent = last_intent(sim, step);
	if (intent == SIZE_MAX || strcmp(sim->journal.items[intent].key, fx->call.key) != 0)
		sim_fault(sim, "%s: an effect without an intent", model->address);
	else if (intent >= sim->synced && !saves)
		sim_fault(sim, "%s: an effect whose intent is not durable", model->address);
}

void sim_rule_after(struct sim *sim)
{
	bool final = cut_run_state(sim->run) >= CUT_RUN_ACCEPTED;

	if (sim->dead)
		return;
	if (final && sim->calls.len)
		sim_fault(sim, "the run ended as %s with %s in flight",
			  cut_run_state_name(cut_run_state(sim->run)),
			  sim->rb->steps[sim->calls.items[0].fx.call.step].address);
	if (final != sim->ended)
		sim_fault(sim, "the end and the final state do not agree");
}

/* What a clean rollback claims must be true. */
static void check_truth(struct sim *sim, uint32_t step)
{
	const struct cut_step *model = &sim->rb->steps[step];
	enum cut_step_state state = state_of(sim, step);
	uint32_t phase = cut_run_phase(sim->run);
	bool earlier = phase != CUT_NONE &&
		       sim->rb->phases[model->phase].stage < sim->rb->phases[phase].stage;

	if (state == CUT_STEP_ROLLED_BACK && sim->steps[step].on)
		sim_fault(sim, "%s is rolled_back, but its effect is there", model->address);
	if (cut_run_state(sim->run) == CUT_RUN_ROLLED_BACK && !sim->partial && !earlier &&
	    sim->steps[step].on && (state == CUT_STEP_FAILED || state == CUT_STEP_UNKNOWN) &&
	    !model->temporary && (model->undo == CUT_UNDO_AUTO || model->undo == CUT_UNDO_BODY))
		sim_fault(sim, "the run is rolled_back, but %s, which is %s, has its effect",
			  model->address, cut_step_state_name(state));
}

/* The parts of status that a replay must bring back. */
static json_t *picture(struct sim *sim, const struct cut_run *run, const struct cut_watch *watch)
{
	json_t *status = cut_status_json(sim->rb, run, watch, sim->t, 0);

	json_object_del(status, "triggers");
	json_object_del(status, "acceptance");
	return status;
}

void sim_rule_end(struct sim *sim)
{
	struct cut_run *run;
	struct cut_watch *watch;
	bool ended;

	for (uint32_t i = 0; i < sim->rb->steps_len; i++)
		check_truth(sim, i);
	sim_replay(sim, &run, &watch, &ended);
	if (!sim_failed(sim)) {
		cut_auto(cut_json) json_t *was = picture(sim, sim->run, sim->watch);
		cut_auto(cut_json) json_t *now = picture(sim, run, watch);

		if (!json_equal(was, now) || !ended)
			sim_fault(sim, "a replay ends in another state");
	}
	cut_run_free(run);
	cut_watch_free(watch);
}
