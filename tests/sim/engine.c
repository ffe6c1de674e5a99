/* SPDX-License-Identifier: Apache-2.0 */
/* An engine process: the real runtime on a world of ours. It does what serve/engine.c does with it,
 * without clients: arms or takes up, drives, ends. */
#include "sim.h"

#include "engine/runtime/takeup.h"

#include <errno.h>
#include <stdio.h>

#define DIR "/run"

static struct sim_engine *of(const struct cut_world *world)
{
	return (struct sim_engine *)world;
}

/* --- the table --- */

/* Reading the clock takes time, now and then: no turn is a point. */
static cut_time engine_boot(const struct cut_world *world)
{
	struct sim *sim = of(world)->sim;

	if (!of(world)->dead && sim_chance(&sim->rng, 3))
		sim->now++;
	return sim_boot(sim);
}

static cut_time engine_wall(const struct cut_world *world)
{
	return sim_wall(of(world)->sim);
}

static int engine_boot_id(const struct cut_world *world, char ret[37])
{
	snprintf(ret, 37, "%036u", of(world)->sim->boots);
	return 0;
}

static void engine_wake(struct cut_world *world, cut_time boot)
{
	of(world)->wakes = boot;
}

struct cut_wallwatch {
	struct sim_engine *engine;
	cut_wallwatch_fn *jumped;
	void *data;
	cut_time base;
};

static int engine_wallwatch_new(struct cut_world *world, cut_wallwatch_fn *jumped, void *data,
				struct cut_wallwatch **ret, struct cut_err *err)
{
	struct cut_wallwatch *watch = cut_new(struct cut_wallwatch);

	*watch = (struct cut_wallwatch){of(world), jumped, data};
	watch->base = sim_wall(of(world)->sim) - sim_boot(of(world)->sim);
	of(world)->wallwatch = *ret = watch;
	return 0;
}

static void engine_wallwatch_free(struct cut_wallwatch *watch)
{
	watch->engine->wallwatch = NULL;
	free(watch);
}

static void engine_work_start(struct cut_world *world, struct cut_work *work)
{
	struct sim *sim = of(world)->sim;
	cut_time most = sim->calm ? 5 : sim_chance(&sim->rng, 5) ? 4000 : 20;
	struct sim_job job = {.work = work, .done = CUT_NEVER};

	sim_alive(of(world));
	work->running = of(world);
	job.runs = sim_between(&sim->rng, sim->now, sim->now + most);
	cut_vec_push(&of(world)->jobs, job);
}

static struct sim_job *job_of(struct sim_engine *engine, const struct cut_work *work)
{
	cut_vec_foreach (&engine->jobs, job)
		if (job->work == work)
			return job;
	return NULL;
}

static void run_job(struct sim_engine *engine, struct sim_job *job)
{
	job->ran = true;
	job->runs = CUT_NEVER;
	job->done = sim_between(&engine->sim->rng, engine->sim->now, engine->sim->now + 2);
	job->work->run(job->work->data);
}

static void engine_work_await(struct cut_work *work)
{
	struct sim_engine *engine = work->running;
	struct sim_job *job = job_of(engine, work);

	if (!job->ran)
		run_job(engine, job);
}

static const struct cut_world_ops ops = {
	.boot = engine_boot,
	.wall = engine_wall,
	.boot_id = engine_boot_id,
	.wake = engine_wake,
	.wallwatch_new = engine_wallwatch_new,
	.wallwatch_free = engine_wallwatch_free,
	.work_start = engine_work_start,
	.work_await = engine_work_await,
	.host_start = sim_host_start,
	.host_call = sim_host_call,
	.host_cancel = sim_host_cancel,
	.host_saved = sim_host_saved,
	.host_stop = sim_host_stop,
};

/* --- its life --- */

static void on_synced(void *data, uint64_t seq)
{
	struct sim_engine *e = data;

	if (!e->dead)
		sim_rule_promise(e, seq);
}

static void on_end(void *data)
{
	struct sim_engine *e = data;

	if (e->dead)
		return;
	sim_say(e->sim, "engine %u: the run has ended as %s", e->number,
		cut_run_state_name(cut_run_state(e->run)));
	e->over = e->sim->ended = true;
}

static int driver_make(struct sim_engine *e, cut_time zero, unsigned epoch, struct cut_err *err)
{
	struct cut_driver_options options = {
		.world = &e->world,
		.rb = e->sim->rb,
		.graph = e->sim->graph,
		.run = e->run,
		.watch = e->watch,
		.journal = e->journal,
		.calls = e->calls,
		.dir = DIR,
		.run_id = "sim-run",
		.zero_boot = zero,
		.epoch = epoch,
	};
	struct cut_driver_events events = {.synced = on_synced, .end = on_end, .data = e};

	return cut_driver_new(&options, &events, &e->driver, err);
}

static json_t *armed_record(struct sim_engine *e)
{
	json_t *roles = json_object();
	char boot_id[37];

	for (uint32_t i = 0; i < e->sim->rb->roles_len; i++) {
		const struct cut_role *role = &e->sim->rb->roles[i];
		json_t *members = json_array();

		for (uint32_t k = 0; k < role->members_len; k++)
			json_array_append_new(
				members, json_pack("{s:s,s:i}", "name", role->members[k], "uid",
						   SIM_FIRST_UID + role->members[k][1] - '0'));
		json_object_set_new(roles, role->name, members);
	}
	engine_boot_id(&e->world, boot_id);
	return json_pack("{s:s,s:s,s:i,s:s,s:o,s:[],s:n,s:s,s:I}", "run", "sim-run", "name", "sim",
			 "starter", SIM_FIRST_UID, "starter_name", "p0", "roles", roles,
			 "acked_triggers", "override_window", "boot_id", boot_id, "boot_ms",
			 (json_int_t)sim_boot(e->sim));
}

static int arm(struct sim_engine *e, struct cut_err *err)
{
	cut_auto(cut_json) json_t *record = armed_record(e);
	struct cut_event ev = {.type = CUT_EV_ARMED, .actor = "p0 (uid 1001)", .armed = record};
	int r;

	r = cut_journal_create(&e->world, DIR, 1, &e->journal, err);
	if (r == 0)
		r = driver_make(e, cut_world_boot(&e->world), 1, err);
	if (r == 0)
		r = cut_driver_feed(e->driver, &ev, NULL, err);
	if (r < 0)
		return r;
	cut_driver_start(e->driver);
	ev = (struct cut_event){.type = CUT_EV_ORDER, .actor = "p0 (uid 1001)"};
	ev.order.order = CUT_ORDER_START;
	ev.order.uid = SIM_FIRST_UID;
	return cut_driver_feed(e->driver, &ev, NULL, err);
}

static int take_up(struct sim_engine *e, struct cut_err *err)
{
	unsigned epoch = 0;
	int r;

	r = cut_takeup_journal(&e->world, DIR, &e->replay, &epoch, &e->journal, err);
	if (r == 0)
		r = driver_make(e, cut_takeup_zero(&e->world, &e->replay), epoch, err);
	if (r == 0)
		r = cut_takeup_go_on(&e->world, &e->replay, e->driver, err);
	return r;
}

/* As a real one would: it exits, and its supervisor starts another. */
static void give_up(struct sim_engine *e, const struct cut_err *err)
{
	cut_auto(cut_str) char *text = cut_err_text(err);

	sim_say(e->sim, "engine %u gives up: %s", e->number, text);
	if (!e->dead && (err->code == -EBADMSG || err->code == -EPROTO))
		sim_fault(e->sim, "the journal is refused: %s", text);
	sim_crash(e, false);
}

static void on_hosts_ready(void *data, const struct cut_err *why)
{
	struct sim_engine *e = data;
	cut_auto(cut_err) struct cut_err err = {0};

	if (e->dead)
		return;
	if (why)
		give_up(e, why);
	else if ((e->resume ? take_up(e, &err) : arm(e, &err)) < 0)
		give_up(e, &err);
}

static int prepare(struct sim_engine *e, struct cut_err *err)
{
	struct cut_calls_options options = {
		.world = &e->world,
		.rb = e->sim->rb,
		.run = "sim-run",
		.lock_fd = -1,
		.log_fd = -1,
		.standby = true,
	};
	int r = 0;

	if (e->resume)
		r = cut_replay(DIR, &sim_disk_io, e->sim->rb, e->run, e->watch, &e->replay, err);
	if (r < 0)
		return r;
	if (e->resume && !e->dead)
		sim_rule_takeup(e);
	return cut_calls_start(&options, on_hosts_ready, e, &e->calls, err);
}

struct sim_engine *sim_engine_start(struct sim *sim, bool resume)
{
	struct sim_engine *e = cut_new(struct sim_engine);
	cut_auto(cut_err) struct cut_err err = {0};

	e->sim = sim;
	e->number = ++sim->starts;
	e->resume = resume;
	e->wakes = CUT_NEVER;
	e->next = sim->engines;
	sim->engines = e;
	cut_world_init(&e->world, &ops, &sim_disk_io);
	e->run = cut_run_new(sim->rb, sim->graph);
	e->watch = cut_watch_new(sim->rb);
	sim_say(sim, "engine %u %s", e->number, resume ? "takes up" : "arms");
	sim_disk_enter(e);
	if (prepare(e, &err) < 0) {
		if (!e->dead && !sim->armed && (err.code == -ENODATA || err.code == -ENOENT))
			sim->ended = e->over = true; /* it was never armed, and nobody was told */
		else
			give_up(e, &err);
	}
	return e;
}

void sim_engine_free(struct sim_engine *e)
{
	struct sim_engine **at = &e->sim->engines;

	sim_disk_enter(e);
	cut_driver_free(e->driver);
	cut_calls_stop(e->calls);
	while (e->links.len)
		sim_host_bury(e->links.items[0]);
	cut_journal_close(e->journal);
	while (e->jobs.len) {
		struct cut_work *work = e->jobs.items[0].work;

		if (!e->jobs.items[0].ran)
			run_job(e, &e->jobs.items[0]);
		cut_vec_remove(&e->jobs, 0);
		work->done(work->data);
	}
	cut_replay_done(&e->replay);
	cut_run_free(e->run);
	cut_watch_free(e->watch);
	cut_vec_done(&e->links);
	cut_vec_done(&e->jobs);
	cut_world_done(&e->world);
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	free(e);
}

void sim_engine_set_clock(struct sim_engine *e)
{
	cut_time jump;

	if (!e->wallwatch)
		return;
	sim_disk_enter(e);
	jump = cut_wall_jump(sim_wall(e->sim), sim_boot(e->sim), &e->wallwatch->base);
	if (jump)
		e->wallwatch->jumped(e->wallwatch->data, jump);
}

/* --- time passes --- */

/* True time at which it is woken. */
static cut_time wakes_at(const struct sim_engine *e)
{
	return e->wakes == CUT_NEVER ? CUT_NEVER : e->wakes + e->sim->booted;
}

static cut_time job_at(const struct sim_job *job)
{
	return job->runs < job->done ? job->runs : job->done;
}

cut_time sim_engine_next(const struct sim_engine *e)
{
	cut_time next = wakes_at(e);

	if (e->dead || e->over)
		return CUT_NEVER;
	cut_vec_foreach (&e->jobs, job)
		if (job_at(job) < next)
			next = job_at(job);
	cut_vec_foreach (&e->links, link)
		if (sim_host_next(*link) < next)
			next = sim_host_next(*link);
	if (next < e->paused_until)
		next = e->paused_until;
	cut_vec_foreach (&e->links, link)
		if (sim_host_lands(*link) < next)
			next = sim_host_lands(*link);
	return next;
}

static void job_turn(struct sim_engine *e, size_t i)
{
	struct sim_job *job = &e->jobs.items[i];
	struct cut_work *work = job->work;

	if (!job->ran) {
		run_job(e, job);
		return;
	}
	cut_vec_remove(&e->jobs, i);
	work->done(work->data);
}

void sim_engine_turn(struct sim_engine *e)
{
	cut_time now = e->sim->now;

	sim_disk_enter(e);
	for (size_t i = 0; i < e->links.len; i++) {
		if (sim_host_lands(e->links.items[i]) <= now) {
			sim_host_land(e->links.items[i]);
			return;
		}
	}
	for (size_t i = 0; i < e->jobs.len; i++) {
		if (job_at(&e->jobs.items[i]) <= now) {
			job_turn(e, i);
			return;
		}
	}
	for (size_t i = 0; i < e->links.len; i++) {
		if (sim_host_next(e->links.items[i]) <= now) {
			sim_host_turn(e->links.items[i]);
			return;
		}
	}
	if (wakes_at(e) <= now) {
		e->wakes = CUT_NEVER;
		cut_world_ring(&e->world);
	}
}
