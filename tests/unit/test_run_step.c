/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an attempt: retries, verification, failure, and what an operator does about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/lib/world.h"

static void test_a_failed_attempt_is_retried_with_growing_delays(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write, retry: {limit: 2, delay: 4s, "
				    "factor: 2, jitter: false}}\n");

	world_start(w);
	world_fail(w, "a");
	world_at(w, 4000);
	world_fail(w, "a");
	world_at(w, 12000);
	world_fail(w, "a");
	expect_trace(
		w,
		"[     0] run running: started by alice\n"
		"         a: apply 1, after its intent\n"
		"         a ready: try 2 of 3 in 4s: broken\n"
		"[  4000] a: apply 2, after its intent\n"
		"         a ready: try 3 of 3 in 8s: broken\n"
		"[ 12000] a: apply 3, after its intent\n"
		"         a failed: broken\n"
		"         run paused: a failed: broken; next: cutover retry a, cutover skip a "
		"--reason TEXT, cutover attest a --applied (fixed by hand), or cutover rollback\n");
	world_free(w);
}

static void test_who_asks_to_be_left_alone_is_but_no_longer_than_an_attempt_may_take(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.read, timeout: 1m, retry: {limit: 3, "
				    "delay: 4s, factor: 1, jitter: false}}\n");

	world_start(w);
	world_outcome(w, "a", CUT_RETRY, "busy", "{\"retry_after_s\": 30}");
	world_at(w, 30000);
	world_outcome(w, "a", CUT_RETRY, "busy", "{\"retry_after_s\": 3}");
	world_at(w, 34000);
	world_outcome(w, "a", CUT_RETRY, "busy", "{\"retry_after_s\": 61}");
	world_at(w, 38000);
	world_ok(w, "a");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1\n"
			"         a ready: try 2 of 4 in 30s: busy\n"
			"[ 30000] a: apply 2\n"
			"         a ready: try 3 of 4 in 4s: busy\n"
			"[ 34000] a: apply 3\n"
			"         a ready: try 4 of 4 in 4s: busy\n"
			"[ 38000] a: apply 4\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_an_undo_keeps_its_own_pace(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - id: a\n"
				    "    uses: t.write\n"
				    "    rollback: {uses: t.write, retry: {limit: 1, delay: 4s, "
				    "jitter: false}}\n"
				    "  - {id: b, wait: 1h}\n");

	world_start(w);
	world_ok(w, "a");
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_outcome(w, "a", CUT_FAIL, "busy", "{\"retry_after_s\": 30}");
	world_forget(w);
	world_at(w, 4000);
	expect_trace(w, "[  4000] a: rollback 2, after its intent\n");
	world_free(w);
}

static void test_jitter_waits_between_half_the_delay_and_all_of_it_and_always_as_long(void **state)
{
	cut_time first = 0;

	for (int i = 0; i < 2; i++) {
		struct world *w = world_new(
			"steps: [{id: a, uses: t.write, retry: {limit: 1, delay: 10s}}]\n");

		world_start(w);
		world_fail(w, "a");
		assert_in_range(cut_run_wake(world_run(w)), 5000, 10000);
		if (i)
			assert_int_equal(cut_run_wake(world_run(w)), first);
		first = cut_run_wake(world_run(w));
		world_free(w);
	}
}

static void test_a_verify_that_fails_repeats_itself_but_never_the_write(void **state)
{
	struct world *w = world_new(
		"steps:\n"
		"  - id: a\n"
		"    uses: t.saves\n"
		"    retry: {limit: 5}\n"
		"    verify: {uses: t.read, retry: {limit: 1, delay: 1s, jitter: false}}\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "a");
	world_fail(w, "a");
	world_at(w, 1000);
	world_fail(w, "a");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a: verify 1\n"
			"         a: extra verify 1\n"
			"[  1000] a: extra verify 1\n"
			"         a failed: verification failed: broken\n"
			"         run paused: a failed: verification failed: broken; next: cutover "
			"retry a, cutover skip a --reason TEXT, cutover attest a --applied (fixed "
			"by hand), or cutover rollback\n");
	world_free(w);
}

static void test_pause_lets_nothing_new_start_and_hold_only_stops_dependants(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: one\n"
				    "    order: parallel\n"
				    "    max_parallel: 2\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.read, on_failure: hold}\n"
				    "      - {id: b, uses: t.read}\n"
				    "      - {id: c, uses: t.read}\n"
				    "      - {id: d, uses: t.read, needs: [a]}\n");

	world_start(w);
	world_at(w, 10);
	world_fail(w, "a");
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_RUNNING);
	world_at(w, 20);
	world_ok(w, "c");
	world_at(w, 30);
	world_ok(w, "b");
	world_at(w, 40);
	world_order(w, CUT_ORDER_RESUME, NULL, NULL);
	world_order(w, CUT_ORDER_RETRY, "a", NULL);
	world_ok(w, "a");
	world_ok(w, "d");
	expect_trace(
		w,
		"[     0] run running: started by alice\n"
		"         a: apply 1\n"
		"         b: apply 1\n"
		"[    10] a failed: broken\n"
		"         run running: a failed: broken; next: cutover retry a, cutover skip a "
		"--reason TEXT, cutover attest a --applied (fixed by hand), or cutover rollback\n"
		"         c: apply 1\n"
		"[    30] run paused: only held steps are left\n"
		"[    40] refused: the run cannot resume: a decision is open: step a (cutover "
		"retry a, cutover skip a --reason TEXT, cutover attest a --applied (fixed by "
		"hand), or cutover rollback)\n"
		"         a ready: retried by alice\n"
		"         run running: the holds are gone, the run goes on\n"
		"         a: apply 2\n"
		"         d: apply 1\n"
		"         run closing: all steps are done\n"
		"         run done: all steps are done\n"
		"         end, exit code 0\n");
	world_free(w);
}

static void test_continue_counts_as_done(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.read, on_failure: continue}\n"
				    "  - {id: b, uses: t.read}\n");

	world_start(w);
	world_fail(w, "a");
	world_ok(w, "b");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1\n"
			"         a failed: broken\n"
			"         b: apply 1\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_abort_on_failure_ends_as_failed_and_undoes_nothing(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: one\n"
				    "    order: parallel\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.write}\n"
				    "      - {id: b, uses: t.read, on_failure: abort}\n"
				    "      - {id: c, uses: t.write, on_interrupt: wait}\n");

	world_start(w);
	world_fail(w, "b");
	world_at(w, 10);
	world_outcome(w, "a", CUT_CANCELED, "canceled", NULL);
	world_at(w, 20);
	world_ok(w, "c");
	expect_trace(w,
		     "[     0] run running: started by alice\n"
		     "         a: apply 1, after its intent\n"
		     "         b: apply 1\n"
		     "         c: apply 1, after its intent\n"
		     "         b failed: broken\n"
		     "         run closing: b failed: broken\n"
		     "         a: cancel apply\n"
		     "[    10] a failed: stopped: canceled\n"
		     "[    20] c succeeded: ended while the run was being stopped; not verified\n"
		     "         run failed: b failed: broken\n"
		     "         end, exit code 9\n");
	world_free(w);
}

static void test_a_deadline_counts_all_attempts_together(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write, deadline: 10s, retry: {limit: 9, "
				    "delay: 6s, jitter: false}}\n");

	world_start(w);
	world_at(w, 1000);
	world_fail(w, "a");
	world_at(w, 10000);
	world_at(w, 11000);
	world_outcome(w, "a", CUT_CANCELED, "killed", NULL);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"[  1000] a ready: try 2 of 10 in 6s: broken\n"
			"[  7000] a: apply 2, after its intent\n"
			"[ 10000] a: cancel apply\n"
			"[ 11000] a failed: its deadline of all attempts has passed: killed\n"
			"         run paused: a failed: its deadline of all attempts has passed: "
			"killed; next: cutover retry a, cutover skip a --reason TEXT, cutover "
			"attest a --applied (fixed by hand), or cutover rollback\n");
	world_free(w);
}

static void test_an_operator_retries_skips_or_attests_a_failed_step(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.saves}\n"
				    "  - {id: b, uses: t.write}\n"
				    "  - {id: c, uses: t.read}\n");

	world_start(w);
	world_fail(w, "a");
	world_at(w, 10);
	assert_true(world_order(w, CUT_ORDER_ATTEST, "a", NULL) < 0);
	world_order(w, CUT_ORDER_ATTEST, "a", "{\"applied\": true}");
	world_ok(w, "a");
	world_at(w, 20);
	world_fail(w, "b");
	assert_true(world_order(w, CUT_ORDER_SKIP, "b", NULL) < 0);
	assert_true(world_order(w, CUT_ORDER_SKIP, "nosuch", "{\"reason\": \"x\"}") < 0);
	world_order(w, CUT_ORDER_SKIP, "b", "{\"reason\": \"not today\"}");
	world_at(w, 30);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	expect_trace(
		w,
		"[     0] run running: started by alice\n"
		"         a: apply 1, after its intent\n"
		"         a failed: broken\n"
		"         run paused: a failed: broken; next: cutover retry a, cutover skip a "
		"--reason TEXT, cutover attest a --applied (fixed by hand), or cutover rollback\n"
		"[    10] refused: whether a was applied must be said\n"
		"         a: verify 1\n"
		"         run running: the holds are gone, the run goes on\n"
		"         a succeeded\n"
		"         b: apply 1, after its intent\n"
		"[    20] b failed: broken\n"
		"         run paused: b failed: broken; next: cutover retry b, cutover skip b "
		"--reason TEXT, cutover attest b --applied (fixed by hand), or cutover rollback\n"
		"         refused: a skip needs a reason\n"
		"         refused: there is no step nosuch\n"
		"         b skipped: skipped by alice: not today\n"
		"         run running: the holds are gone, the run goes on\n"
		"         c: apply 1\n"
		"[    30] run rolling_back: operator: alice ordered it; rolling back 2 steps, "
		"traffic first\n"
		"         c: cancel apply\n");
	world_free(w);
}

static void test_what_to_do_where_a_step_fails_is_told_with_its_failure(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.read, if_fails: call the bank}]\n");

	world_start(w);
	world_fail(w, "a");
	assert_true(world_saw(w, "; if it fails: call the bank"));
	world_free(w);
}

static void test_a_step_is_skipped_before_its_turn(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.read}\n"
				    "  - {id: b, uses: t.read}\n"
				    "  - {id: c, uses: t.read}\n");

	world_start(w);
	world_order(w, CUT_ORDER_SKIP, "b", "{\"reason\": \"x\"}");
	assert_true(world_order(w, CUT_ORDER_SKIP, "a", "{\"reason\": \"x\"}") < 0);
	world_at(w, 10);
	world_ok(w, "a");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1\n"
			"         b skipped: skipped by alice: x\n"
			"         refused: a is running: there is nothing to skip\n"
			"[    10] c: apply 1\n");
	world_free(w);
}

static void test_a_retry_by_a_person_has_its_deadline_anew(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.write, deadline: 10s}]\n");

	world_start(w);
	world_fail(w, "a");
	world_at(w, 60000);
	world_forget(w);
	world_order(w, CUT_ORDER_RETRY, "a", NULL);
	world_at(w, 71000);
	expect_trace(w, "[ 60000] a ready: retried by alice\n"
			"         run running: the holds are gone, the run goes on\n"
			"         a: apply 2, after its intent\n"
			"[ 70000] a: cancel apply\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_failed_attempt_is_retried_with_growing_delays),
		cmocka_unit_test(
			test_who_asks_to_be_left_alone_is_but_no_longer_than_an_attempt_may_take),
		cmocka_unit_test(test_an_undo_keeps_its_own_pace),
		cmocka_unit_test(
			test_jitter_waits_between_half_the_delay_and_all_of_it_and_always_as_long),
		cmocka_unit_test(test_a_verify_that_fails_repeats_itself_but_never_the_write),
		cmocka_unit_test(test_pause_lets_nothing_new_start_and_hold_only_stops_dependants),
		cmocka_unit_test(test_continue_counts_as_done),
		cmocka_unit_test(test_abort_on_failure_ends_as_failed_and_undoes_nothing),
		cmocka_unit_test(test_a_deadline_counts_all_attempts_together),
		cmocka_unit_test(test_an_operator_retries_skips_or_attests_a_failed_step),
		cmocka_unit_test(test_what_to_do_where_a_step_fails_is_told_with_its_failure),
		cmocka_unit_test(test_a_step_is_skipped_before_its_turn),
		cmocka_unit_test(test_a_retry_by_a_person_has_its_deadline_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
