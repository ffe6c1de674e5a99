/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold whatever happens. */
#include "sim.h"

#include "engine/base/json.h"
#include "engine/base/vec.h"
#include "engine/core/status.h"

#include <string.h>

static enum cut_step_state state_of(const struct cut_run *run, uint32_t step)
{
	struct cut_step_view view;

	cut_run_step_view(run, step, &view);
	return view.state;
}

/* Calls visit for each step next to `from` in the graph, looking through joins. */
typedef bool visit_fn(struct sim_engine *e, uint32_t from, uint32_t step);
static void neighbours(struct sim_engine *e, uint32_t from, const uint32_t *at,
		       const uint32_t *edges, visit_fn *visit)
{
	struct {
		CUT_VEC(uint32_t);
	} stack = {0};
	bool *seen = cut_new_array(bool, e->sim->graph->nodes_len);

	cut_vec_push(&stack, from);
	while (stack.len) {
		uint32_t node = cut_vec_pop(&stack);

		for (uint32_t i = at[node]; i < at[node + 1]; i++) {
			uint32_t next = edges[i];

			if (seen[next])
				continue;
			seen[next] = true;
			if (next >= e->sim->graph->steps_len || !visit(e, from, next))
				cut_vec_push(&stack, next);
		}
	}
	cut_vec_done(&stack);
	free(seen);
}

/* A need that is about to be undone was done when the call was asked for: an apply that a crash
 * lost is sent again, and what was due meanwhile then rolls back. */
static bool need_is_done(struct sim_engine *e, uint32_t step, uint32_t need)
{
	struct sim *sim = e->sim;
	const struct cut_step *model = &sim->rb->steps[need];
	enum cut_step_state state = state_of(e->run, need);
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

static bool dependant_is_down(struct sim_engine *e, uint32_t step, uint32_t dependant)
{
	struct sim *sim = e->sim;
	const struct cut_step *model = &sim->rb->steps[dependant];
	enum cut_step_state state = state_of(e->run, dependant);
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

void sim_rule_call(struct sim_engine *e, const struct sim_call *call)
{
	const struct cut_graph *g = e->sim->graph;
	const struct cut_step *model = &e->sim->rb->steps[call->step];

	if (call->kind == SIM_APPLY)
		neighbours(e, call->step, g->pred_at, g->pred, need_is_done);
	if (call->kind == SIM_UNDO && !model->temporary &&
	    cut_run_state(e->run) == CUT_RUN_ROLLING_BACK)
		neighbours(e, call->step, g->succ_at, g->succ, dependant_is_down);
	if ((call->kind == SIM_APPLY && model->body.effects & CUT_SAVES) ||
	    (call->kind != SIM_APPLY && call->kind != SIM_UNDO))
		return;
	if (!sim_disk_holds(e->sim, "\"type\":\"intent\"", call->key))
		sim_fault(e->sim, "%s: an effect whose intent is not on the disk", model->address);
}

void sim_rule_land(struct sim *sim, const struct sim_call *call)
{
	const struct cut_step *model = &sim->rb->steps[call->step];
	const struct sim_step *step = &sim->steps[call->step];
	cut_auto(cut_str) char *who = cut_printf("\"step\":\"%s\"", model->address);

	if (!sim_disk_holds(sim, "\"type\":\"intent\"", call->key))
		sim_fault(sim, "%s: it landed, and its intent is not on the disk", model->address);
	if (call->kind != SIM_APPLY)
		return;
	if (model->body.effects & CUT_SAVES && !sim_disk_holds(sim, "\"type\":\"saved\"", who))
		sim_fault(sim, "%s: it landed, and what it saved is not on the disk",
			  model->address);
	if (step->on && !step->may_repeat && model->body.class != CUT_DECLARATIVE &&
	    strcmp(step->key, call->key) != 0)
		sim_fault(sim, "%s: it landed twice", model->address);
}

void sim_rule_promise(struct sim_engine *e, uint64_t seq)
{
	if (seq > e->sim->promised)
		e->sim->promised = seq;
	e->sim->armed = true;
	if (e != e->sim->engines)
		sim_fault(e->sim, "engine %u still writes after engine %u has taken up", e->number,
			  e->sim->engines->number);
}

void sim_rule_takeup(struct sim_engine *e)
{
	const struct cut_journal_scan *scan = &e->replay.scan;

	sim_say(e->sim, "  %u: read %llu records, %llu were promised", e->number,
		(unsigned long long)scan->last_seq, (unsigned long long)e->sim->promised);
	if (scan->last_seq < e->sim->promised)
		sim_fault(e->sim, "records %llu to %llu were promised and are gone",
			  (unsigned long long)scan->last_seq + 1,
			  (unsigned long long)e->sim->promised);
}

void sim_rule_turn(struct sim_engine *e)
{
	struct sim *sim = e->sim;
	bool final = cut_run_state(e->run) >= CUT_RUN_ACCEPTED;

	if (e->dead || !e->over)
		return;
	if (!final)
		sim_fault(sim, "the run ended as %s", cut_run_state_name(cut_run_state(e->run)));
	cut_vec_foreach (&e->links, link)
		cut_vec_foreach (&(*link)->flights, call)
			if (call->kind != SIM_SAMPLE)
				sim_fault(sim, "the run ended with %s in flight",
					  sim->rb->steps[call->step].address);
}

/* What a clean rollback claims must be true. */
static void check_truth(struct sim *sim, const struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &sim->rb->steps[step];
	enum cut_step_state state = state_of(run, step);
	uint32_t phase = cut_run_phase(run);
	bool earlier = phase != CUT_NONE &&
		       sim->rb->phases[model->phase].stage < sim->rb->phases[phase].stage;

	if (state == CUT_STEP_ROLLED_BACK && sim->steps[step].on)
		sim_fault(sim, "%s is rolled_back, but its effect is there", model->address);
	if (cut_run_state(run) == CUT_RUN_ROLLED_BACK && !sim->partial && !earlier &&
	    sim->steps[step].on && !sim->steps[step].by_hand &&
	    (state == CUT_STEP_FAILED || state == CUT_STEP_UNKNOWN) && !model->temporary &&
	    (model->undo == CUT_UNDO_AUTO || model->undo == CUT_UNDO_BODY))
		sim_fault(sim, "the run is rolled_back, but %s, which is %s, has its effect",
			  model->address, cut_step_state_name(state));
}

/* The parts of status that a replay must bring back. */
static json_t *picture(struct sim *sim, const struct cut_run *run, const struct cut_watch *watch)
{
	json_t *status = cut_status_json(sim->rb, run, watch, sim->now, 0);

	json_object_del(status, "triggers");
	json_object_del(status, "acceptance");
	return status;
}

void sim_rule_end(struct sim *sim, struct sim_engine *e)
{
	struct cut_run *run = cut_run_new(sim->rb, sim->graph);
	struct cut_watch *watch = cut_watch_new(sim->rb);
	struct cut_replay replay = {0};
	cut_auto(cut_err) struct cut_err err = {0};

	for (uint32_t i = 0; i < sim->rb->steps_len; i++)
		check_truth(sim, e->run, i);
	if (cut_replay("/run", &sim_disk_io, sim->rb, run, watch, &replay, &err) < 0) {
		sim_fault(sim, "the journal of the run that has ended is refused: %s", err.what);
	} else {
		cut_auto(cut_json) json_t *was = picture(sim, e->run, e->watch);
		cut_auto(cut_json) json_t *now = picture(sim, run, watch);

		if (!json_equal(was, now))
			sim_fault(sim, "a replay ends in another state");
	}
	cut_replay_done(&replay);
	cut_run_free(run);
	cut_watch_free(watch);
}
