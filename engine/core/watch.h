/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers and acceptance of a run: samples and time in, TRIGGER and ACCEPTANCE events out. It sits
 * before the replayed machine: its records carry its whole memory, so a resume restores it from the
 * last ones instead of replaying samples. Driven by runtime/driver, runtime/sim, `trigger test`. */
#pragma once

#include "engine/core/run.h"
#include "engine/core/trigger.h"

struct cut_watch;
struct cut_watch_events { /* events to feed to the run, in order; owned: cut_watch_events_clear */
	struct cut_event *items;
	size_t len, cap;
};

struct cut_watch *cut_watch_new(const struct cut_runbook *rb);
void cut_watch_free(struct cut_watch *watch);

/* A sample of a metric arrived at t. */
void cut_watch_sample(struct cut_watch *watch, const struct cut_run *run, uint32_t metric,
		      const struct cut_sample *sample, cut_time t, cut_time wall,
		      struct cut_watch_events *out);
/* The run moved or time passed: arms and disarms, blindness, the acceptance clock, its tests,
 * deadlines. Call after every feed, and at cut_watch_wake(). */
void cut_watch_update(struct cut_watch *watch, const struct cut_run *run, cut_time t, cut_time wall,
		      struct cut_watch_events *out);
cut_time cut_watch_wake(const struct cut_watch *watch); /* run clock, or CUT_NEVER */
/* A journaled TRIGGER or ACCEPTANCE record, on resume; and the gap of a RESUMED one. */
int cut_watch_restore(struct cut_watch *watch, const struct cut_event *ev, struct cut_err *err);

/* For status and expressions. */
struct cut_trigger_view {
	enum cut_trigger_state state;
	double value;	   /* of the last sample; NaN: none */
	cut_time at;	   /* of it, run clock */
	cut_time since;	   /* wall: in this state */
	cut_time bad_time; /* so far, `for` */
	enum cut_sample_class last;
};
void cut_watch_trigger(const struct cut_watch *watch, uint32_t trigger,
		       struct cut_trigger_view *ret);
/* Its value beside its limit, as its records say it. */
void cut_watch_trigger_text(const struct cut_watch *watch, uint32_t trigger, cut_time t,
			    struct cut_buf *out);
void cut_watch_metric(const struct cut_watch *watch, uint32_t metric, double *ret_value,
		      cut_time *ret_at);
struct cut_acceptance_view {
	uint32_t phase; /* CUT_NONE: no acceptance now */
	enum cut_acceptance_state state;
	cut_time clean, needed;
	double coverage; /* lowest of the triggers; NaN: none */
};
void cut_watch_acceptance(const struct cut_watch *watch, struct cut_acceptance_view *ret);
void cut_watch_events_clear(struct cut_watch_events *events);
