/* SPDX-License-Identifier: Apache-2.0 */
/* The people around a run: they approve, decline, order sensible and silly things at any moment,
 * and once faults have stopped they help the run to its end by what its holds tell them. */
#include "sim.h"

#include "engine/base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct person {
	struct sim *sim;
	struct sim_engine *engine; /* that it talks to */
	const struct cut_run *run;
	int64_t uid;
	char name[4], actor[24];
};

/* Whoever is told that the journal is broken mends the disk and recovers the run. */
static bool feed(const struct person *p, struct cut_event *ev)
{
	int r = cut_driver_feed(p->engine->driver, ev, NULL, NULL);

	if (r == -ESHUTDOWN && !p->engine->over && !p->engine->dead)
		p->sim->wants_restart = true;
	return r == 0;
}

static void vote(const struct person *p, const char *gate, bool decline)
{
	struct cut_event ev = {.type = CUT_EV_APPROVAL, .actor = p->actor};

	ev.approval.gate = gate;
	ev.approval.decline = decline;
	ev.approval.uid = p->uid;
	ev.approval.name = p->name;
	feed(p, &ev);
}

static bool order(const struct person *p, enum cut_order what, const char *target, json_t *args)
{
	struct cut_event ev = {.type = CUT_EV_ORDER, .actor = p->actor};
	bool taken;

	ev.order.order = what;
	ev.order.target = target;
	ev.order.uid = p->uid;
	ev.order.args = args;
	taken = feed(p, &ev);
	if (taken && target && cut_runbook_address(p->sim->rb, target) != CUT_NONE)
		p->sim->steps[cut_runbook_address(p->sim->rb, target)].may_repeat = true;
	p->sim->partial |= taken && what == CUT_ORDER_ROLLBACK && target;
	json_decref(args);
	p->sim->orders++;
	return taken;
}

static uint32_t step_named(const struct sim *sim, const char *address)
{
	return cut_runbook_address(sim->rb, address);
}

/* Says how it really is. */
static void attest_truth(const struct person *p, const char *address)
{
	uint32_t step = step_named(p->sim, address);

	if (step == CUT_NONE)
		return;
	order(p, CUT_ORDER_ATTEST, address, json_pack("{s:b}", "applied", p->sim->steps[step].on));
}

static void answer(const struct person *p)
{
	size_t len;
	const struct cut_waiting *all = cut_run_waiting(p->run, &len);
	const struct cut_runbook *rb = p->sim->rb;
	bool decline = !p->sim->calm && sim_chance(&p->sim->rng, 12);
	struct cut_waiting one;

	if (len == 0)
		return;
	one = all[sim_roll(&p->sim->rng, (uint32_t)len)];
	switch (one.kind) {
	case CUT_WAITING_APPROVAL: vote(p, rb->steps[one.step].address, decline); break;
	case CUT_WAITING_SIGN_OFF: vote(p, rb->phases[one.phase].id, decline); break;
	case CUT_WAITING_MANUAL:
		order(p, CUT_ORDER_ATTEST, rb->steps[one.step].address,
		      json_pack("{s:s}", "comment", "done"));
		break;
	}
}

/* A failed undo: once more, or by hand. */
static void help_rollback(const struct person *p, const char *address)
{
	uint32_t step = step_named(p->sim, address);

	if (step != CUT_NONE && sim_chance(&p->sim->rng, 30)) {
		if (order(p, CUT_ORDER_ATTEST, address, json_pack("{s:b}", "applied", 1))) {
			p->sim->steps[step].on = false;
		}
	} else if (!order(p, CUT_ORDER_RETRY, address, NULL)) {
		order(p, CUT_ORDER_ROLLBACK, NULL, json_pack("{s:b}", "accept_loss", 1));
	}
}

static void help_step(const struct person *p, const char *address)
{
	uint32_t luck = sim_roll(&p->sim->rng, 10);
	uint32_t step = step_named(p->sim, address);

	if (luck < 6) {
		order(p, CUT_ORDER_RETRY, address, NULL);
	} else if (luck < 8) {
		order(p, CUT_ORDER_SKIP, address, json_pack("{s:s}", "reason", "not today"));
	} else if (step != CUT_NONE &&
		   order(p, CUT_ORDER_ATTEST, address, json_pack("{s:b}", "applied", 1))) {
		/* Fixed by hand, and that is true; whether or not a crash makes it forgotten. */
		p->sim->steps[step].on = p->sim->steps[step].by_hand = true;
	}
}

static void help(const struct person *p)
{
	size_t len;
	const struct cut_hold *holds = cut_run_holds(p->run, &len);
	cut_auto(cut_str) char *id = NULL;
	const struct cut_hold *hold;

	if (cut_run_state(p->run) == CUT_RUN_ARMED)
		order(p, CUT_ORDER_START, NULL, NULL); /* the first one was lost in a crash */
	if (len == 0)
		return;
	hold = &holds[sim_roll(&p->sim->rng, (uint32_t)len)];
	id = cut_strdup(hold->id);
	switch (hold->kind) {
	case CUT_HOLD_STEP: help_step(p, id); break;
	case CUT_HOLD_UNKNOWN: attest_truth(p, id); break;
	case CUT_HOLD_GATE: order(p, CUT_ORDER_RETRY, id, NULL); break;
	case CUT_HOLD_ROLLBACK: help_rollback(p, id); break;
	case CUT_HOLD_ACCEPTANCE:
		if (!order(p, CUT_ORDER_RESUME, NULL, NULL) && sim_chance(&p->sim->rng, 30))
			order(p, CUT_ORDER_ROLLBACK, NULL, json_pack("{s:b}", "accept_loss", 1));
		break;
	default:
		if (!order(p, CUT_ORDER_RESUME, NULL, NULL) && p->sim->calm &&
		    sim_chance(&p->sim->rng, 10))
			order(p, CUT_ORDER_ROLLBACK, NULL, json_pack("{s:b}", "accept_loss", 1));
		break;
	}
}

static void remark(const struct person *p)
{
	struct cut_event ev = {.type = CUT_EV_NOTE, .actor = p->actor, .note = {"hm"}};

	feed(p, &ev);
}

/* Anything, at any moment: most of it is refused. */
static void meddle(const struct person *p)
{
	struct sim_rng *rng = &p->sim->rng;
	const struct cut_runbook *rb = p->sim->rb;
	const char *step = rb->steps[sim_roll(rng, rb->steps_len)].address;
	const char *phase = rb->phases[sim_roll(rng, rb->forward_len)].id;

	switch (sim_roll(rng, 13)) {
	case 0:
	case 1: order(p, CUT_ORDER_PAUSE, NULL, NULL); break;
	case 2:
	case 3: order(p, CUT_ORDER_RESUME, NULL, NULL); break;
	case 4: order(p, CUT_ORDER_FREEZE, NULL, json_pack("{s:i}", "for", 30)); break;
	case 5: order(p, CUT_ORDER_RETRY, step, NULL); break;
	case 6: order(p, CUT_ORDER_SKIP, step, json_pack("{s:s}", "reason", "because")); break;
	case 7:
		order(p, CUT_ORDER_ROLLBACK,
		      sim_chance(rng, 40) ? (sim_chance(rng, 50) ? step : phase) : NULL,
		      json_pack("{s:b}", "accept_loss", sim_chance(rng, 50)));
		break;
	case 8:
		if (sim_chance(rng, 30))
			order(p, CUT_ORDER_ABORT, NULL,
			      json_pack("{s:b}", "keep_temporary", sim_chance(rng, 20)));
		break;
	case 9: order(p, CUT_ORDER_COMMAND, p->name, NULL); break;
	case 10: remark(p); break;
	case 11: vote(p, sim_chance(rng, 50) ? step : phase, sim_chance(rng, 10)); break;
	default: order(p, CUT_ORDER_START, NULL, NULL); break;
	}
}

void sim_person(struct sim *sim)
{
	int number = (int)sim_roll(&sim->rng, SIM_PEOPLE);
	struct person p = {.sim = sim, .uid = SIM_FIRST_UID + number};
	uint32_t luck = sim_roll(&sim->rng, 100);

	sim->next_person = sim->now + sim_between(&sim->rng, 1, sim->calm ? 10 : 40) * CUT_SECOND;
	p.engine = sim_leader(sim);
	if (!p.engine)
		return; /* nobody answers */
	p.run = p.engine->run;
	snprintf(p.name, sizeof(p.name), "p%d", number);
	snprintf(p.actor, sizeof(p.actor), "p%d (uid %d)", number, SIM_FIRST_UID + number);
	sim_disk_enter(p.engine);
	if (luck < 45)
		answer(&p);
	else if (luck < 85 || (sim->calm && luck < 98))
		help(&p);
	else if (sim->calm)
		remark(&p);
	else
		meddle(&p);
}
