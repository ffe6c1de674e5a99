/* SPDX-License-Identifier: Apache-2.0 */
/* Which step starts when: the graph, limits, waits, windows, and values from one step to the next.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/lib/world.h"

static void test_a_chain_runs_in_order_and_only_writers_have_an_intent(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.saves}\n"
				    "  - {id: b, uses: t.read}\n"
				    "  - {id: c, uses: check, with: {that: 1 == 1}}\n");

	world_start(w);
	world_at(w, 100);
	world_ok(w, "a");
	world_at(w, 200);
	world_ok(w, "a");
	world_at(w, 300);
	world_ok(w, "b");
	world_at(w, 400);
	world_ok(w, "c");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"[   100] a: verify 1\n"
			"[   200] a succeeded\n"
			"         b: apply 1\n"
			"[   300] c: check 1\n"
			"[   400] run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_phases_are_barriers_and_parallel_steps_start_together(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: one\n"
				    "    order: parallel\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.read}\n"
				    "      - {id: b, uses: t.read}\n"
				    "      - {id: c, uses: t.read, needs: [a]}\n"
				    "  - id: two\n"
				    "    steps:\n"
				    "      - {id: d, uses: t.read}\n");

	world_start(w);
	world_ok(w, "b");
	world_ok(w, "a");
	world_at(w, 50);
	world_ok(w, "c");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1\n"
			"         b: apply 1\n"
			"         c: apply 1\n"
			"[    50] d: apply 1\n");
	world_free(w);
}

static void test_a_phase_starts_no_more_than_max_parallel_in_the_order_of_the_file(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: one\n"
				    "    order: parallel\n"
				    "    max_parallel: 2\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.read}\n"
				    "      - {id: b, uses: t.read}\n"
				    "      - {id: c, uses: t.read}\n"
				    "      - {id: d, uses: t.read}\n");
	struct cut_step_view view;

	world_start(w);
	cut_run_step_view(world_run(w), world_step(w, "c"), &view);
	assert_int_equal(view.state, CUT_STEP_READY);
	assert_string_equal(view.reason, "parallel limit");
	world_at(w, 10);
	world_ok(w, "b");
	world_at(w, 20);
	world_ok(w, "a");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1\n"
			"         b: apply 1\n"
			"[    10] c: apply 1\n"
			"[    20] d: apply 1\n");
	world_free(w);
}

static void test_instances_of_a_foreach_run_one_after_the_other(void **state)
{
	struct world *w =
		world_new("steps:\n"
			  "  - id: ladder\n"
			  "    foreach: {items: [5, 25], as: share}\n"
			  "    steps:\n"
			  "      - {id: shift, uses: t.traffic, with: {value: '${{ share }}'}}\n"
			  "      - {id: bake, wait: 5s}\n");

	world_start(w);
	world_at(w, 100);
	world_ok(w, "ladder/5/shift");
	world_at(w, 6000);
	world_ok(w, "ladder/25/shift");
	world_at(w, 20000);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         ladder/5/shift: apply 1, after its intent value=5\n"
			"[   100] ladder/5/shift succeeded\n"
			"[  5100] ladder/5/bake succeeded\n"
			"         ladder/25/shift: apply 1, after its intent value=25\n"
			"[  6000] ladder/25/shift succeeded\n"
			"[ 11000] ladder/25/bake succeeded\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_foreach_with_max_parallel_two_keeps_two_instances_going(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - id: each\n"
				    "    foreach: {items: [1, 2, 3], max_parallel: 2}\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.read}\n"
				    "      - {id: b, uses: t.read}\n"
				    "  - {id: last, uses: t.read}\n");

	world_start(w);
	world_ok(w, "each/2/a");
	world_at(w, 10);
	world_ok(w, "each/2/b");
	world_at(w, 20);
	world_ok(w, "each/1/a");
	world_ok(w, "each/1/b");
	world_ok(w, "each/3/a");
	world_ok(w, "each/3/b");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         each/1/a: apply 1\n"
			"         each/2/a: apply 1\n"
			"         each/2/b: apply 1\n"
			"[    10] each/3/a: apply 1\n"
			"[    20] each/1/b: apply 1\n"
			"         each/3/b: apply 1\n"
			"         last: apply 1\n");
	world_free(w);
}

static void test_a_step_whose_condition_is_false_is_skipped_and_satisfies_needs(void **state)
{
	struct world *w = world_new(
		"steps:\n"
		"  - {id: a, uses: t.get}\n"
		"  - {id: b, uses: t.write, if: 'steps.a.outputs.old > duration(\"1m\")'}\n"
		"  - id: g\n"
		"    if: 'steps.b.state == \"succeeded\"'\n"
		"    steps: [{id: c, uses: t.read}]\n"
		"  - {id: d, uses: t.read}\n");

	world_start(w);
	world_outcome(w, "a", CUT_OK, NULL, "{\"old\": 30}");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1\n"
			"         b skipped: its condition is false\n"
			"         c skipped: its condition is false\n"
			"         d: apply 1\n");
	world_free(w);
}

static void test_outputs_go_into_parameters_and_lengths_of_waits(void **state)
{
	struct world *w = world_new(
		"steps:\n"
		"  - {id: ttl, uses: t.get}\n"
		"  - {id: b, uses: t.write, with: {value: 'was ${{ steps.ttl.outputs.old }}'}}\n"
		"  - {id: c, wait: {for: '${{ steps.ttl.outputs.old }}', since: ttl}}\n");

	world_start(w);
	world_at(w, 1000);
	world_outcome(w, "ttl", CUT_OK, NULL, "{\"old\": 30}");
	world_at(w, 11000);
	world_ok(w, "b");
	world_at(w, 60000);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         ttl: apply 1\n"
			"[  1000] b: apply 1, after its intent value=was 30s\n"
			"[ 11000] b succeeded\n"
			"[ 31000] c succeeded\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_value_that_cannot_be_computed_fails_the_step_with_the_reason(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: ttl, uses: t.get}\n"
				    "  - {id: b, uses: t.write, retry: {limit: 3}, "
				    "with: {value: '${{ steps.ttl.outputs.old }}'}}\n");

	world_start(w);
	world_ok(w, "ttl");
	expect_trace(w,
		     "[     0] run running: started by alice\n"
		     "         ttl: apply 1\n"
		     "         b failed: its parameters cannot be made: value: no such key: old\n"
		     "         run paused: b failed: its parameters cannot be made: value: no such "
		     "key: old; next: cutover retry b, cutover skip b --reason TEXT, cutover "
		     "attest b --applied (fixed by hand), or cutover rollback\n");
	world_free(w);
}

static void test_a_poll_is_one_attempt_left_to_the_driver(void **state)
{
	struct world *w =
		world_new("steps: [{id: a, uses: t.read, poll: {every: 1s, limit: 5}}]\n");

	world_start(w);
	world_ok(w, "a");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, polling\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_named_locks_let_one_step_in_at_a_time(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: one\n"
				    "    order: parallel\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.read, locks: [zone]}\n"
				    "      - {id: b, uses: t.read, locks: [zone, edge]}\n"
				    "      - {id: c, uses: t.read, locks: [edge]}\n"
				    "      - {id: d, uses: t.read, locks: [zone]}\n");
	struct cut_step_view view;

	world_start(w);
	cut_run_step_view(world_run(w), world_step(w, "b"), &view);
	assert_string_equal(view.reason, "lock zone");
	world_at(w, 10);
	world_ok(w, "a");
	world_at(w, 20);
	world_ok(w, "d");
	world_at(w, 30);
	world_ok(w, "c");
	world_at(w, 40);
	world_ok(w, "b");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1\n"
			"         c: apply 1\n"
			"[    10] d: apply 1\n"
			"[    30] b: apply 1\n"
			"[    40] run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_clean_wait_starts_again_once_every_trigger_is_clear(void **state)
{
	struct world *w =
		world_new("metrics: {errors: {uses: t.m, every: 1s}}\n"
			  "triggers: [{id: high, metric: errors, bad: {above: 5%}, then: notify}]\n"
			  "steps: [{id: bake, wait: {for: 10s, clean: true}}]\n");

	world_start(w);
	world_at(w, 5000);
	world_trigger(w, "high", CUT_TRIGGER_PENDING);
	world_at(w, 60000);
	world_trigger(w, "high", CUT_TRIGGER_CLEAR);
	world_at(w, 100000);
	expect_trace(w, "[     0] run running: started by alice\n"
			"[ 70000] bake succeeded\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_paused_run_lets_running_steps_and_waits_go_on_but_starts_nothing(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: one\n"
				    "    order: parallel\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.read}\n"
				    "      - {id: b, wait: 5s}\n"
				    "      - {id: c, uses: t.read, needs: [a, b]}\n");

	world_start(w);
	assert_int_equal(world_order(w, CUT_ORDER_PAUSE, NULL, NULL), 0);
	assert_int_equal(cut_run_exit_code(world_run(w)), 3);
	assert_true(world_order(w, CUT_ORDER_PAUSE, NULL, NULL) < 0);
	world_at(w, 100);
	world_ok(w, "a");
	world_at(w, 6000);
	world_order(w, CUT_ORDER_RESUME, NULL, NULL);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1\n"
			"         run paused: alice paused the run; next: cutover resume\n"
			"         refused: the run is paused already\n"
			"[  5000] b succeeded\n"
			"[  6000] run running: the holds are gone, the run goes on\n"
			"         c: apply 1\n");
	assert_true(world_order(w, CUT_ORDER_RESUME, NULL, NULL) < 0);
	expect_trace(w, "[  6000] refused: the run is not paused\n");
	world_free(w);
}

static void test_outcomes_of_nothing_in_flight_are_refused_and_change_nothing(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.write}]\n");
	struct cut_effects effects = {0};
	struct cut_event ev = {.type = CUT_EV_OUTCOME,
			       .outcome = {.attempt = 2, .op = CUT_OP_APPLY}};

	world_start(w);
	assert_true(cut_run_feed(world_run(w), &ev, &effects, NULL) < 0);
	ev.outcome.attempt = 1;
	ev.outcome.op = CUT_OP_ROLLBACK;
	assert_true(cut_run_feed(world_run(w), &ev, &effects, NULL) < 0);
	ev.type = CUT_EV_ARMED;
	assert_true(cut_run_feed(world_run(w), &ev, &effects, NULL) < 0);
	assert_int_equal(effects.len, 0);
	world_ok(w, "a");
	world_free(w);
}

static void test_a_runbook_without_steps_is_done_at_once(void **state)
{
	struct world *w = world_new("steps: []\n");

	world_start(w);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_chain_runs_in_order_and_only_writers_have_an_intent),
		cmocka_unit_test(test_phases_are_barriers_and_parallel_steps_start_together),
		cmocka_unit_test(
			test_a_phase_starts_no_more_than_max_parallel_in_the_order_of_the_file),
		cmocka_unit_test(test_instances_of_a_foreach_run_one_after_the_other),
		cmocka_unit_test(test_a_foreach_with_max_parallel_two_keeps_two_instances_going),
		cmocka_unit_test(
			test_a_step_whose_condition_is_false_is_skipped_and_satisfies_needs),
		cmocka_unit_test(test_outputs_go_into_parameters_and_lengths_of_waits),
		cmocka_unit_test(
			test_a_value_that_cannot_be_computed_fails_the_step_with_the_reason),
		cmocka_unit_test(test_a_poll_is_one_attempt_left_to_the_driver),
		cmocka_unit_test(test_named_locks_let_one_step_in_at_a_time),
		cmocka_unit_test(test_a_clean_wait_starts_again_once_every_trigger_is_clear),
		cmocka_unit_test(
			test_a_paused_run_lets_running_steps_and_waits_go_on_but_starts_nothing),
		cmocka_unit_test(test_outcomes_of_nothing_in_flight_are_refused_and_change_nothing),
		cmocka_unit_test(test_a_runbook_without_steps_is_done_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
