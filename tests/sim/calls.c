/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on the simulated world: how each ends, what of it really lands, what it saves. */
#include "sim.h"

#include "engine/base/json.h"
#include "engine/base/vec.h"

static struct sim_call *call_of(struct sim *sim, uint32_t step)
{
	cut_vec_foreach (&sim->calls, call)
		if (call->fx.call.step == step)
			return call;
	return NULL;
}

static bool is_apply(const struct cut_effect *fx)
{
	return fx->call.op == CUT_OP_APPLY && fx->call.entry == CUT_OP_APPLY;
}

static void decide_outcome(struct sim *sim, struct sim_call *call)
{
	uint32_t luck = sim->calm ? 0 : sim_roll(&sim->rng, 100);
	cut_time length = sim_between(&sim->rng, 0, sim_chance(&sim->rng, 20) ? 30000 : 2000);

	call->ends = sim->t + length;
	call->lands = true;
	if (luck < 62) {
		call->status = CUT_OK;
	} else if (luck < 74) {
		call->status = CUT_FAIL;
		call->lands = sim_chance(&sim->rng, 40);
	} else if (luck < 82) {
		call->status = CUT_RETRY;
		call->lands = false;
	} else if (luck < 90) {
		call->status = CUT_UNKNOWN;
		call->lands = sim_chance(&sim->rng, 50);
		call->not_sent = !call->lands && sim_chance(&sim->rng, 50);
	} else {
		length = call->fx.call.timeout + CUT_SECOND; /* it hangs */
	}
	if (length > call->fx.call.timeout) {
		call->ends = sim->t + call->fx.call.timeout + CUT_SECOND;
		call->status = sim_chance(&sim->rng, 50) ? CUT_FAIL : CUT_UNKNOWN;
		call->lands = sim_chance(&sim->rng, 50);
		call->not_sent = false;
	}
}

void sim_call_start(struct sim *sim, struct cut_effect *fx)
{
	struct sim_call call = {.fx = *fx, .saves = CUT_NEVER};

	fx->call.params = NULL; /* taken */
	if (call_of(sim, call.fx.call.step))
		sim_fault(sim, "%s: a second call while one is in flight",
			  sim->rb->steps[call.fx.call.step].address);
	decide_outcome(sim, &call);
	if (is_apply(fx) && (fx->call.body->effects & CUT_SAVES))
		call.saves = sim->t + (call.ends - sim->t) / 2;
	sim_say(sim, "      call %s %s #%u", sim->rb->steps[fx->call.step].address,
		cut_op_name(fx->call.op), fx->call.attempt);
	cut_vec_push(&sim->calls, call);
}

void sim_call_cancel(struct sim *sim, uint32_t step)
{
	struct sim_call *call = call_of(sim, step);
	cut_time soon = sim->t + sim_between(&sim->rng, 0, 2000);

	if (!call || sim_chance(&sim->rng, 20) || soon >= call->ends)
		return; /* too late, it ends as it would have */
	call->ends = soon;
	call->status = CUT_CANCELED;
	call->lands = sim_chance(&sim->rng, 50);
}

void sim_call_land(struct sim *sim, const struct sim_call *call)
{
	struct sim_step *step = &sim->steps[call->fx.call.step];

	if (!call->lands || call->saves != CUT_NEVER)
		return; /* nothing changes before it is saved */
	if (call->fx.call.op == CUT_OP_ROLLBACK)
		step->on = false;
	else if (is_apply(&call->fx) && cut_step_writes(&sim->rb->steps[call->fx.call.step]))
		step->on = true;
}

void sim_call_end(struct sim *sim, struct sim_call *at)
{
	struct sim_call call = *at;
	struct cut_event ev = {.type = CUT_EV_OUTCOME};
	const struct sim_step *truth = &sim->steps[call.fx.call.step];

	cut_vec_remove(&sim->calls, (size_t)(at - sim->calls.items));
	if (call.fx.call.op == CUT_OP_OBSERVE && call.status != CUT_UNKNOWN)
		call.status = truth->on ? CUT_OK : CUT_RETRY;
	else
		sim_call_land(sim, &call);
	if (call.saves != CUT_NEVER && call.status == CUT_OK)
		call.status = CUT_FAIL;
	ev.outcome.step = call.fx.call.step;
	ev.outcome.op = call.fx.call.op;
	ev.outcome.attempt = call.fx.call.attempt;
	ev.outcome.status = call.status;
	ev.outcome.not_sent = call.not_sent;
	ev.outcome.text = call.status == CUT_OK ? NULL : "simulated";
	if (!sim_feed(sim, ev) && !sim->dead && !sim_failed(sim))
		sim_fault(sim, "%s: the outcome of a call in flight was refused",
			  sim->rb->steps[call.fx.call.step].address);
	if (!sim->dead && !call_of(sim, call.fx.call.step) && sim_chance(&sim->rng, 5) &&
	    sim_feed(sim, ev))
		sim_fault(sim, "%s: a call was resolved twice",
			  sim->rb->steps[call.fx.call.step].address);
	json_decref(call.fx.call.params);
}

void sim_call_save(struct sim *sim, struct sim_call *call)
{
	cut_auto(cut_json) json_t *saved = json_pack("{s:b}", "was", 0);
	struct cut_event ev = {.type = CUT_EV_SAVED};

	call->saves = CUT_NEVER;
	ev.saved.step = call->fx.call.step;
	ev.saved.state = saved;
	sim_feed(sim, ev);
}

struct sim_call *sim_call_next(struct sim *sim, cut_time *ret_at)
{
	struct sim_call *next = NULL;

	*ret_at = CUT_NEVER;
	cut_vec_foreach (&sim->calls, call) {
		cut_time at = call->saves < call->ends ? call->saves : call->ends;

		if (at < *ret_at) {
			*ret_at = at;
			next = call;
		}
	}
	return next;
}
