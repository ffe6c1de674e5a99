/* SPDX-License-Identifier: Apache-2.0 */
/* Events are fed, their records handed to the journal, their effects carried out. What arises in
 * the middle of it waits in a queue. */
#include "engine/runtime/driver_internal.h"

#include "engine/base/log.h"
#include "engine/base/rule.h"
#include "engine/runtime/loop.h"

#include <errno.h>

/* So long may one turn work through events before the loop gets its turn. */
#define TURN_MS 1 /* by a clock of whole ms: at most that */
static void settle(struct cut_driver *d);

cut_time cut_driver_now(const struct cut_driver *d)
{
	return cut_world_boot(d->world) - d->options.zero_boot;
}

static void perform(struct cut_driver *d)
{
	bool on_disk =
		cut_journal_synced(d->options.journal) >= d->durable_seq || !CUT_RULE(INTENT_FIRST);

	for (size_t i = 0; i < d->fx.len; i++) {
		struct cut_effect *fx = &d->fx.items[i];

		switch (fx->type) {
		case CUT_FX_CALL:
			cut_operations_start(d->operations, fx, on_disk ? 0 : d->durable_seq);
			break;
		case CUT_FX_CANCEL: cut_operations_cancel(d->operations, fx->call.step); break;
		case CUT_FX_EVAL:
			cut_queue_check(&d->queue, fx->call.step, fx->call.attempt);
			break;
		case CUT_FX_PAGE: cut_pager_page(d->pager, fx->page.event, fx->page.text); break;
		case CUT_FX_END: d->ending = true; break;
		case CUT_FX_RUN:
			if (fx->run.state == CUT_RUN_ROLLING_BACK)
				cut_journal_use_reserve(d->options.journal);
			break;
		case CUT_FX_INTENT:
		case CUT_FX_STEP: break;
		}
	}
	cut_effects_clear(&d->fx);
}

static int feed_now(struct cut_driver *d, struct cut_event *ev, uint64_t *ret_seq,
		    struct cut_err *err)
{
	bool refusable = ev->type == CUT_EV_ORDER || ev->type == CUT_EV_APPROVAL;
	int r;

	d->feeding = true;
	r = cut_run_feed(d->options.run, ev, &d->fx, err);
	if (r < 0) {
		if (refusable) {
			uint64_t seq = driver_journal_refusal(d, ev, err);

			if (ret_seq)
				*ret_seq = seq;
		}
		d->feeding = false;
		return r;
	}
	if (ev->type == CUT_EV_RESUMED) /* as a replay will */
		cut_watch_restore(d->options.watch, ev, NULL);
	if (ev->type != CUT_EV_TICK || r > 0 || d->fx.len > 0)
		driver_journal_event(d, ev);
	if (ret_seq)
		*ret_seq = cut_journal_seq(d->options.journal);
	perform(d);
	if (d->ending && d->end_t == CUT_NEVER)
		d->end_t = ev->t;
	d->feeding = false;
	return 0;
}

int cut_driver_feed(struct cut_driver *d, struct cut_event *ev, uint64_t *ret_seq,
		    struct cut_err *err)
{
	cut_auto(cut_err) struct cut_err own = {0}; /* a refusal is journaled with its reason */
	int r;

	err = err ? err : &own;
	if (d->broken)
		return cut_err_set(err, -ESHUTDOWN, d->fault.why, d->fault.next, "%s",
				   d->fault.what);
	if (d->ended)
		return cut_err_set(err, -ESHUTDOWN, "the run has ended", NULL, "not accepted");
	ev->t = cut_driver_now(d);
	ev->wall = cut_world_wall(d->world);
	if (!ev->actor)
		ev->actor = "engine";
	if (d->feeding) { /* only outcomes and saves arise within a feed */
		cut_queue_event(&d->queue, ev);
		return 0;
	}
	r = feed_now(d, ev, ret_seq, err);
	settle(d);
	return r;
}

uint64_t cut_driver_refuse(struct cut_driver *d, struct cut_event *ev, const struct cut_err *err)
{
	if (d->broken || d->ended || d->feeding)
		return 0;
	ev->t = cut_driver_now(d);
	ev->wall = cut_world_wall(d->world);
	return driver_journal_refusal(d, ev, err);
}

static void feed_or_log(struct cut_driver *d, struct cut_event *ev)
{
	cut_auto(cut_err) struct cut_err err = {0};

	if (feed_now(d, ev, NULL, &err) < 0)
		cut_log(CUT_LOG_WARN, "event_refused", "type=%s why=\"%s\"",
			cut_event_name(ev->type), err.what);
}

static void feed_stamped(struct cut_driver *d, struct cut_event *ev)
{
	ev->t = cut_driver_now(d);
	ev->wall = cut_world_wall(d->world);
	ev->actor = "engine";
	feed_or_log(d, ev);
}

static void say_not_true(const json_t *data, struct cut_buf *out)
{
	const json_t *values = json_object_get(data, "values");
	const char *before = "not true: ";
	json_t *value;
	size_t i;

	json_array_foreach ((json_t *)values, i, value) {
		if (json_is_true(json_object_get(value, "is")))
			continue;
		cut_buf_add_str(out, before);
		cut_check_say(value, out);
		before = "; ";
	}
}

static void evaluate(struct cut_driver *d, const struct cut_queued_check *check)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	cut_auto(cut_json) json_t *data = NULL;
	struct cut_expr_env env = cut_driver_live(d);
	struct cut_event ev = {
		.type = CUT_EV_OUTCOME,
		.outcome = {.step = check->step, .op = CUT_OP_APPLY, .attempt = check->attempt},
	};
	bool all = cut_run_check(d->options.run, check->step, &env, &data);

	say_not_true(data, &text);
	ev.outcome.status = all ? CUT_OK : CUT_FAIL;
	ev.outcome.text = all ? NULL : cut_buf_str(&text);
	ev.outcome.data = data;
	feed_stamped(d, &ev);
}

static void watch_feed(struct cut_driver *d)
{
	for (size_t i = 0; i < d->watched.len; i++) {
		struct cut_event *ev = &d->watched.items[i];

		if (!ev->actor)
			ev->actor = "engine";
		feed_or_log(d, ev);
	}
	cut_watch_events_clear(&d->watched);
}

static void set_alarm(struct cut_driver *d)
{
	cut_time wake = cut_run_wake(d->options.run);
	cut_time watch = cut_watch_wake(d->options.watch);
	cut_time now = cut_driver_now(d);

	if (watch < wake)
		wake = watch;
	if (wake == CUT_NEVER || d->ending) /* the disk may take its time with the last record */
		cut_bell_set(d->alarm, CUT_NEVER);
	else
		cut_bell_set(d->alarm, (wake > now ? wake : now) + d->options.zero_boot);
}

void driver_maybe_end(struct cut_driver *d)
{
	if (!d->ending || d->ended || cut_operations_in_flight(d->operations) > 0)
		return;
	if (d->events.last)
		d->events.last(d->events.data);
	cut_journal_want_sync(d->options.journal);
	if (cut_journal_synced(d->options.journal) < cut_journal_seq(d->options.journal))
		return; /* on_synced comes back here */
	d->ended = true;
	cut_bell_set(d->alarm, CUT_NEVER);
	cut_sampler_stop(d->sampler);
	cut_pager_stop(d->pager);
	d->events.end(d->events.data);
}

/* Works off what arose, then looks when to wake. What takes longer than a turn may goes on in the
 * next one, so that samples and people are never kept waiting. */
static void settle(struct cut_driver *d)
{
	cut_time until = cut_world_boot(d->world) + TURN_MS;
	struct cut_queued_check check;
	struct cut_event ev;

	while (!d->broken && cut_world_boot(d->world) < until) {
		if (cut_queue_next_event(&d->queue, &ev)) {
			feed_or_log(d, &ev);
			cut_queue_event_done(&ev);
		} else if (cut_queue_next_check(&d->queue, &check)) {
			evaluate(d, &check);
		} else {
			break;
		}
	}
	if (!d->ending) {
		cut_watch_update(d->options.watch, d->options.run, cut_driver_now(d),
				 cut_world_wall(d->world), &d->watched);
		watch_feed(d);
	}
	if (!d->broken && !cut_queue_is_empty(&d->queue))
		cut_bell_set(d->more, CUT_SOON);
	set_alarm(d);
	driver_maybe_end(d);
}

static void on_more(void *data)
{
	settle(data);
}

static void on_alarm(void *data)
{
	struct cut_driver *d = data;
	struct cut_event ev = {.type = CUT_EV_TICK};

	if (d->ended || d->broken)
		return;
	if (cut_run_wake(d->options.run) <= cut_driver_now(d))
		feed_stamped(d, &ev);
	settle(d);
}

static void on_clock_jump(void *data, cut_time jump)
{
	struct cut_driver *d = data;
	struct cut_event ev = {.type = CUT_EV_CLOCK, .clock = {.jump = jump}};

	cut_pager_clock_jumped(d->pager);
	cut_driver_feed(d, &ev, NULL, NULL);
}

static void on_operation_end(void *data, const struct cut_operation_end *end)
{
	struct cut_driver *d = data;
	struct cut_event ev = {
		.type = CUT_EV_OUTCOME,
		.outcome =
			{
				.step = end->step,
				.op = end->op,
				.attempt = end->attempt,
				.status = end->status,
				.text = end->text,
				.data = end->data,
				.not_sent = end->not_sent,
				.duration_s = end->duration_s,
			},
	};

	cut_driver_feed(d, &ev, NULL, NULL);
}

static void on_operation_save(void *data, uint32_t step, json_t *state)
{
	struct cut_driver *d = data;
	struct cut_event ev = {.type = CUT_EV_SAVED, .saved = {.step = step, .state = state}};
	uint64_t seq = 0;

	if (cut_driver_feed(d, &ev, &seq, NULL) == 0)
		cut_vec_push(&d->saves, (struct saved_wait){.step = step, .seq = seq});
}

void cut_driver_sample(struct cut_driver *d, uint32_t metric, const struct cut_sample *sample)
{
	if (d->ending || d->broken || !d->started)
		return;
	cut_watch_sample(d->options.watch, d->options.run, metric, sample, cut_driver_now(d),
			 cut_world_wall(d->world), &d->watched);
	watch_feed(d);
	settle(d);
}

int cut_driver_new(const struct cut_driver_options *options, const struct cut_driver_events *events,
		   struct cut_driver **ret, struct cut_err *err)
{
	struct cut_driver *d = cut_new(struct cut_driver);
	struct cut_operations_events ops = {
		.end = on_operation_end,
		.save = on_operation_save,
		.data = d,
	};
	int r;

	d->world = options->world;
	d->options = *options;
	d->events = *events;
	d->end_t = CUT_NEVER;
	d->operations = cut_operations_new(d->world, options->rb, options->calls, &ops);
	d->pager = cut_pager_new(d->world, options->rb, options->calls);
	d->sampler = cut_sampler_new(d->world, options->rb, options->calls, options->dir, d);
	d->live = (struct cut_live){.rb = options->rb, .watch = options->watch};
	d->alarm = cut_bell_new(d->world, on_alarm, d);
	d->more = cut_bell_new(d->world, on_more, d);
	r = d->world->ops->wallwatch_new(d->world, on_clock_jump, d, &d->wallwatch, err);
	if (r < 0) {
		cut_driver_free(d);
		return r;
	}
	driver_journal_listen(d);
	*ret = d;
	return 0;
}

void cut_driver_start(struct cut_driver *d)
{
	d->started = true;
	if (cut_run_state(d->options.run) >=
	    CUT_RUN_ACCEPTED) { /* taken up after its last record */
		d->ending = true;
		d->end_t = cut_driver_now(d);
	} else {
		cut_sampler_start(d->sampler);
	}
	settle(d);
}

void cut_driver_free(struct cut_driver *d)
{
	if (!d)
		return;
	cut_sampler_free(d->sampler);
	cut_pager_free(d->pager);
	cut_operations_free(d->operations);
	cut_bell_free(d->alarm);
	cut_bell_free(d->more);
	if (d->wallwatch)
		d->world->ops->wallwatch_free(d->wallwatch);
	cut_effects_done(&d->fx);
	cut_queue_done(&d->queue);
	cut_vec_done(&d->saves);
	cut_buf_done(&d->record);
	cut_err_done(&d->fault);
	free(d);
}

json_t *cut_driver_status(struct cut_driver *d)
{
	cut_time t = d->end_t == CUT_NEVER ? cut_driver_now(d) : d->end_t;
	json_t *status = cut_status_head(d->options.rb, d->options.run, d->options.watch, t,
					 cut_world_wall(d->world));

	json_object_set_new(status, "engine", json_string("live"));
	json_object_set_new(status, "run", json_string(d->options.run_id));
	json_object_set_new(status, "socket", json_string(d->options.socket));
	json_object_set_new(status, "seq", json_integer((json_int_t)cut_driver_synced(d)));
	json_object_set_new(status, "loop_max_ms", json_real(cut_loop_max_ms(d->world->loop)));
	if (d->broken)
		json_object_set_new(status, "fault", cut_err_json(&d->fault));
	json_object_set_new(status, "rank", json_string(cut_rank_name(d->options.rank)));
	json_object_set_new(status, "loop_max_wall_ms",
			    json_real(cut_loop_max_wall_ms(d->world->loop)));
	return status;
}

struct cut_expr_env cut_driver_live(struct cut_driver *d)
{
	d->live.now = cut_driver_now(d);
	return cut_live_env(&d->live);
}

struct cut_run *cut_driver_run(struct cut_driver *d)
{
	return d->options.run;
}

const struct cut_driver_options *cut_driver_options(const struct cut_driver *d)
{
	return &d->options;
}

uint64_t cut_driver_synced(const struct cut_driver *d)
{
	return cut_journal_synced(d->options.journal);
}
