/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/core/watch.h"

#include "engine/base/vec.h"
#include "engine/core/acceptance.h"

#include <math.h>

struct watched_trigger {
	struct cut_trigger_machine machine;
	uint32_t until_phase; /* whose acceptance disarms it; CUT_NONE: the run's end */
	double value;	      /* of the last sample; NaN: none */
	cut_time at;	      /* of it */
	enum cut_sample_class last;
	cut_time since; /* wall: in its state */
	bool moved;	/* by a restart: to be told at the next update */
};

struct watched_metric {
	double value;
	cut_time at;
};

struct cut_watch {
	const struct cut_runbook *rb; /* borrowed */
	struct watched_trigger *triggers;
	struct watched_metric *metrics;
	struct cut_acceptance_machine acceptance;
	bool accepting; /* the run is in a state in which acceptance goes on */
};

/* One call's surroundings. */
struct moment {
	struct cut_watch *watch;
	const struct cut_run *run;
	cut_time t, wall;
	struct cut_watch_events *out;
};

/* The phase whose acceptance ends the stage in which the trigger is armed. */
static uint32_t acceptance_of(const struct cut_runbook *rb, uint32_t step)
{
	uint32_t stage = step == CUT_NONE ? 0 : rb->phases[rb->steps[step].phase].stage;

	for (uint32_t i = 0; i < rb->forward_len; i++)
		if (rb->phases[i].stage == stage && rb->phases[i].acceptance.given)
			return i;
	return CUT_NONE;
}

struct cut_watch *cut_watch_new(const struct cut_runbook *rb)
{
	struct cut_watch *watch = cut_new(struct cut_watch);

	watch->rb = rb;
	watch->triggers = cut_new_array(struct watched_trigger, rb->triggers_len + 1);
	watch->metrics = cut_new_array(struct watched_metric, rb->metrics_len + 1);
	for (uint32_t i = 0; i < rb->triggers_len; i++) {
		struct watched_trigger *w = &watch->triggers[i];

		cut_trigger_init(&w->machine, &rb->triggers[i]);
		w->until_phase = acceptance_of(rb, rb->triggers[i].from);
		w->value = NAN;
		w->at = CUT_NEVER;
		w->last = CUT_SAMPLE_MISSING;
		w->since = CUT_NEVER;
	}
	for (uint32_t i = 0; i < rb->metrics_len; i++)
		watch->metrics[i] = (struct watched_metric){.value = NAN, .at = CUT_NEVER};
	cut_acceptance_init(&watch->acceptance, rb, CUT_NONE);
	return watch;
}

void cut_watch_free(struct cut_watch *watch)
{
	if (!watch)
		return;
	for (uint32_t i = 0; i < watch->rb->triggers_len; i++)
		cut_trigger_done(&watch->triggers[i].machine);
	cut_acceptance_done(&watch->acceptance);
	free(watch->triggers);
	free(watch->metrics);
	free(watch);
}

/* --- events --- */

static void tell(const struct moment *now, struct cut_event ev)
{
	ev.t = now->t;
	ev.wall = now->wall;
	ev.actor = "engine";
	cut_vec_push(now->out, ev);
}

static void tell_trigger(const struct moment *now, uint32_t trigger)
{
	struct watched_trigger *w = &now->watch->triggers[trigger];
	struct cut_buf text = {0};

	cut_watch_trigger_text(now->watch, trigger, now->t, &text);
	tell(now, (struct cut_event){
			  .type = CUT_EV_TRIGGER,
			  .trigger = {.trigger = trigger,
				      .state = (enum cut_trigger_state)w->machine.state,
				      .value = w->value,
				      .text = cut_buf_take(&text),
				      .memory = cut_trigger_save(&w->machine)},
		  });
}

static void tell_acceptance(const struct moment *now, enum cut_acceptance_note note)
{
	struct cut_acceptance_machine *a = &now->watch->acceptance;
	struct cut_buf text = {0};

	if (note == CUT_ACC_QUIET)
		return;
	cut_acceptance_text(a, &text);
	tell(now, (struct cut_event){
			  .type = CUT_EV_ACCEPTANCE,
			  .acceptance = {.phase = a->phase,
					 .state = note == CUT_ACC_ASK
							  ? CUT_ACC_OVERDUE
							  : (enum cut_acceptance_state)a->state,
					 .want_tests = note == CUT_ACC_TESTS,
					 .text = cut_buf_take(&text),
					 .memory = cut_acceptance_save(a),
					 .evidence = cut_acceptance_evidence(a)},
		  });
}

void cut_watch_events_clear(struct cut_watch_events *events)
{
	cut_vec_foreach (events, ev) {
		if (ev->type == CUT_EV_TRIGGER) {
			free((char *)ev->trigger.text);
			json_decref(ev->trigger.memory);
		} else if (ev->type == CUT_EV_ACCEPTANCE) {
			free((char *)ev->acceptance.text);
			json_decref(ev->acceptance.memory);
			json_decref(ev->acceptance.evidence);
		}
	}
	cut_vec_done(events);
}

/* --- arming --- */

static bool run_is_over(const struct cut_run *run)
{
	return cut_run_state(run) >= CUT_RUN_CLOSING;
}

static bool has_started(const struct cut_run *run, uint32_t step)
{
	struct cut_step_view view;

	if (step == CUT_NONE)
		return cut_run_state(run) >= CUT_RUN_RUNNING;
	cut_run_step_view(run, step, &view);
	return view.started != CUT_NEVER ||
	       (view.state != CUT_STEP_PENDING && view.state != CUT_STEP_READY);
}

static bool has_ended(const struct cut_run *run, const struct cut_runbook *rb, uint32_t step)
{
	struct cut_step_view view;

	cut_run_step_view(run, step, &view);
	return view.state == CUT_STEP_SUCCEEDED || view.state == CUT_STEP_SKIPPED ||
	       (view.state == CUT_STEP_FAILED && rb->steps[step].on_failure == CUT_FAIL_CONTINUE);
}

static bool is_disarmed_by(const struct cut_watch *watch, const struct cut_run *run,
			   const struct watched_trigger *w)
{
	uint32_t wanted = cut_run_stage_phase(run);

	if (run_is_over(run))
		return true;
	if (w->machine.spec->until != CUT_NONE)
		return has_ended(run, watch->rb, w->machine.spec->until);
	if (cut_run_state(run) == CUT_RUN_ROLLING_BACK)
		return false; /* which side is fit to take the traffic is still asked */
	return w->until_phase != CUT_NONE && (wanted == CUT_NONE || wanted > w->until_phase);
}

static bool update_trigger(const struct moment *now, struct watched_trigger *w)
{
	struct cut_trigger_machine *m = &w->machine;
	bool news = w->moved;

	w->moved = false;
	m->unlatched = cut_run_past_return(now->run);
	if (m->armed_at == CUT_NEVER) {
		if (!has_started(now->run, m->spec->from) ||
		    is_disarmed_by(now->watch, now->run, w))
			return false;
		return cut_trigger_arm(m, now->t);
	}
	if (m->state == CUT_TRIGGER_DISARMED)
		return news;
	if (is_disarmed_by(now->watch, now->run, w))
		return cut_trigger_disarm(m) || news;
	return cut_trigger_tick(m, now->t) || news;
}

/* --- acceptance --- */

static bool counts(const struct watched_trigger *w)
{
	return !w->machine.spec->shadow && w->machine.state != CUT_TRIGGER_DISARMED;
}

static bool is_quiet(const struct cut_watch *watch)
{
	for (uint32_t i = 0; i < watch->rb->triggers_len; i++) {
		const struct watched_trigger *w = &watch->triggers[i];
		unsigned state = w->machine.state;

		if (counts(w) && (state == CUT_TRIGGER_PENDING || state == CUT_TRIGGER_FIRING ||
				  state == CUT_TRIGGER_BLIND))
			return false;
	}
	return true;
}

static void begin_acceptance(struct cut_watch *watch, uint32_t phase)
{
	bool again = watch->acceptance.phase == phase;
	bool overdue = watch->acceptance.overdue;

	cut_acceptance_done(&watch->acceptance);
	cut_acceptance_init(&watch->acceptance, watch->rb, phase);
	watch->acceptance.overdue = again && overdue; /* that was told */
}

/* Past the point of no return a failure cannot roll back: people were asked and went on. */
static bool goes_on_after_failure(const struct moment *now)
{
	const struct cut_acceptance_machine *a = &now->watch->acceptance;

	return a->phase != CUT_NONE && a->state == CUT_ACC_FAILED && now->t > a->journaled_at &&
	       cut_run_past_return(now->run) && cut_run_state(now->run) == CUT_RUN_RUNNING;
}

static void update_acceptance(const struct moment *now)
{
	struct cut_watch *watch = now->watch;
	struct cut_acceptance_machine *a = &watch->acceptance;
	enum cut_run_state state = cut_run_state(now->run);
	uint32_t wanted = cut_run_stage_phase(now->run);
	struct cut_acceptance_input in = {.t = now->t};
	enum cut_acceptance_note note;
	bool ok;

	watch->accepting = state == CUT_RUN_RUNNING || state == CUT_RUN_PAUSED;
	if (!watch->accepting)
		return;
	if (wanted != CUT_NONE && (wanted != a->phase || goes_on_after_failure(now)))
		begin_acceptance(watch, wanted);
	if (a->phase == CUT_NONE || wanted == CUT_NONE)
		return;

	for (uint32_t i = 0; i < watch->rb->triggers_len; i++)
		a->triggers[i].watched = counts(&watch->triggers[i]);
	if (a->testing && cut_run_tests_done(now->run, a->phase, &ok))
		tell_acceptance(now, cut_acceptance_tests(a, ok, now->t));
	in.stage_done = cut_run_stage_done(now->run, &in.done_at);
	in.tail = cut_run_stage_tail(now->run);
	in.quiet = is_quiet(watch);
	in.is_signed = a->state == CUT_ACC_MET && cut_run_signed(now->run, a->phase);
	do {
		note = cut_acceptance_update(a, &in);
		tell_acceptance(now, note);
	} while (note == CUT_ACC_CHANGED); /* asking voids the votes: first let the run know */
}

/* --- what the driver calls --- */

void cut_watch_update(struct cut_watch *watch, const struct cut_run *run, cut_time t, cut_time wall,
		      struct cut_watch_events *out)
{
	struct moment now = {watch, run, t, wall, out};

	if (cut_run_state(run) < CUT_RUN_RUNNING || cut_run_state(run) > CUT_RUN_CLOSING)
		return;
	for (uint32_t i = 0; i < watch->rb->triggers_len; i++) {
		struct watched_trigger *w = &watch->triggers[i];
		unsigned before = w->machine.state;

		if (!update_trigger(&now, w))
			continue;
		if (before != w->machine.state || w->since == CUT_NEVER)
			w->since = wall;
		tell_trigger(&now, i);
	}
	update_acceptance(&now);
}

static void sample_trigger(const struct moment *now, uint32_t trigger,
			   const struct cut_sample *sample)
{
	struct watched_trigger *w = &now->watch->triggers[trigger];
	struct cut_trigger_machine *m = &w->machine;
	enum cut_sample_class c = cut_trigger_classify(m->spec, sample, now->t);
	cut_time at = sample->at < now->t ? sample->at : now->t;
	unsigned before = m->state;
	bool usable = c != CUT_SAMPLE_MISSING && c != CUT_SAMPLE_ERROR;

	bool news;

	m->unlatched = cut_run_past_return(now->run);
	w->value = usable ? sample->value : NAN;
	w->at = at;
	w->last = c;
	if (m->state == CUT_TRIGGER_DISARMED || at < m->armed_at + m->spec->warmup)
		return;
	news = cut_trigger_sample(m, c, at);
	if (before != m->state)
		w->since = now->wall;
	/* A rollback has what is reserved on a full disk: only what may matter to it is told. */
	if (news && (before != m->state || cut_run_state(now->run) != CUT_RUN_ROLLING_BACK))
		tell_trigger(now, trigger);
	if (now->watch->accepting && now->watch->acceptance.phase != CUT_NONE && counts(w))
		tell_acceptance(now,
				cut_acceptance_sample(
					&now->watch->acceptance, trigger, cut_sample_is_evidence(c),
					cut_trigger_counts(m->spec, c) == CUT_SAMPLE_BAD, now->t));
}

void cut_watch_sample(struct cut_watch *watch, const struct cut_run *run, uint32_t metric,
		      const struct cut_sample *sample, cut_time t, cut_time wall,
		      struct cut_watch_events *out)
{
	struct moment now = {watch, run, t, wall, out};

	watch->metrics[metric].value = sample->error ? NAN : sample->value;
	watch->metrics[metric].at = sample->at < t ? sample->at : t;
	if (cut_run_state(run) < CUT_RUN_RUNNING || cut_run_state(run) > CUT_RUN_CLOSING)
		return;
	for (uint32_t i = 0; i < watch->rb->triggers_len; i++)
		if (watch->rb->triggers[i].metric == metric)
			sample_trigger(&now, i, sample);
	update_acceptance(&now);
}

cut_time cut_watch_wake(const struct cut_watch *watch)
{
	cut_time wake = watch->accepting ? cut_acceptance_wake(&watch->acceptance) : CUT_NEVER;

	for (uint32_t i = 0; i < watch->rb->triggers_len; i++) {
		cut_time at = cut_trigger_wake(&watch->triggers[i].machine);

		wake = at < wake ? at : wake;
	}
	return wake;
}

static int restore_acceptance(struct cut_watch *watch, const struct cut_event *ev,
			      struct cut_err *err)
{
	if (watch->acceptance.phase != ev->acceptance.phase)
		begin_acceptance(watch, ev->acceptance.phase);
	return cut_acceptance_restore(&watch->acceptance, ev->acceptance.memory, err);
}

int cut_watch_restore(struct cut_watch *watch, const struct cut_event *ev, struct cut_err *err)
{
	struct watched_trigger *w;

	switch (ev->type) {
	case CUT_EV_TRIGGER:
		w = &watch->triggers[ev->trigger.trigger];
		if (w->machine.state != ev->trigger.state)
			w->since = ev->wall;
		w->value = ev->trigger.value;
		return cut_trigger_restore(&w->machine, ev->trigger.state, ev->trigger.memory, err);
	case CUT_EV_ACCEPTANCE: return restore_acceptance(watch, ev, err);
	case CUT_EV_RESUMED:
		for (uint32_t i = 0; i < watch->rb->triggers_len; i++) {
			w = &watch->triggers[i];
			w->moved |= cut_trigger_gap(&w->machine, ev->t, ev->resumed.gap);
		}
		cut_acceptance_gap(&watch->acceptance, ev->t);
		return 0;
	default: return 0;
	}
}

/* --- views --- */

void cut_watch_trigger(const struct cut_watch *watch, uint32_t trigger,
		       struct cut_trigger_view *ret)
{
	const struct watched_trigger *w = &watch->triggers[trigger];

	*ret = (struct cut_trigger_view){
		.state = (enum cut_trigger_state)w->machine.state,
		.value = w->value,
		.at = w->at,
		.since = w->since,
		.bad_time = w->machine.bad_time,
		.last = w->last,
	};
}

void cut_watch_trigger_text(const struct cut_watch *watch, uint32_t trigger, cut_time t,
			    struct cut_buf *out)
{
	const struct watched_trigger *w = &watch->triggers[trigger];
	uint32_t metric = w->machine.spec->metric;

	cut_trigger_text(&w->machine, w->value,
			 metric == CUT_NONE ? NULL : watch->rb->metrics[metric].unit, t, out);
}

void cut_watch_metric(const struct cut_watch *watch, uint32_t metric, double *ret_value,
		      cut_time *ret_at)
{
	*ret_value = watch->metrics[metric].value;
	*ret_at = watch->metrics[metric].at;
}

void cut_watch_acceptance(const struct cut_watch *watch, struct cut_acceptance_view *ret)
{
	const struct cut_acceptance_machine *a = &watch->acceptance;

	*ret = (struct cut_acceptance_view){.phase = CUT_NONE, .coverage = NAN};
	if (a->phase == CUT_NONE)
		return;
	*ret = (struct cut_acceptance_view){
		.phase = a->phase,
		.state = cut_acceptance_shown(a),
		.clean = a->clean,
		.needed = a->needed,
		.coverage = cut_acceptance_coverage(a),
	};
}
