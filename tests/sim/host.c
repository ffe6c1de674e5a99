/* SPDX-License-Identifier: Apache-2.0 */
/* Plugin hosts and what their calls do to the world: they succeed, fail, hang, answer late, twice
 * or never, die, and something of it lands. Once a host is buried nothing of it lands any more;
 * that is what hostlink, orphans and the supervisor see to in the real world. */
#include "sim.h"

#include "engine/base/hash.h"
#include "engine/base/json.h"

#include <errno.h>
#include <string.h>

#define GRACE CUT_SECOND /* from the end of a call's time to the end of its host */

static struct sim *sim_of(const struct cut_hostlink *link)
{
	return link->engine->sim;
}

/* "apply", "rollback": whose key is it? Computed from its definition, not asked of the core. */
static bool is_key_of(const struct sim *sim, const struct cut_hostcall *call, const char *direction)
{
	cut_auto(cut_str) char *text =
		cut_printf("sim-run|%s|%u|%s", call->step, call->attempt, direction);
	uint8_t digest[CUT_SHA256_BYTES];
	char key[53];

	cut_sha256(text, strlen(text), digest);
	cut_base32(digest, sizeof(digest), key);
	return strcmp(key, call->key) == 0;
}

static enum sim_call_kind kind_of(const struct sim *sim, const struct cut_hostcall *call)
{
	cut_auto(cut_str) char *name = cut_printf("sim.%s", call->action);
	const struct cut_catalog_action *action = cut_catalog_action(sim->catalog, name);

	if (strcmp(call->op, "sample") == 0)
		return SIM_SAMPLE;
	if (strcmp(call->op, "observe") == 0)
		return SIM_OBSERVE;
	if (strcmp(call->op, "verify") == 0 || action->effects == CUT_READ)
		return SIM_READ;
	return is_key_of(sim, call, "rollback") ? SIM_UNDO : SIM_APPLY;
}

static struct sim_call *call_of(struct cut_hostlink *link, uint64_t id)
{
	cut_vec_foreach (&link->flights, call)
		if (call->id == id)
			return call;
	return NULL;
}

/* --- what becomes of a call --- */

static void decide_sample(struct sim *sim, struct sim_call *call)
{
	uint32_t luck = sim->calm ? 99 : sim_roll(&sim->rng, 100);

	call->status = luck < 4 ? CUT_FAIL : CUT_OK;
	call->replies = sim->now + sim_between(&sim->rng, 0, luck < 8 ? 4000 : 20);
}

/* Of one that changes something: does it, and when? */
static void decide_landing(struct sim *sim, struct sim_call *call, bool lands)
{
	if (call->kind == SIM_APPLY || call->kind == SIM_UNDO)
		call->lands = lands ? sim_between(&sim->rng, sim->now, call->replies) : CUT_NEVER;
}

static void decide(struct sim *sim, struct sim_call *call, cut_time timeout)
{
	uint32_t luck = sim->calm ? 0 : sim_roll(&sim->rng, 100);
	cut_time length = sim_between(&sim->rng, 0, sim_chance(&sim->rng, 20) ? 30000 : 2000);
	bool lands = true;

	if (length >= timeout)
		length = timeout - 1;
	call->replies = sim->now + length;
	if (luck < 62) {
		call->status = CUT_OK;
	} else if (luck < 74) {
		call->status = CUT_FAIL;
		lands = sim_chance(&sim->rng, 40);
	} else if (luck < 82) {
		call->status = CUT_RETRY;
		lands = false;
	} else if (luck < 90) {
		call->status = CUT_UNKNOWN;
		lands = sim_chance(&sim->rng, 50);
	} else { /* it hangs; its host will be killed for it */
		lands = sim_chance(&sim->rng, 50);
		decide_landing(sim, call, lands);
		call->replies = CUT_NEVER;
		return;
	}
	decide_landing(sim, call, lands);
}

void sim_call_land(struct sim *sim, struct sim_call *call)
{
	struct sim_step *step = &sim->steps[call->step];

	call->lands = CUT_NEVER;
	sim_say(sim, "world: %s of %s #%u lands", call->kind == SIM_UNDO ? "rollback" : "apply",
		sim->rb->steps[call->step].address, call->attempt);
	sim_rule_land(sim, call);
	step->on = call->kind == SIM_APPLY;
	step->may_repeat = false;
	memcpy(step->key, call->key, sizeof(step->key));
}

/* --- the engine's side --- */

int sim_host_start(struct cut_world *world, const struct cut_hostlink_options *options,
		   const struct cut_hostlink_events *events, struct cut_hostlink **ret,
		   struct cut_err *err)
{
	struct sim_engine *engine = (struct sim_engine *)world;
	struct sim *sim = engine->sim;
	struct cut_hostlink *link;

	if (!sim_alive(engine) || (sim_faulty(sim) && sim_chance(&sim->rng, 2)))
		return cut_err_set(err, -EAGAIN, "simulated", NULL, "no host could be started");
	link = cut_new(struct cut_hostlink);
	*link = (struct cut_hostlink){
		.engine = engine,
		.events = *events,
		.gone = CUT_NEVER,
		.again = CUT_NEVER,
	};
	link->ready = sim->now + sim_between(&sim->rng, 1, 50);
	cut_vec_push(&engine->links, link);
	*ret = link;
	return 0;
}

int sim_host_call(struct cut_hostlink *link, const struct cut_hostcall *hostcall)
{
	struct sim *sim = sim_of(link);
	struct sim_call call = {
		.id = hostcall->id,
		.kind = kind_of(sim, hostcall),
		.attempt = hostcall->attempt,
		.replies = CUT_NEVER,
		.saves = CUT_NEVER,
		.lands = CUT_NEVER,
		.overdue = sim->now + hostcall->timeout + GRACE,
	};

	if (link->gone != CUT_NEVER)
		return -EPIPE;
	if (!sim_alive(link->engine)) { /* nobody gets it; the dead give back its memory */
		cut_vec_push(&link->flights, call);
		return 0;
	}
	sim->calls++;
	if (call.kind == SIM_SAMPLE) {
		decide_sample(sim, &call);
		cut_vec_push(&link->flights, call);
		return 0;
	}
	call.step = cut_runbook_address(sim->rb, hostcall->step);
	strncpy(call.key, hostcall->key, sizeof(call.key) - 1);
	sim_say(sim, "  %u: %s %s #%u key %.6s", link->engine->number, hostcall->op, hostcall->step,
		call.attempt, call.key);
	sim_rule_call(link->engine, &call);
	decide(sim, &call, hostcall->timeout);
	if (call.kind == SIM_APPLY && (sim->rb->steps[call.step].body.effects & CUT_SAVES) &&
	    !hostcall->saved) {
		call.wants_save = true;
		call.saves = sim_between(&sim->rng, sim->now, sim->now + 500);
	}
	cut_vec_push(&link->flights, call);
	return 0;
}

/* Nothing changes before the state is saved: then what was to happen follows. */
void sim_host_saved(struct cut_hostlink *link, uint64_t id, const json_t *first)
{
	struct sim *sim = sim_of(link);
	struct sim_call *call = call_of(link, id);

	if (!sim_alive(link->engine) || !call || !call->wants_save)
		return;
	call->wants_save = false;
	if (call->replies != CUT_NEVER && call->replies < sim->now)
		call->replies = sim->now;
	if (call->lands != CUT_NEVER && call->lands < sim->now)
		call->lands = sim->now;
}

void sim_host_cancel(struct cut_hostlink *link, uint64_t id)
{
	struct sim *sim = sim_of(link);
	struct sim_call *call = call_of(link, id);
	cut_time soon = sim->now + sim_between(&sim->rng, 0, 2000);

	if (!sim_alive(link->engine) || !call || sim_chance(&sim->rng, 20))
		return; /* too late, it ends as it would have */
	if (call->replies <= soon)
		return;
	call->replies = soon;
	call->status = CUT_CANCELED;
	if (call->wants_save || call->lands > soon)
		call->lands = CUT_NEVER;
	call->wants_save = false;
	call->saves = CUT_NEVER;
}

void sim_host_kill(struct cut_hostlink *link)
{
	struct sim *sim = sim_of(link);

	if (link->gone != CUT_NEVER)
		return;
	link->gone = sim->now + sim_between(&sim->rng, 0, 50);
	cut_vec_foreach (&link->flights, call) {
		if (call->lands == CUT_NEVER || call->wants_save)
			continue;
		if (sim->neglect == SIM_NEGLECT_QUIESCE ||
		    (sim->neglect == SIM_NEGLECT_FENCE && link->engine->dead)) {
			call->lands = sim->now + sim_between(&sim->rng, 0, 60000);
			cut_vec_push(&sim->orphans, *call);
		} else if (sim_chance(&sim->rng, 50)) {
			sim_call_land(sim, call);
		}
	}
}

void sim_host_stop(struct cut_hostlink *link)
{
	sim_host_kill(link);
}

/* --- time passes --- */

static cut_time earlier(cut_time a, cut_time b)
{
	return a < b ? a : b;
}

/* What it does by itself, also while its engine stands still. */
static cut_time landing(const struct sim_call *call)
{
	return call->wants_save ? CUT_NEVER : call->lands;
}

static cut_time next_of(const struct sim_call *call)
{
	cut_time next = earlier(call->saves, call->overdue);

	return call->wants_save ? next : earlier(next, call->replies);
}

cut_time sim_host_lands(const struct cut_hostlink *link)
{
	cut_time next = CUT_NEVER;

	if (link->gone == CUT_NEVER)
		cut_vec_foreach (&link->flights, call)
			next = earlier(next, landing(call));
	return next;
}

void sim_host_land(struct cut_hostlink *link)
{
	struct sim *sim = sim_of(link);

	cut_vec_foreach (&link->flights, call)
		if (landing(call) <= sim->now)
			sim_call_land(sim, call);
}

cut_time sim_host_next(const struct cut_hostlink *link)
{
	cut_time next = earlier(link->ready, link->again);

	if (link->gone != CUT_NEVER)
		return link->gone;
	cut_vec_foreach (&link->flights, call)
		next = earlier(next, next_of(call));
	return next;
}

static void save(struct cut_hostlink *link, struct sim_call *call)
{
	cut_auto(cut_json) json_t *state = json_pack("{s:i}", "was", (int)call->attempt);

	call->saves = CUT_NEVER;
	link->events.save(link->events.data, call->id, state);
}

static json_t *result_of(struct sim *sim, const struct sim_call *call)
{
	if (call->kind != SIM_SAMPLE)
		return NULL;
	if (sim->calm)
		sim->level = 1;
	else if (sim_chance(&sim->rng, 4))
		sim->level = sim_chance(&sim->rng, 25) ? 9 : 1;
	if (!sim->calm && sim_chance(&sim->rng, 4))
		return json_object(); /* no value */
	return json_pack("{s:f}", "value", sim->level);
}

/* Answers as things are: an observation is true. */
static void reply(struct cut_hostlink *link, struct sim_call *at)
{
	struct sim *sim = sim_of(link);
	struct sim_call call = *at;
	cut_auto(cut_json) json_t *result = result_of(sim, &call);

	cut_vec_remove(&link->flights, (size_t)(at - link->flights.items));
	if (call.lands != CUT_NEVER)
		sim_call_land(sim, &call);
	if (call.kind == SIM_OBSERVE && call.status != CUT_UNKNOWN)
		call.status = sim->steps[call.step].on ? CUT_OK : CUT_RETRY;
	if (call.kind == SIM_APPLY && (call.status == CUT_FAIL || call.status == CUT_CANCELED))
		sim->steps[call.step].may_repeat = true;
	if (call.kind != SIM_SAMPLE)
		sim_say(sim, "  %u: answer for %s #%u: %d", link->engine->number,
			sim->rb->steps[call.step].address, call.attempt, call.status);
	if (sim_faulty(sim) && sim_chance(&sim->rng, 1))
		link->again = sim->now + sim_between(&sim->rng, 0, 1000);
	link->events.done(link->events.data, call.id, call.status,
			  call.status == CUT_OK ? NULL : "simulated", result);
}

/* The same answer once more. No call that is in flight is meant: hostlink ends such a host. */
static void repeat(struct cut_hostlink *link)
{
	struct sim *sim = sim_of(link);

	link->again = CUT_NEVER;
	sim_say(sim, "  %u: a host answers twice", link->engine->number);
	if (sim->neglect == SIM_NEGLECT_ONCE && link->flights.len) {
		struct sim_call call = link->flights.items[0];

		cut_vec_remove(&link->flights, 0);
		link->events.done(link->events.data, call.id, CUT_OK, NULL, NULL);
	} else {
		sim_host_kill(link);
	}
}

void sim_host_bury(struct cut_hostlink *link)
{
	struct sim_engine *engine = link->engine;
	struct cut_err why = {0};

	cut_err_set(&why, -EPIPE, "simulated", NULL, "the plugin host died");
	while (link->flights.len) {
		struct sim_call call = cut_vec_pop(&link->flights);

		link->events.done(link->events.data, call.id, CUT_UNKNOWN, why.what, NULL);
	}
	link->events.gone(link->events.data, &why);
	for (size_t i = 0; i < engine->links.len; i++) {
		if (engine->links.items[i] == link) {
			cut_vec_remove(&engine->links, i);
			break;
		}
	}
	cut_vec_done(&link->flights);
	cut_err_done(&why);
	free(link);
}

static void call_turn(struct cut_hostlink *link, struct sim_call *call)
{
	struct sim *sim = sim_of(link);

	if (call->saves <= sim->now)
		save(link, call);
	else if (!call->wants_save && call->replies <= sim->now)
		reply(link, call);
	else
		sim_host_kill(link); /* overdue */
}

void sim_host_turn(struct cut_hostlink *link)
{
	struct sim *sim = sim_of(link);

	if (link->gone != CUT_NEVER) {
		sim_host_bury(link);
		return;
	}
	if (link->ready <= sim->now) {
		cut_auto(cut_json) json_t *descriptor = json_object();

		link->ready = CUT_NEVER;
		link->events.ready(link->events.data, descriptor);
		return;
	}
	if (link->again <= sim->now) {
		repeat(link);
		return;
	}
	cut_vec_foreach (&link->flights, call) {
		if (next_of(call) > sim->now)
			continue;
		call_turn(link, call);
		return;
	}
}
