/* SPDX-License-Identifier: Apache-2.0 */
/* The driver and its journal: what is written down, what follows once it is on disk, and what when
 * it cannot be. */
#include "engine/runtime/driver_internal.h"

#include "engine/base/log.h"

#include <unistd.h>

/* Anybody on the machine may be refused: that must not fill the disk. */
#define REFUSALS_MAX 10000

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
	return cut_journal_append(d->options.journal, d->record.data, d->record.len);
}

uint64_t cut_driver_append(struct cut_driver *d, const char *type, const struct cut_buf *body)
{
	cut_pager_event(d->pager, type, body->data);
	return cut_journal_append(d->options.journal, body->data, body->len);
}

uint64_t driver_journal_refusal(struct cut_driver *d, struct cut_event *ev,
				const struct cut_err *err)
{
	cut_auto(cut_str) char *text = cut_err_text(err);
	uint64_t seq;

	if (d->refusals == REFUSALS_MAX)
		return 0;
	d->refusals++;
	ev->refused = text;
	cut_buf_reset(&d->record);
	cut_event_encode(ev, d->options.rb, &d->record);
	ev->refused = NULL;
	seq = append(d);
	cut_journal_want_sync(d->options.journal);
	return seq;
}

void driver_journal_event(struct cut_driver *d, const struct cut_event *ev)
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
	driver_maybe_end(d);
}

static void on_journal_failed(void *data, const struct cut_err *err)
{
	struct cut_driver *d = data;
	cut_auto(cut_str) char *text = cut_err_text(err);

	d->broken = true;
	cut_err_set(&d->fault, err->code, err->why, err->next, "%s", err->what);
	cut_log(CUT_LOG_ERROR, "journal_failed", "why=\"%s\"", text);
	cut_sampler_stop(d->sampler);
	cut_pager_stop(d->pager);
	cut_pager_page(d->pager, "run", text);
	if (d->events.broken)
		d->events.broken(d->events.data, err);
	if (d->events.failed)
		d->events.failed(d->events.data, err);
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
	if (d->events.failed)
		d->events.failed(d->events.data, err);
}

void driver_journal_listen(struct cut_driver *d)
{
	struct cut_journal_events events = {
		.synced = on_synced,
		.moved = on_journal_moved,
		.failed = on_journal_failed,
		.low = on_journal_low,
		.data = d,
	};

	cut_journal_listen(d->options.journal, &events);
}
