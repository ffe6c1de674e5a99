/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/engine.h"

#include "engine/base/log.h"
#include "engine/base/rank.h"
#include "engine/base/proc.h"
#include "engine/base/vec.h"
#include "engine/runtime/clock.h"
#include "engine/runtime/loop.h"
#include "engine/runtime/replay.h"
#include "engine/runtime/rundir.h"
#include "engine/runtime/sealer.h"
#include "engine/runtime/sealkey.h"
#include "engine/runtime/secret.h"
#include "engine/runtime/takeup.h"
#include "engine/runbook/runbook.h"
#include "engine/serve/arm.h"
#include "engine/serve/control.h"
#include "engine/serve/later.h"
#include "engine/serve/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <uv.h>

#define START_WAIT (10 * CUT_MINUTE) /* for the answer to the plan */
#define FAREWELL   (2 * CUT_SECOND)  /* for event streams to send their last, at most */
#define LAST_WORDS 200		     /* ms for who looks on to be told of a fault */
#define BEAT_EVERY (1 * CUT_SECOND)

struct engine {
	const struct cut_engine_options *o;
	const struct cut_engine_start *start;
	bool resume;
	unsigned epoch;
	uv_loop_t loop;
	struct cut_world *world;
	struct cut_run *run;
	struct cut_watch *watch;
	struct cut_journal *journal;
	struct cut_calls *calls;
	struct cut_driver *driver;
	struct cut_control *control;
	char *runs;		      /* the folder of all runs; owned */
	struct cut_signkey *seal_key; /* owned until the sealer has it; NULL: nothing is sealed */
	struct cut_sealer *sealer;
	json_t *secrets, *roles, *plans;
	json_t *tell; /* to the starter, once tell_seq is on disk; or NULL */
	uint64_t tell_seq;
	struct cut_replay replay; /* of a resume */
	uv_timer_t start_timer, farewell, stop, beat;
	struct cut_later *start_at;  /* NULL: at a person's word */
	struct cut_starter *starter; /* NULL: nobody waits */
	enum cut_rank rank;	     /* the loop's */
	bool started, ended, stopping;
	int result;
};

static void engine_stop(struct engine *e);
static void await_order(struct engine *e);

static void bid_farewell(struct engine *e, cut_time after);

/* --- who started it and waits --- */

static void on_heard(void *data)
{
	bid_farewell(data, 0);
}

/* Who started the run hangs up once its event stream has begun. */
static void starter_close(struct engine *e)
{
	if (!e->starter)
		return;
	cut_starter_close(e->starter);
	e->starter = NULL;
	if (e->ended && !e->stopping)
		cut_control_when_heard(e->control, on_heard, e);
}

/* Ends the engine before the run has started: no trace of it stays. */
static void withdraw(struct engine *e, const struct cut_err *err)
{
	cut_run_dir_remove(e->o->dir);
	if (err) {
		cut_auto(cut_str) char *text = cut_err_text(err);

		cut_log(CUT_LOG_WARN, "refused", "why=\"%s\"", text);
		cut_starter_refuse(e->starter, err);
	}
	engine_stop(e);
}

/* Whoever started it may rely on what is told: the record is on disk by then. */
static void tell_synced(struct engine *e, json_t *message)
{
	json_decref(e->tell);
	e->tell = message;
	e->tell_seq = cut_journal_seq(e->journal);
}

static void start_run(struct engine *e)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_str) char *actor =
		cut_printf("%s (uid %lld)", e->o->starter_name, (long long)e->o->starter);
	struct cut_event ev = {
		.type = CUT_EV_ORDER,
		.actor = actor,
		.order = {.order = CUT_ORDER_START, .uid = e->o->starter},
	};

	if (e->started || e->stopping)
		return;
	e->started = true;
	uv_timer_stop(&e->start_timer);
	cut_later_free(e->start_at);
	e->start_at = NULL;
	if (cut_driver_feed(e->driver, &ev, NULL, &err) < 0) {
		cut_log(CUT_LOG_ERROR, "not_started", "why=\"%s\"", err.what);
		starter_close(e);
	} else {
		tell_synced(e, json_pack("{s:s}", "type", "started"));
	}
}

static void on_start_word(void *data)
{
	struct engine *e = data;

	if (e->driver)
		start_run(e);
}

static void on_starter_gone(void *data)
{
	struct engine *e = data;

	starter_close(e);
	if (!e->resume && !e->started && e->o->at == CUT_NEVER)
		withdraw(e, NULL);
}

static void on_start_time(void *data)
{
	start_run(data);
}

static void on_nobody_answers(uv_timer_t *timer)
{
	struct engine *e = cut_container(timer, struct engine, start_timer);
	cut_auto(cut_err) struct cut_err err = {0};

	cut_err_set(&err, -ETIMEDOUT, "nobody answered within 10 minutes", "run it again",
		    "the run was not started");
	withdraw(e, &err);
}

/* --- the end --- */

static void on_calls_quiet(void *data)
{
	engine_stop(data);
}

/* Not while a command still runs, or people are being told: each call has a deadline of its own. */
static void on_farewell(uv_timer_t *timer)
{
	struct engine *e = cut_container(timer, struct engine, farewell);

	cut_calls_when_quiet(e->calls, on_calls_quiet, e);
}

static void bid_farewell(struct engine *e, cut_time after)
{
	uv_timer_start(&e->farewell, on_farewell, (uint64_t)after, 0);
}

static void on_record_synced(void *data, uint64_t seq)
{
	struct engine *e = data;

	cut_control_synced(e->control, seq);
	cut_sealer_synced(e->sealer, seq);
	if (!e->tell || seq < e->tell_seq || e->stopping)
		return;
	cut_starter_tell(e->starter, e->tell);
	e->tell = NULL;
	if (!e->started)
		await_order(e);
}

static void on_run_last(void *data)
{
	cut_sealer_end(((struct engine *)data)->sealer);
}

/* Nothing was armed or started that is not on disk: who waits to hear of it is told at once. */
static void on_journal_failed(void *data, const struct cut_err *why)
{
	struct engine *e = data;
	cut_auto(cut_err) struct cut_err err = {0};

	if (!e->tell || e->stopping)
		return;
	json_decref(e->tell);
	e->tell = NULL;
	if (e->started) {
		cut_starter_refuse(e->starter, why);
		return;
	}
	cut_err_set(&err, why->code, why->why, "mend that, then run it again",
		    "the run was not armed: %s", why->what);
	withdraw(e, &err);
}

static void on_run_end(void *data)
{
	struct engine *e = data;

	cut_log(CUT_LOG_INFO, "ended", "state=%s", cut_run_state_name(cut_run_state(e->run)));
	e->ended = true;
	cut_control_ended(e->control);
	bid_farewell(e, FAREWELL);
	if (!e->starter)
		cut_control_when_heard(e->control, on_heard, e);
}

/* A person who has mended the disk takes the run up again. */
static void on_run_broken(void *data, const struct cut_err *why)
{
	struct engine *e = data;
	cut_auto(cut_err) struct cut_err told = {0};

	cut_err_set(&told, -ESHUTDOWN, why->why, why->next, "%s", why->what);
	e->result = CUT_ENGINE_LEAVE;
	cut_control_broken(e->control, &told);
	bid_farewell(e, LAST_WORDS);
}

static void on_closed_static(uv_handle_t *handle)
{
}

static void on_stop(uv_timer_t *timer)
{
	struct engine *e = cut_container(timer, struct engine, stop);

	cut_control_stop(e->control);
	cut_sealer_free(e->sealer);
	cut_driver_free(e->driver);
	cut_calls_stop(e->calls);
	cut_journal_close(e->journal);
	cut_later_free(e->start_at);
	e->start_at = NULL;
	uv_close((uv_handle_t *)&e->start_timer, on_closed_static);
	uv_close((uv_handle_t *)&e->farewell, on_closed_static);
	uv_close((uv_handle_t *)&e->stop, on_closed_static);
	uv_close((uv_handle_t *)&e->beat, on_closed_static);
}

/* From the loop itself: most of what ends then may be what asks for it. */
static void engine_stop(struct engine *e)
{
	if (e->stopping)
		return;
	e->stopping = true;
	starter_close(e);
	uv_timer_start(&e->stop, on_stop, 0, 0);
}

/* --- arming, and taking up again --- */

static int driver_make(struct engine *e, cut_time zero_boot, struct cut_err *err)
{
	struct cut_driver_options options = {
		.world = e->world,
		.rb = e->o->rb,
		.graph = e->o->graph,
		.run = e->run,
		.watch = e->watch,
		.journal = e->journal,
		.calls = e->calls,
		.dir = e->o->dir,
		.run_id = e->o->run_id,
		.socket = e->o->socket,
		.zero_boot = zero_boot,
		.epoch = e->epoch,
		.rank = e->rank,
	};
	struct cut_driver_events events = {
		.synced = on_record_synced,
		.failed = on_journal_failed,
		.last = on_run_last,
		.end = on_run_end,
		.broken = on_run_broken,
		.data = e,
	};

	int r = cut_driver_new(&options, &events, &e->driver, err);

	if (r < 0)
		return r;
	if (e->seal_key)
		e->sealer = cut_sealer_new(e->driver, cut_take(e->seal_key));
	return cut_control_start(e->o->socket, e->driver, &e->control, err);
}

/* Also of a run whose engine died before the order to start came. */
static void await_order(struct engine *e)
{
	const char *start = cut_json_str(cut_run_armed(e->run), "start", CUT_START_ASKED);
	cut_auto(cut_err) struct cut_err err = {0};
	cut_time at;

	if (strcmp(start, CUT_START_NOW) == 0)
		start_run(e);
	else if (cut_rfc3339_parse(start, strlen(start), &at) == 0) {
		if (cut_later_new(&e->loop, at, on_start_time, e, &e->start_at, &err) < 0)
			withdraw(e, &err);
	} else if (e->starter && !e->resume)
		uv_timer_start(&e->start_timer, on_nobody_answers, START_WAIT, 0);
	else { /* who was asked is gone, and nothing has happened yet */
		cut_err_set(&err, -ESHUTDOWN, "it had been armed only", "run it again",
			    "run %s never began", e->o->run_id);
		withdraw(e, &err);
	}
}

static int arm(struct engine *e, struct cut_err *err)
{
	cut_auto(cut_json) json_t *record =
		cut_arm_record(e->o, e->roles, cut_calls_describe(e->calls));
	cut_auto(cut_str) char *actor =
		cut_printf("%s (uid %lld)", e->o->starter_name, (long long)e->o->starter);
	struct cut_event ev = {.type = CUT_EV_ARMED, .actor = actor, .armed = record};
	int r;

	e->epoch = 1;
	r = cut_journal_create(e->world, e->o->dir, e->epoch, &e->journal, err);
	if (r < 0)
		return r;
	r = driver_make(e, cut_clock_boot(), err);
	if (r < 0)
		return r;
	r = cut_driver_feed(e->driver, &ev, NULL, err);
	if (r < 0)
		return r;
	cut_driver_start(e->driver);
	cut_loop_measure(&e->loop);
	tell_synced(e, json_pack("{s:s, s:O, s:O, s:s}", "type", "armed", "plans", e->plans,
				 "armed", record, "socket", e->o->socket));
	return 0;
}

static void on_looked(void *data, json_t *plans, const struct cut_err *refusal)
{
	struct engine *e = data;
	cut_auto(cut_err) struct cut_err err = {0};

	if (e->stopping)
		return;
	if (refusal) {
		withdraw(e, refusal);
		return;
	}
	e->plans = json_incref(plans);
	if (arm(e, &err) < 0)
		withdraw(e, &err);
}

static void note_unsealed(struct engine *e)
{
	struct cut_event ev = {
		.type = CUT_EV_NOTE,
		.note = {.text = "the journal is not sealed from here on: see engine.log"},
	};

	cut_driver_feed(e->driver, &ev, NULL, NULL);
}

static int take_up(struct engine *e, struct cut_err *err)
{
	int r;

	r = cut_takeup_journal(e->world, e->o->dir, &e->replay, &e->epoch, &e->journal, err);
	if (r < 0)
		return r;
	r = driver_make(e, cut_takeup_zero(e->world, &e->replay), err);
	if (r < 0)
		return r;
	r = cut_takeup_go_on(e->world, &e->replay, e->driver, err);
	if (r < 0)
		return r;
	if (!e->sealer)
		note_unsealed(e);
	e->started = cut_run_state(e->run) != CUT_RUN_ARMED;
	cut_loop_measure(&e->loop);
	if (!e->started)
		await_order(e);
	cut_starter_tell(e->starter, json_pack("{s:s}", "type", "resumed"));
	starter_close(e);
	return 0;
}

static void fail(struct engine *e, const struct cut_err *err)
{
	cut_auto(cut_str) char *text = cut_err_text(err);

	cut_log(CUT_LOG_ERROR, "engine_failed", "why=\"%s\"", text);
	e->result =
		err->code == -EBADMSG || err->code == -EPROTO ? CUT_ENGINE_LEAVE : CUT_ENGINE_CRASH;
	cut_starter_refuse(e->starter, err);
	engine_stop(e);
}

static void on_hosts_ready(void *data, const struct cut_err *why)
{
	struct engine *e = data;
	cut_auto(cut_err) struct cut_err err = {0};

	if (e->resume) {
		if (why || take_up(e, &err) < 0)
			fail(e, why ? why : &err);
	} else if (why) {
		withdraw(e, why);
	} else {
		cut_arm_look(e->world, e->calls, e->o, on_looked, e);
	}
}

static void on_beat(uv_timer_t *timer)
{
	cut_beat(cut_container(timer, struct engine, beat)->start->beat);
}

/* A run that is to be sealed is not begun without a key; one that is under way goes on. */
static int open_seal_key(struct engine *e, struct cut_err *err)
{
	cut_auto(cut_err) struct cut_err why = {0};
	int r = cut_sealkey_open(e->o->state, &e->seal_key, e->resume ? &why : err);

	if (r == 0 || !e->resume)
		return r;
	cut_log(CUT_LOG_ERROR, "not_sealed", "what=\"%s\" why=\"%s\"", why.what, why.why);
	return 0;
}

static int prepare(struct engine *e, struct cut_err *err)
{
	int r = open_seal_key(e, err);

	if (r < 0)
		return r;
	if (e->resume) {
		r = cut_replay(e->o->dir, e->world->files, e->o->rb, e->run, e->watch, &e->replay,
			       err);
		if (r == 0)
			r = cut_takeup_orphans(e->run, e->o->rb, e->o->run_id, err);
		if (r < 0)
			return r;
	} else {
		r = cut_arm_check(e->o, cut_clock_wall(), &e->roles, err);
		if (r < 0)
			return r;
	}
	return cut_secrets_read(e->o->rb, &e->secrets, err);
}

static int start_hosts(struct engine *e, struct cut_err *err)
{
	struct cut_calls_options options = {
		.world = e->world,
		.keep_out = e->runs,
		.rb = e->o->rb,
		.host_path = e->o->host_path,
		.run = e->o->run_id,
		.secrets = e->secrets,
		.lock_fd = e->start->lock_fd,
		.log_fd = e->o->log_fd,
		.standby = true,
	};

	return cut_calls_start(&options, on_hosts_ready, e, &e->calls, err);
}

int cut_engine_run(void *arg, const struct cut_engine_start *start)
{
	const struct cut_engine_options *options = arg;
	static struct engine e;
	cut_auto(cut_err) struct cut_err err = {0};

	e = (struct engine){.o = options, .start = start};
	e.resume = options->resume || start->restarts > 0;
	e.runs = cut_strndup(options->dir, (size_t)(strrchr(options->dir, '/') - options->dir));
	cut_proc_keep_descriptors();
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	cut_log_open(options->log_fd, CUT_LOG_INFO, "engine");
	e.rank = cut_rank_take(CUT_RANK_OF_ENGINE);
	uv_loop_init(&e.loop);
	uv_timer_init(&e.loop, &e.start_timer);
	uv_timer_init(&e.loop, &e.farewell);
	uv_timer_init(&e.loop, &e.stop);
	uv_timer_init(&e.loop, &e.beat);
	uv_unref((uv_handle_t *)&e.beat);
	uv_timer_start(&e.beat, on_beat, 0, BEAT_EVERY);
	if (options->client_fd >= 0 && start->restarts == 0)
		e.starter = cut_starter_new(&e.loop, options->client_fd,
					    &(struct cut_starter_events){.start = on_start_word,
									 .gone = on_starter_gone,
									 .data = &e});
	e.run = cut_run_new(options->rb, options->graph);
	e.watch = cut_watch_new(options->rb);
	if (cut_world_open(&e.loop, &e.world, &err) < 0 || prepare(&e, &err) < 0 ||
	    start_hosts(&e, &err) < 0) {
		if (e.resume)
			fail(&e, &err);
		else
			withdraw(&e, &err);
	}
	uv_run(&e.loop, UV_RUN_DEFAULT);
	cut_loop_measure_end(&e.loop);
	cut_world_close(e.world);
	/* The process ends: what a large run holds is not given back piece by piece. It can still
	 * be reached, being static, so that a leak checker tells of what was lost before only. */
	return e.result;
}
