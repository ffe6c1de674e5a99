/* SPDX-License-Identifier: Apache-2.0 */
/* The world of one seed: true time, the faults, a supervisor that starts the next engine when one
 * is dead, people. Whoever is next in time has its turn. */
#include "sim.h"

#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/runbook/runbook.h"

#include <stdio.h>
#include <string.h>

#define BOOTED	  (-1000 * CUT_SECOND) /* some time before the run */
#define TURNS_MAX 60000
#define CALM_MAX  (8 * CUT_HOUR) /* so long may a run take without faults */
#define CRASHES	  6

void sim_say(struct sim *sim, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len >= (int)sizeof(text))
		len = (int)sizeof(text) - 1;
	sim->hash = cut_crc32c(sim->hash, text, (size_t)len);
	if (sim->trace)
		printf("[%10.3f] %s\n", (double)sim->now / CUT_SECOND, text);
}

void sim_fault(struct sim *sim, const char *fmt, ...)
{
	va_list ap;

	if (sim_failed(sim))
		return;
	va_start(ap, fmt);
	cut_buf_vprintf(&sim->fault, fmt, ap);
	va_end(ap);
	sim_say(sim, "BROKEN: %s", cut_buf_str(&sim->fault));
}

bool sim_failed(const struct sim *sim)
{
	return sim->fault.len > 0;
}

cut_time sim_boot(const struct sim *sim)
{
	return sim->now - sim->booted;
}

cut_time sim_wall(const struct sim *sim)
{
	return SIM_WALL + sim->now + sim->wall_offset;
}

struct sim_engine *sim_leader(const struct sim *sim)
{
	struct sim_engine *e = sim->engines;

	return e && e->driver && !e->dead && !e->over && e->paused_until <= sim->now ? e : NULL;
}

bool sim_faulty(const struct sim *sim)
{
	return !sim->calm && (sim->armed || sim->rough);
}

/* --- death --- */

bool sim_alive(struct sim_engine *e)
{
	struct sim *sim = e->sim;

	if (!e->dead && ++sim->ios >= sim->crash_at)
		sim_crash(e, sim_chance(&sim->rng, 30));
	return !e->dead;
}

void sim_crash(struct sim_engine *e, bool power)
{
	struct sim *sim = e->sim;

	if (e->dead)
		return;
	sim_say(sim, "engine %u dies%s", e->number, power ? ", and its machine" : "");
	e->dead = true;
	e->unpowered = power;
	sim->crash_at = UINT32_MAX;
	sim->crashes++;
	cut_vec_foreach (&e->links, link)
		sim_host_kill(*link);
	if (power) {
		sim_disk_power_cut(sim);
		cut_vec_clear(&sim->orphans);
	}
	if (e == sim->engines)
		sim->next_start =
			sim->now +
			sim_between(&sim->rng, 100, sim_chance(&sim->rng, 10) ? 1500000 : 20000);
}

/* The supervisor, or whoever switches the machine on again. */
static void start_next(struct sim *sim)
{
	struct sim_engine *dead = sim->engines;

	sim->next_start = CUT_NEVER;
	if (dead && dead->unpowered) {
		sim->booted = sim->now - CUT_SECOND;
		sim->boots++;
	}
	if (dead && dead->dead)
		sim_engine_free(dead);
	if (!sim->calm && sim->crashes < CRASHES && sim_chance(&sim->rng, 50))
		sim->crash_at = sim->ios + 1 + sim_roll(&sim->rng, 60);
	sim_engine_start(sim, sim->starts > 0);
}

/* --- faults --- */

static void kill_some_host(struct sim *sim, struct sim_engine *e)
{
	if (!e->links.len)
		return;
	sim_say(sim, "a host of engine %u dies", e->number);
	sim_disk_enter(e);
	sim_host_kill(e->links.items[sim_roll(&sim->rng, (uint32_t)e->links.len)]);
}

/* For more than 10 s its supervisor takes it for dead and makes it so; a neglectful one starts
 * another beside it. */
static void pause_engine(struct sim *sim, struct sim_engine *e)
{
	cut_time pause = sim_between(&sim->rng, 1, 20) * CUT_SECOND;

	sim_say(sim, "engine %u stands still for %lld s", e->number, (long long)pause / CUT_SECOND);
	if (pause < 10 * CUT_SECOND) {
		e->paused_until = sim->now + pause;
	} else if (sim->neglect == SIM_NEGLECT_LOCK) {
		e->paused_until = sim->now + pause;
		sim->next_start = sim->now + 10 * CUT_SECOND;
	} else {
		sim_crash(e, false);
	}
}

static void jump(struct sim *sim)
{
	cut_time by = sim_between(&sim->rng, 1, sim_chance(&sim->rng, 30) ? 3600 : 10) * CUT_SECOND;

	if (sim_chance(&sim->rng, 50))
		by = -by;
	sim_say(sim, "the wall clock jumps by %lld s", (long long)by / CUT_SECOND);
	sim->wall_offset += by;
	for (struct sim_engine *e = sim->engines; e; e = e->next)
		if (!e->dead && !e->over)
			sim_engine_set_clock(e);
}

static void have_fault(struct sim *sim)
{
	struct sim_engine *e = sim_leader(sim);

	sim->next_fault = sim->now + sim_between(&sim->rng, 1, 90) * CUT_SECOND;
	switch (sim_roll(&sim->rng, 12)) {
	case 0:
	case 1:
	case 2:
		if (e)
			kill_some_host(sim, e);
		break;
	case 3:
	case 4:
	case 5:
		if (sim->crashes < CRASHES && sim->crash_at == UINT32_MAX)
			sim->crash_at = sim->ios + 1 + sim_roll(&sim->rng, 40);
		break;
	case 6:
		if (e && sim->crashes < CRASHES)
			sim_crash(e, sim_chance(&sim->rng, 40));
		break;
	case 7:
	case 8:
		if (e)
			pause_engine(sim, e);
		break;
	case 9: jump(sim); break;
	case 10:
		sim_say(sim, "the machine sleeps");
		sim->now += sim_between(&sim->rng, 1, 600) * CUT_SECOND;
		break;
	default:
		sim->disk.full = !sim->disk.full;
		sim_say(sim, "the disk %s", sim->disk.full ? "is full" : "has room");
		break;
	}
}

static void be_calm(struct sim *sim)
{
	sim_say(sim, "faults have stopped");
	sim->calm = true;
	sim->disk.full = false;
	sim->crash_at = UINT32_MAX;
	sim->next_fault = CUT_NEVER;
}

/* --- whose turn it is --- */

static cut_time earlier(cut_time a, cut_time b)
{
	return a < b ? a : b;
}

static struct sim_engine *next_engine(const struct sim *sim, cut_time *ret_at)
{
	struct sim_engine *next = NULL;

	*ret_at = CUT_NEVER;
	for (struct sim_engine *e = sim->engines; e; e = e->next) {
		cut_time at = sim_engine_next(e);

		if (at < *ret_at) {
			*ret_at = at;
			next = e;
		}
	}
	return next;
}

static cut_time orphan_at(const struct sim *sim)
{
	cut_time at = CUT_NEVER;

	cut_vec_foreach (&sim->orphans, call)
		at = earlier(at, call->lands);
	return at;
}

static void orphans_turn(struct sim *sim)
{
	for (size_t i = 0; i < sim->orphans.len; i++) {
		struct sim_call call = sim->orphans.items[i];

		if (call.lands > sim->now)
			continue;
		cut_vec_remove(&sim->orphans, i);
		sim_call_land(sim, &call);
		return;
	}
}

static void advance(struct sim *sim)
{
	cut_time engine_at, next, orphan = orphan_at(sim);
	struct sim_engine *e = next_engine(sim, &engine_at);

	next = earlier(earlier(engine_at, sim->next_start), earlier(orphan, sim->next_person));
	next = earlier(next, earlier(sim->next_fault, sim->calm ? CUT_NEVER : sim->calm_at));
	if (next > sim->now)
		sim->now = next;
	if (!sim->calm && sim->calm_at <= sim->now) {
		be_calm(sim);
	} else if (orphan <= sim->now) {
		orphans_turn(sim);
	} else if (sim->next_start <= sim->now) {
		start_next(sim);
	} else if (engine_at <= sim->now) {
		sim_engine_turn(e);
		sim_rule_turn(e);
	} else if (sim->next_fault <= sim->now) {
		have_fault(sim);
	} else {
		sim_person(sim);
	}
	if (sim->wants_restart && sim_leader(sim)) {
		sim_say(sim, "somebody mends the disk and recovers the run");
		sim_crash(sim_leader(sim), false);
	}
	sim->wants_restart = false;
}

/* --- one seed --- */

static bool load(struct sim *sim)
{
	struct sim_rng rng = {sim->seed * 2 + 1};
	cut_auto(cut_str) char *text = sim_generate(&rng);
	struct cut_load_options options = {.catalog = sim->catalog};
	struct cut_faults faults = {0};
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_buf) struct cut_buf shown = {0};
	uint32_t where;
	int r;

	if (sim->trace)
		printf("%s\n", text);
	r = cut_runbook_load_text(text, strlen(text), "sim.json", "/", &options, &faults, &sim->rb,
				  &err);
	if (r < 0) {
		cut_faults_print(&faults, false, &shown);
		sim_fault(sim, "the runbook does not load: %s", cut_buf_str(&shown));
	} else if (cut_graph_new(sim->rb, &sim->graph, &where, &err) < 0) {
		sim_fault(sim, "the runbook has no graph");
	}
	cut_faults_done(&faults);
	return !sim_failed(sim);
}

static void finish(struct sim *sim)
{
	while (sim->engines) {
		sim->engines->dead = true;
		sim_engine_free(sim->engines);
	}
	cut_vec_done(&sim->orphans);
	sim_disk_done(&sim->disk);
	cut_graph_free(sim->graph);
	cut_runbook_free(sim->rb);
	cut_buf_done(&sim->fault);
	free(sim->steps);
}

static void stuck(struct sim *sim)
{
	const struct sim_engine *e = sim->engines;
	size_t len = 0;
	const struct cut_hold *holds = e->run ? cut_run_holds(e->run, &len) : NULL;

	sim_fault(sim, "the run does not end: %s, %u turns, hold %s %s",
		  cut_run_state_name(cut_run_state(e->run)), sim->turns,
		  len ? cut_hold_kind_name(holds[0].kind) : "none", len ? holds[0].id : "");
}

static void play(struct sim *sim)
{
	sim->steps = cut_new_array(struct sim_step, sim->rb->steps_len + 1);
	sim->next_start = 0;
	sim->next_person = sim_between(&sim->rng, 1, 60) * CUT_SECOND;
	sim->next_fault = sim_between(&sim->rng, 1, 120) * CUT_SECOND;
	sim->calm_at = sim_between(&sim->rng, 1, 20) * CUT_MINUTE;
	sim->rough = sim_chance(&sim->rng, 10);
	if (sim_chance(&sim->rng, 60))
		sim->crash_at = (sim->rough ? 1 : 40) + sim_roll(&sim->rng, 160);
	while (!sim_failed(sim) && !sim->ended) {
		advance(sim);
		if (++sim->turns > TURNS_MAX || sim->now > sim->calm_at + CALM_MAX)
			stuck(sim);
	}
	if (sim->engines->run)
		sim->state = cut_run_state(sim->engines->run);
	if (!sim_failed(sim) && sim->armed) {
		sim_disk_enter(sim->engines);
		be_calm(sim);
		sim_rule_end(sim, sim->engines);
		sim_audit(sim);
	}
}

struct sim_result sim_play(uint64_t seed, const struct sim_options *options)
{
	struct sim sim = {
		.seed = seed,
		.trace = options->trace,
		.neglect = options->neglect,
		.catalog = options->catalog,
		.rng = {seed * 2},
		.level = 1,
		.booted = BOOTED,
		.crash_at = UINT32_MAX,
	};
	struct sim_result result = {0};

	if (load(&sim))
		play(&sim);
	result = (struct sim_result){
		.ok = !sim_failed(&sim),
		.hash = sim.hash,
		.state = sim.state,
		.turns = sim.turns,
		.crashes = sim.crashes,
		.orders = sim.orders,
		.calls = sim.calls,
		.lasted = sim.now,
	};
	snprintf(result.fault, sizeof(result.fault), "%s", cut_buf_str(&sim.fault));
	if (!result.ok && !options->quiet)
		printf("seed %llu: %s\n", (unsigned long long)seed, cut_buf_str(&sim.fault));
	finish(&sim);
	return result;
}
