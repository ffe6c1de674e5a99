/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/driver.h"

#include "engine/base/log.h"
#include "engine/base/vec.h"
#include "engine/core/live.h"
#include "engine/runtime/clock.h"
#include "engine/runtime/loop.h"
#include "engine/runtime/operation.h"
#include "engine/runtime/pager.h"
#include "engine/runtime/sampler.h"

#include <errno.h>
#include <math.h>
#include <uv.h>

/* So long may one turn work through events before the loop gets its turn. */
#define TURN_MS 1
/* Anybody on the machine may be refused: that must not fill the disk. */
#define REFUSALS_MAX 10000

struct evaluation {
	uint32_t step;
	unsigned attempt;
};

struct cut_driver {
	struct cut_driver_options options;
	struct cut_driver_events events;
	struct cut_operations *operations;
	struct cut_sampler *sampler;
	struct cut_pager *pager;
	struct cut_live live;
	struct cut_alarm *alarm;
	struct cut_wallwatch *wallwatch;
	uv_idle_t more; /* work is left for the next turn */
	struct {
		CUT_VEC(struct cut_event); /* arose during a feed; owned copies */
		size_t next;
	} queue;
	struct {
		CUT_VEC(struct evaluation);
		size_t next;
	} evaluations;
	struct cut_saved_waits {
		CUT_VEC(struct saved_wait {
			uint32_t step;
			uint64_t seq;
		});
	} saves; /* plugins that wait until their state is on disk */
	struct cut_effects fx;
	struct cut_watch_events watched;
	struct cut_buf record;
	uint64_t durable_seq; /* of the newest record that calls must wait for */
	unsigned refusals;    /* journaled ones */
	cut_time end_t;	      /* run clock, of the final record */
	bool feeding, started, ending, ended, broken;
};

static void settle(struct cut_driver *d);

cut_time cut_driver_now(const struct cut_driver *d)
{
	return cut_clock_boot() - d->options.zero_boot;
}

/* Is this input itself something that must not be lost once acted upon? */
static bool event_durable(const struct cut_driver *d, const struct cut_event *ev)
{
	switch (ev->type) {
	case CUT_EV_OUTCOME: return cut_step_writes(&d->options.rb->steps[ev->outcome.step]);
	case CUT_EV_TICK:
	case CUT_EV_TRIGGER:
	case CUT_EV_ACCEPTANCE: return false; /* what they cause is, where it matters */
	default: return true;
	}
}

static uint64_t append(struct cut_driver *d)
{
	uint64_t seq = cut_journal_append(d->options.journal, d->record.data, d->record.len);

	if (d->events.record)
		d->events.record(d->events.data, seq);
	return seq;
}

/* Journals an order or a vote that was not obeyed: no input of a replay. */
static uint64_t journal_refusal(struct cut_driver *d, struct cut_event *ev,
                                const struct cut_err *err)
{
	cut_auto(cut_str) char *text = cut_err_text(err);

	if (d->refusals == REFUSALS_MAX)
		return 0;
	d->refusals++;
	ev->refused = text;
	cut_buf_reset(&d->record);
	cut_event_encode(ev, d->options.rb, &d->record);
	ev->refused = NULL;
	cut_journal_want_sync(d->options.journal);
	return append(d);
}

static void journal_event(struct cut_driver *d, const struct cut_event *ev)
{
	uint64_t seq;
	bool durable = event_durable(d, ev);

	cut_buf_reset(&d->record);
	cut_event_encode(ev, d->options.rb, &d->record);
	seq = append(d);
	cut_pager_event(d->pager, cut_event_name(ev->type), d->record.data);
	for (size_t i = 0; i < d->fx.len; i++) {
		const struct cut_effect *fx = &d->fx.items[i];

		if (!cut_effect_is_record(fx))
			continue;
		cut_buf_reset(&d->record);
		cut_effect_encode(fx, ev, d->options.rb, &d->record);
		seq = append(d);
		durable |= fx->durable;
		cut_pager_event(d->pager, cut_effect_name(fx), d->record.data);
	}
	if (durable) {
		d->durable_seq = seq;
		cut_journal_want_sync(d->options.journal);
	}
}

static void perform(struct cut_driver *d)
{
	bool on_disk = cut_journal_synced(d->options.journal) >= d->durable_seq;

	for (size_t i = 0; i < d->fx.len; i++) {
		struct cut_effect *fx = &d->fx.items[i];

		switch (fx->type) {
		case CUT_FX_CALL:
			cut_operations_start(d->operations, fx, on_disk ? 0 : d->durable_seq);
			break;
		case CUT_FX_CANCEL: cut_operations_cancel(d->operations, fx->call.step); break;
		case CUT_FX_EVAL:
			cut_vec_push(&d->evaluations, (struct evaluation){
			                                      .step = fx->call.step,
			                                      .attempt = fx->call.attempt,
			                              });
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
			uint64_t seq = journal_refusal(d, ev, err);

			if (ret_seq)
				*ret_seq = seq;
		}
		d->feeding = false;
		return r;
	}
	if (ev->type != CUT_EV_TICK || r > 0 || d->fx.len > 0)
		journal_event(d, ev);
	if (ret_seq)
		*ret_seq = cut_journal_seq(d->options.journal);
	perform(d);
	if (d->ending && d->end_t == CUT_NEVER)
		d->end_t = ev->t;
	d->feeding = false;
	return 0;
}

/* A deep copy of an event that arose in the middle of another's feed. */
static struct cut_event event_copy(const struct cut_event *ev)
{
	struct cut_event copy = *ev;

	if (ev->type == CUT_EV_OUTCOME) {
		copy.outcome.text = cut_strdup(ev->outcome.text);
		json_incref(ev->outcome.data);
	} else if (ev->type == CUT_EV_SAVED) {
		json_incref(ev->saved.state);
	}
	return copy;
}

static void event_copy_done(struct cut_event *ev)
{
	if (ev->type == CUT_EV_OUTCOME) {
		free((char *)ev->outcome.text);
		json_decref(ev->outcome.data);
	} else if (ev->type == CUT_EV_SAVED) {
		json_decref(ev->saved.state);
	}
}

int cut_driver_feed(struct cut_driver *d, struct cut_event *ev, uint64_t *ret_seq,
                    struct cut_err *err)
{
	int r;

	if (d->broken || d->ended)
		return cut_err_set(err, -ESHUTDOWN,
		                   d->broken ? "its journal cannot be written" : "the run has ended",
		                   d->broken ? "see engine.log, then `cutover recover`" : NULL,
		                   "not accepted");
	ev->t = cut_driver_now(d);
	ev->wall = cut_clock_wall();
	if (!ev->actor)
		ev->actor = "engine";
	if (d->feeding) { /* only outcomes and saves arise within a feed */
		cut_vec_push(&d->queue, event_copy(ev));
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
	ev->wall = cut_clock_wall();
	return journal_refusal(d, ev, err);
}

static void feed_or_log(struct cut_driver *d, struct cut_event *ev)
{
	cut_auto(cut_err) struct cut_err err = {0};

	if (feed_now(d, ev, NULL, &err) < 0)
		cut_log(CUT_LOG_WARN, "event_refused", "type=%s why=\"%s\"", cut_event_name(ev->type),
		        err.what);
}

static void feed_stamped(struct cut_driver *d, struct cut_event *ev)
{
	ev->t = cut_driver_now(d);
	ev->wall = cut_clock_wall();
	ev->actor = "engine";
	feed_or_log(d, ev);
}

static void evaluate(struct cut_driver *d, const struct evaluation *e)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_json) json_t *data = NULL;
	struct cut_expr_env env = cut_driver_live(d);
	int r;
	struct cut_event ev = {
		.type = CUT_EV_OUTCOME,
		.outcome = {.step = e->step, .op = CUT_OP_APPLY, .attempt = e->attempt},
	};

	r = cut_run_check(d->options.run, e->step, &env, &data, &err);
	ev.outcome.status = r == 1 ? CUT_OK : CUT_FAIL;
	ev.outcome.text = r < 0 ? err.what : r == 0 ? "it is not true" : NULL;
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

static bool work_is_left(const struct cut_driver *d)
{
	return d->queue.next < d->queue.len || d->evaluations.next < d->evaluations.len;
}

static void on_more(uv_idle_t *idle)
{
	struct cut_driver *d = idle->data;

	uv_idle_stop(idle);
	settle(d);
}

static void set_alarm(struct cut_driver *d)
{
	cut_time wake = cut_run_wake(d->options.run);
	cut_time watch = cut_watch_wake(d->options.watch);
	cut_time now = cut_driver_now(d);

	if (watch < wake)
		wake = watch;
	if (wake == CUT_NEVER)
		cut_alarm_set(d->alarm, CUT_NEVER);
	else
		cut_alarm_set(d->alarm, (wake > now ? wake : now) + d->options.zero_boot);
}

static void maybe_end(struct cut_driver *d)
{
	if (!d->ending || d->ended || cut_operations_in_flight(d->operations) > 0)
		return;
	cut_journal_want_sync(d->options.journal);
	if (cut_journal_synced(d->options.journal) < cut_journal_seq(d->options.journal))
		return; /* on_synced comes back here */
	d->ended = true;
	cut_alarm_set(d->alarm, CUT_NEVER);
	cut_sampler_stop(d->sampler);
	d->events.end(d->events.data);
}

/* Works off what arose, then looks when to wake. What takes longer than a turn may goes on in the
 * next one, so that samples and people are never kept waiting. */
static void settle(struct cut_driver *d)
{
	cut_time until = cut_clock_boot() + TURN_MS;

	while (work_is_left(d) && !d->broken) {
		if (d->queue.next < d->queue.len) {
			struct cut_event ev = d->queue.items[d->queue.next++];

			feed_or_log(d, &ev);
			event_copy_done(&ev);
		} else {
			evaluate(d, &d->evaluations.items[d->evaluations.next++]);
		}
		if (cut_clock_boot() > until)
			break;
	}
	if (d->queue.next == d->queue.len)
		d->queue.next = d->queue.len = 0;
	if (d->evaluations.next == d->evaluations.len)
		d->evaluations.next = d->evaluations.len = 0;
	cut_watch_update(d->options.watch, d->options.run, cut_driver_now(d), cut_clock_wall(),
	                 &d->watched);
	watch_feed(d);
	if (work_is_left(d) && !d->broken)
		uv_idle_start(&d->more, on_more);
	set_alarm(d);
	maybe_end(d);
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

	cut_driver_feed(d, &ev, NULL, NULL);
}

static void on_operation_end(void *data, const struct cut_operation_end *end)
{
	struct cut_driver *d = data;
	struct cut_event ev = {
		.type = CUT_EV_OUTCOME,
		.outcome = {
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

static void on_synced(void *data, uint64_t seq)
{
	struct cut_driver *d = data;

	for (size_t i = 0; i < d->saves.len;) {
		struct saved_wait wait = d->saves.items[i];
		struct cut_step_view view;

		if (wait.seq > seq) {
			i++;
			continue;
		}
		cut_vec_remove(&d->saves, i);
		cut_run_step_view(d->options.run, wait.step, &view);
		cut_operations_saved(d->operations, wait.step, view.saved);
	}
	cut_operations_synced(d->operations, seq);
	if (d->events.synced)
		d->events.synced(d->events.data, seq);
	maybe_end(d);
}

static void on_journal_failed(void *data, const struct cut_err *err)
{
	struct cut_driver *d = data;
	cut_auto(cut_str) char *text = cut_err_text(err);

	d->broken = true;
	cut_log(CUT_LOG_ERROR, "journal_failed", "why=\"%s\"", text);
	cut_pager_page(d->pager, "run", text);
}

static void on_journal_moved(void *data, const struct cut_err *err)
{
	struct cut_driver *d = data;
	cut_auto(cut_str) char *text = cut_err_text(err);

	cut_log(CUT_LOG_ERROR, "journal_moved", "why=\"%s\"", text);
	cut_pager_page(d->pager, "run", text);
}

static void on_journal_low(void *data, const struct cut_err *err)
{
	struct cut_driver *d = data;
	cut_auto(cut_str) char *text = cut_err_text(err);
	struct cut_event ev = {
		.type = CUT_EV_ORDER,
		.order = {.order = CUT_ORDER_PAUSE, .uid = getuid()},
	};

	cut_log(CUT_LOG_ERROR, "journal_low", "why=\"%s\"", text);
	cut_pager_page(d->pager, "run", text);
	cut_driver_feed(d, &ev, NULL, NULL);
}

void cut_driver_sample(struct cut_driver *d, uint32_t metric, const struct cut_sample *sample)
{
	if (d->ended || d->broken || !d->started)
		return;
	cut_watch_sample(d->options.watch, d->options.run, metric, sample, cut_driver_now(d),
	                 cut_clock_wall(), &d->watched);
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
	struct cut_journal_events journal = {
		.synced = on_synced,
		.moved = on_journal_moved,
		.failed = on_journal_failed,
		.low = on_journal_low,
		.data = d,
	};
	int r;

	d->options = *options;
	d->events = *events;
	d->end_t = CUT_NEVER;
	d->operations = cut_operations_new(options->loop, options->rb, options->calls, &ops);
	d->pager = cut_pager_new(options->loop, options->rb, options->calls, options->run_id);
	d->sampler = cut_sampler_new(options->loop, options->rb, options->calls, options->dir, d);
	d->live = (struct cut_live){.rb = options->rb, .watch = options->watch};
	uv_idle_init(options->loop, &d->more);
	d->more.data = d;
	r = cut_alarm_new(options->loop, on_alarm, d, &d->alarm, err);
	if (r == 0)
		r = cut_wallwatch_new(options->loop, on_clock_jump, d, &d->wallwatch, err);
	if (r < 0) {
		cut_driver_free(d);
		return r;
	}
	cut_journal_listen(options->journal, &journal);
	*ret = d;
	return 0;
}

void cut_driver_start(struct cut_driver *d)
{
	d->started = true;
	cut_sampler_start(d->sampler);
	settle(d);
}

static void on_more_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void cut_driver_free(struct cut_driver *d)
{
	if (!d)
		return;
	cut_sampler_free(d->sampler);
	cut_pager_free(d->pager);
	cut_operations_free(d->operations);
	cut_alarm_free(d->alarm);
	cut_wallwatch_free(d->wallwatch);
	cut_effects_done(&d->fx);
	cut_vec_done(&d->queue);
	cut_vec_done(&d->evaluations);
	cut_vec_done(&d->saves);
	cut_buf_done(&d->record);
	uv_close((uv_handle_t *)&d->more, on_more_closed);
}

json_t *cut_driver_status(struct cut_driver *d)
{
	cut_time t = d->end_t == CUT_NEVER ? cut_driver_now(d) : d->end_t;
	json_t *status = cut_status_json(d->options.rb, d->options.run, d->options.watch, t,
	                                 cut_clock_wall());

	json_object_set_new(status, "engine", json_string("live"));
	json_object_set_new(status, "run", json_string(d->options.run_id));
	json_object_set_new(status, "socket", json_string(d->options.socket));
	json_object_set_new(status, "seq", json_integer((json_int_t)cut_driver_synced(d)));
	json_object_set_new(status, "loop_max_ms", json_real(cut_loop_max_ms(d->options.loop)));
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
