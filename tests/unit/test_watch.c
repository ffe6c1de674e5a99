/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers and acceptance of a whole run: when they are armed, which events come of them, and that
 * these bring a watch back after a restart. What watch sees of the run is set by hand here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "engine/base/vec.h"
#include "engine/core/acceptance.h"
#include "engine/core/watch.h"

enum { PREPARE, SHIFT, CLOSE, STEPS };

struct cut_run {
	enum cut_run_state state;
	enum cut_step_state steps[STEPS];
	uint32_t stage_phase;
	bool past_return, stage_done, is_signed, tests_done, tests_ok;
	cut_time done_at;
};

enum cut_run_state cut_run_state(const struct cut_run *run)
{
	return run->state;
}

void cut_run_step_view(const struct cut_run *run, uint32_t step, struct cut_step_view *ret)
{
	*ret = (struct cut_step_view){.state = run->steps[step], .started = CUT_NEVER};
}

uint32_t cut_run_stage_phase(const struct cut_run *run)
{
	return run->stage_phase;
}

cut_time cut_run_stage_tail(const struct cut_run *run)
{
	return 0;
}

bool cut_run_stage_done(const struct cut_run *run, cut_time *ret_since)
{
	*ret_since = run->done_at;
	return run->stage_done;
}

bool cut_run_past_return(const struct cut_run *run)
{
	return run->past_return;
}

bool cut_run_signed(const struct cut_run *run, uint32_t phase)
{
	return run->is_signed;
}

bool cut_run_tests_done(const struct cut_run *run, uint32_t phase, bool *ret_ok)
{
	*ret_ok = run->tests_ok;
	return run->tests_done;
}

/* Two stages: `switch` with acceptance, then `close`. One metric, sampled every second. */
struct world {
	struct cut_step steps[STEPS];
	struct cut_phase phases[3];
	struct cut_metric metric;
	struct cut_trigger triggers[3];
	struct cut_runbook rb;
	struct cut_run run;
	struct cut_watch *watch;
	struct cut_buf log; /* "seconds id state" and "seconds phase state" */
	json_t *last;	    /* owned: memory of the last event of each trigger and the acceptance */
};

static void world_init(struct world *w)
{
	*w = (struct world){
		.steps = {{.address = "prepare"},
			  {.address = "shift", .phase = 0},
			  {.address = "stop", .phase = 2}},
		.phases = {{.id = "switch",
			    .acceptance = {.given = true,
					   .clean_for = 5 * CUT_SECOND,
					   .tests = CUT_NONE,
					   .tests_every = CUT_NEVER,
					   .deadline = CUT_NEVER,
					   .coverage = 0.95}},
			   {.id = "switch/tests", .role = CUT_PHASE_TESTS},
			   {.id = "close", .stage = 1}},
		.metric = {.id = "errors", .every = CUT_SECOND, .unit = "ratio"},
		.run = {.state = CUT_RUN_ARMED},
	};
	for (size_t i = 0; i < CUT_ARRAY_LEN(w->triggers); i++)
		w->triggers[i] = (struct cut_trigger){
			.id = i == 0   ? "high"
			      : i == 1 ? "note"
				       : "shadow",
			.every = CUT_SECOND,
			.max_age = 2 * CUT_SECOND,
			.bad = {.kind = CUT_BOUND_ABOVE, .high = 0.05},
			.for_time = 2 * CUT_SECOND,
			.from = SHIFT,
			.until = CUT_NONE,
			.max_gap = 2 * CUT_SECOND,
			.blind_after = CUT_MINUTE,
			.then = i == 1 ? CUT_THEN_NOTIFY : CUT_THEN_ROLLBACK,
			.shadow = i == 2,
		};
	w->rb = (struct cut_runbook){.steps = w->steps,
				     .steps_len = STEPS,
				     .phases = w->phases,
				     .phases_len = 3,
				     .forward_len = 1,
				     .metrics = &w->metric,
				     .metrics_len = 1,
				     .triggers = w->triggers,
				     .triggers_len = 1};
	w->last = json_object();
}

static void world_done(struct world *w)
{
	cut_watch_free(w->watch);
	cut_buf_done(&w->log);
	json_decref(w->last);
}

/* Logs the events, and remembers them as the journal would. */
static void take(struct world *w, struct cut_watch_events *events)
{
	cut_vec_foreach (events, ev) {
		bool trigger = ev->type == CUT_EV_TRIGGER;
		const char *id = trigger ? w->triggers[ev->trigger.trigger].id
					 : w->phases[ev->acceptance.phase].id;
		unsigned state =
			trigger ? (unsigned)ev->trigger.state : (unsigned)ev->acceptance.state;

		cut_buf_printf(&w->log, "%g %s %s%s\n", (double)ev->t / CUT_SECOND, id,
			       trigger ? cut_trigger_moves[state].name
				       : cut_acceptance_moves[state].name,
			       !trigger && ev->acceptance.want_tests ? "+tests" : "");
		json_object_set_new(
			w->last, id,
			json_pack("{s:i, s:O}", "state", (int)state, "memory",
				  trigger ? ev->trigger.memory : ev->acceptance.memory));
	}
	cut_watch_events_clear(events);
}

static void update(struct world *w, cut_time t)
{
	struct cut_watch_events events = {0};

	if (!w->watch)
		w->watch = cut_watch_new(&w->rb);
	cut_watch_update(w->watch, &w->run, t, t, &events);
	take(w, &events);
}

static void sample(struct world *w, cut_time t, double value)
{
	struct cut_watch_events events = {0};
	struct cut_sample s = {.value = value, .n = NAN, .at = CUT_NEVER};

	cut_watch_sample(w->watch, &w->run, 0, &s, t, t, &events);
	take(w, &events);
}

static void samples(struct world *w, cut_time from, cut_time to, double value)
{
	for (cut_time t = from; t <= to; t += CUT_SECOND)
		sample(w, t, value);
}

static void start(struct world *w)
{
	w->run.state = CUT_RUN_RUNNING;
	w->run.steps[PREPARE] = CUT_STEP_RUNNING;
	update(w, 0);
}

static void shift(struct world *w, cut_time t)
{
	w->run.steps[SHIFT] = CUT_STEP_RUNNING;
	update(w, t);
}

static void finish_stage(struct world *w, cut_time t)
{
	w->run.steps[SHIFT] = CUT_STEP_SUCCEEDED;
	w->run.stage_done = true;
	w->run.done_at = t;
	update(w, t);
}

static void expect(struct world *w, const char *log)
{
	assert_string_equal(cut_buf_str(&w->log), log);
	cut_buf_reset(&w->log);
}

static void test_a_trigger_is_armed_from_the_start_of_its_step_to_the_acceptance(void **state)
{
	struct world w;

	world_init(&w);
	start(&w);
	sample(&w, CUT_SECOND, 0.5);
	expect(&w, "");
	shift(&w, 2 * CUT_SECOND);
	expect(&w, "2 high clear\n");
	sample(&w, 3 * CUT_SECOND, 0.5);
	sample(&w, 4 * CUT_SECOND, 0.01);
	expect(&w, "3 high pending\n4 high clear\n");
	w.run.stage_phase = CUT_NONE; /* accepted */
	update(&w, 5 * CUT_SECOND);
	expect(&w, "5 high disarmed\n");
	sample(&w, 6 * CUT_SECOND, 0.5);
	expect(&w, "");
	world_done(&w);
}

static void test_a_trigger_without_from_is_armed_with_the_run(void **state)
{
	struct world w;

	world_init(&w);
	w.triggers[0].from = CUT_NONE;
	w.triggers[0].until = SHIFT;
	start(&w);
	expect(&w, "0 high clear\n");
	w.run.state = CUT_RUN_PAUSED;
	sample(&w, CUT_SECOND, 0.5);
	expect(&w, "1 high pending\n");
	w.run.steps[SHIFT] = CUT_STEP_SUCCEEDED;
	update(&w, 2 * CUT_SECOND);
	expect(&w, "2 high disarmed\n");
	world_done(&w);
}

static void test_latched_stays_when_the_run_closes(void **state)
{
	struct world w;

	world_init(&w);
	w.rb.triggers_len = 2;
	start(&w);
	shift(&w, 0);
	expect(&w, "0 high clear\n0 note clear\n");
	samples(&w, 0, 2 * CUT_SECOND, 0.5);
	expect(&w, "0 high pending\n0 note pending\n1 high pending\n1 note pending\n"
		   "2 high firing\n2 note firing\n");
	w.run.state = CUT_RUN_CLOSING;
	update(&w, 3 * CUT_SECOND);
	expect(&w, "3 note disarmed\n");
	w.run.state = CUT_RUN_ROLLED_BACK;
	update(&w, 4 * CUT_SECOND);
	sample(&w, 4 * CUT_SECOND, 0.5);
	expect(&w, "");
	world_done(&w);
}

static void test_past_the_point_of_no_return_a_rollback_trigger_may_clear_again(void **state)
{
	struct world w;

	world_init(&w);
	w.run.past_return = true;
	start(&w);
	shift(&w, 0);
	samples(&w, 0, 2 * CUT_SECOND, 0.5);
	sample(&w, 3 * CUT_SECOND, 0.01);
	expect(&w, "0 high clear\n0 high pending\n1 high pending\n2 high firing\n3 high clear\n");
	world_done(&w);
}

static void test_a_clean_stage_is_accepted(void **state)
{
	struct world w;

	world_init(&w);
	start(&w);
	shift(&w, 0);
	finish_stage(&w, 10 * CUT_SECOND);
	expect(&w, "0 high clear\n10 switch settling\n10 switch running\n");
	assert_int_equal(cut_watch_wake(w.watch), 15 * CUT_SECOND);
	samples(&w, 10 * CUT_SECOND, 15 * CUT_SECOND, 0.01);
	expect(&w, "15 switch met\n15 switch accepted\n");
	world_done(&w);
}

static void test_a_pending_trigger_suspends_and_a_bad_sample_restarts(void **state)
{
	struct world w;

	world_init(&w);
	start(&w);
	shift(&w, 0);
	finish_stage(&w, 0);
	samples(&w, 0, 3 * CUT_SECOND, 0.01);
	sample(&w, 4 * CUT_SECOND, 0.5);
	expect(&w, "0 high clear\n0 switch settling\n0 switch running\n4 high pending\n"
		   "4 switch running\n4 switch suspended\n");
	samples(&w, 5 * CUT_SECOND, 10 * CUT_SECOND, 0.01);
	expect(&w, "5 high clear\n5 switch running\n10 switch met\n10 switch accepted\n");
	world_done(&w);
}

static void test_a_blind_trigger_suspends_the_acceptance(void **state)
{
	struct world w;

	world_init(&w);
	start(&w);
	shift(&w, 0);
	finish_stage(&w, 0);
	samples(&w, 0, 3 * CUT_SECOND, 0.01);
	cut_buf_reset(&w.log);
	update(&w, 3 * CUT_SECOND + w.rb.triggers[0].blind_after);
	assert_non_null(strstr(cut_buf_str(&w.log), " high blind\n"));
	assert_non_null(strstr(cut_buf_str(&w.log), " switch suspended\n"));
	world_done(&w);
}

static void test_a_failure_past_the_point_of_no_return_starts_over_once_people_went_on(void **state)
{
	struct world w;

	world_init(&w);
	w.phases[0].acceptance.on_bad = CUT_BAD_FAIL;
	w.run.past_return = true;
	start(&w);
	shift(&w, 0);
	finish_stage(&w, 0);
	sample(&w, CUT_SECOND, 0.5);
	expect(&w, "0 high clear\n0 switch settling\n0 switch running\n1 high pending\n"
		   "1 switch failed\n");
	w.run.state = CUT_RUN_PAUSED;
	sample(&w, 2 * CUT_SECOND, 0.01);
	expect(&w, "2 high clear\n");
	w.run.state = CUT_RUN_RUNNING;
	update(&w, 3 * CUT_SECOND);
	samples(&w, 3 * CUT_SECOND, 8 * CUT_SECOND, 0.01);
	expect(&w, "3 switch settling\n3 switch running\n8 switch met\n8 switch accepted\n");
	world_done(&w);
}

static void test_a_shadow_trigger_does_everything_but_act(void **state)
{
	struct world w;

	world_init(&w);
	w.triggers[0].shadow = true;
	start(&w);
	shift(&w, 0);
	finish_stage(&w, 0);
	samples(&w, 0, 5 * CUT_SECOND, 0.5);
	expect(&w, "0 high clear\n0 switch settling\n0 switch running\n0 high pending\n"
		   "1 high pending\n2 high firing\n5 switch met\n5 switch accepted\n");
	world_done(&w);
}

static void test_tests_are_asked_for_and_their_end_is_seen(void **state)
{
	struct world w;

	world_init(&w);
	w.phases[0].acceptance.tests = 1;
	start(&w);
	shift(&w, 0);
	finish_stage(&w, 0);
	samples(&w, 0, 5 * CUT_SECOND, 0.01);
	expect(&w, "0 high clear\n0 switch settling\n0 switch running\n5 switch running+tests\n");
	w.run.tests_done = w.run.tests_ok = true;
	update(&w, 5 * CUT_SECOND);
	expect(&w, "5 switch running\n5 switch met\n5 switch accepted\n");
	world_done(&w);
}

static void test_acceptance_rests_while_the_run_rolls_back(void **state)
{
	struct world w;

	world_init(&w);
	start(&w);
	shift(&w, 0);
	finish_stage(&w, 0);
	expect(&w, "0 high clear\n0 switch settling\n0 switch running\n");
	w.run.state = CUT_RUN_ROLLING_BACK;
	update(&w, CUT_SECOND);
	assert_int_equal(cut_watch_wake(w.watch), CUT_MINUTE); /* blindness alone */
	samples(&w, 2 * CUT_SECOND, 20 * CUT_SECOND, 0.01);
	expect(&w, "");
	world_done(&w);
}

/* What a resume does: a new watch, fed the last records, then the gap. */
static void restart(struct world *w, cut_time t, cut_time gap)
{
	struct cut_event resumed = {
		.type = CUT_EV_RESUMED, .t = t, .wall = t, .resumed = {.gap = gap}};
	struct cut_err err = {0};
	const char *id;
	json_t *last;

	cut_watch_free(w->watch);
	w->watch = cut_watch_new(&w->rb);
	json_object_foreach (w->last, id, last) {
		struct cut_event ev = {.t = t, .wall = t};
		int state = (int)cut_json_int(last, "state", 0);

		if (strcmp(id, "switch") == 0) {
			ev.type = CUT_EV_ACCEPTANCE;
			ev.acceptance.memory = json_object_get(last, "memory");
		} else {
			ev.type = CUT_EV_TRIGGER;
			ev.trigger.trigger = strcmp(id, "note") == 0;
			ev.trigger.state = (enum cut_trigger_state)state;
			ev.trigger.value = NAN;
			ev.trigger.memory = json_object_get(last, "memory");
		}
		assert_int_equal(cut_watch_restore(w->watch, &ev, &err), 0);
	}
	assert_int_equal(cut_watch_restore(w->watch, &resumed, &err), 0);
	update(w, t);
}

static void test_a_restart_goes_on_where_the_records_end(void **state)
{
	struct world w;

	world_init(&w);
	start(&w);
	shift(&w, 0);
	samples(&w, 0, CUT_SECOND, 0.5);
	expect(&w, "0 high clear\n0 high pending\n1 high pending\n");
	restart(&w, 20 * CUT_SECOND, 19 * CUT_SECOND);
	expect(&w, "");
	samples(&w, 21 * CUT_SECOND, 22 * CUT_SECOND, 0.5);
	expect(&w, "21 high pending\n22 high firing\n");
	world_done(&w);
}

static void test_a_long_absence_resets_pending_and_says_so(void **state)
{
	struct world w;

	world_init(&w);
	start(&w);
	shift(&w, 0);
	sample(&w, 0, 0.5);
	expect(&w, "0 high clear\n0 high pending\n");
	restart(&w, CUT_HOUR, CUT_HOUR);
	expect(&w, "3600 high clear\n");
	restart(&w, CUT_HOUR, 0);
	expect(&w, "");
	world_done(&w);
}

static void test_the_acceptance_clock_survives_a_restart_without_the_gap(void **state)
{
	struct world w;
	struct cut_acceptance_view view;

	world_init(&w);
	w.phases[0].acceptance.clean_for = 20 * CUT_SECOND;
	start(&w);
	shift(&w, 0);
	finish_stage(&w, 0);
	samples(&w, 0, 12 * CUT_SECOND, 0.01);
	expect(&w, "0 high clear\n0 switch settling\n0 switch running\n10 switch running\n");
	restart(&w, 100 * CUT_SECOND, 88 * CUT_SECOND);
	cut_watch_acceptance(w.watch, &view);
	assert_int_equal(view.clean, 10 * CUT_SECOND);
	samples(&w, 100 * CUT_SECOND, 110 * CUT_SECOND, 0.01);
	expect(&w, "110 switch met\n110 switch accepted\n");
	world_done(&w);
}

static void test_a_trigger_stays_armed_while_the_run_rolls_back(void **state)
{
	struct world w;

	world_init(&w);
	start(&w);
	shift(&w, 0);
	expect(&w, "0 high clear\n");
	w.run.state = CUT_RUN_ROLLING_BACK;
	w.run.stage_phase = CUT_NONE; /* nothing is accepted any more */
	update(&w, CUT_SECOND);
	samples(&w, 2 * CUT_SECOND, 5 * CUT_SECOND, 0.5); /* not each: the disk may be full */
	expect(&w, "2 high pending\n4 high firing\n");
	w.run.state = CUT_RUN_CLOSING;
	update(&w, 6 * CUT_SECOND);
	expect(&w, "");
	w.triggers[0].then = CUT_THEN_NOTIFY;
	update(&w, 7 * CUT_SECOND);
	expect(&w, "7 high disarmed\n");
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_trigger_is_armed_from_the_start_of_its_step_to_the_acceptance),
		cmocka_unit_test(test_a_trigger_without_from_is_armed_with_the_run),
		cmocka_unit_test(test_latched_stays_when_the_run_closes),
		cmocka_unit_test(
			test_past_the_point_of_no_return_a_rollback_trigger_may_clear_again),
		cmocka_unit_test(test_a_clean_stage_is_accepted),
		cmocka_unit_test(test_a_pending_trigger_suspends_and_a_bad_sample_restarts),
		cmocka_unit_test(test_a_blind_trigger_suspends_the_acceptance),
		cmocka_unit_test(
			test_a_failure_past_the_point_of_no_return_starts_over_once_people_went_on),
		cmocka_unit_test(test_a_shadow_trigger_does_everything_but_act),
		cmocka_unit_test(test_tests_are_asked_for_and_their_end_is_seen),
		cmocka_unit_test(test_acceptance_rests_while_the_run_rolls_back),
		cmocka_unit_test(test_a_restart_goes_on_where_the_records_end),
		cmocka_unit_test(test_a_long_absence_resets_pending_and_says_so),
		cmocka_unit_test(test_the_acceptance_clock_survives_a_restart_without_the_gap),
		cmocka_unit_test(test_a_trigger_stays_armed_while_the_run_rolls_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
