/* SPDX-License-Identifier: Apache-2.0 */
/* Before traffic goes back to blue: is blue fit to take it? And what resolvers still hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/lib/world.h"

static void test_traffic_goes_back_only_when_blue_is_ready(void **state)
{
	struct world *w = world_new(
		"steps: [{id: a, uses: t.write}, {id: b, uses: t.traffic}, {id: c, wait: 1h}]\n"
		"rollback: {ready: [{uses: t.read}]}\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_ok(w, "rollback/ready/0");
	world_ok(w, "b");
	expect_trace(w, "[     0] run rolling_back: operator: alice ordered it; rolling back 2 "
			"steps, traffic first\n"
			"         c failed: the run stopped before it was over\n"
			"         rollback/ready/0: apply 1\n"
			"         run rolling_back: blue is ready; traffic goes back\n"
			"         b: rollback 1, after its intent\n"
			"         b rolled_back\n"
			"         a: rollback 1, after its intent\n");
	world_free(w);
}

static void test_traffic_is_never_moved_onto_the_worse_side_without_a_person(void **state)
{
	struct world *w = world_new(
		"phases:\n"
		"  - id: one\n"
		"    order: parallel\n"
		"    steps: [{id: a, uses: t.write}, {id: b, uses: t.traffic}, {id: c, wait: 1h}]\n"
		"rollback: {ready: [{uses: t.read}]}\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_ok(w, "a");
	world_fail(w, "rollback/ready/0");
	assert_int_equal(cut_run_exit_code(world_run(w)), 3);
	world_at(w, 10);
	assert_int_equal(world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL), 0);
	world_ok(w, "b");
	expect_trace(w, "[     0] run rolling_back: operator: alice ordered it; rolling back 2 "
			"steps, traffic first\n"
			"         c failed: the run stopped before it was over\n"
			"         a: rollback 1, after its intent\n"
			"         rollback/ready/0: apply 1\n"
			"         a rolled_back\n"
			"         rollback/ready/0 failed: broken\n"
			"         run rolling_back: blue is not fit to take traffic back and "
			"nothing says that green is bad; next: cutover rollback moves traffic to "
			"blue all the same; cutover abort leaves it on green\n"
			"[    10] run rolling_back: the holds are gone, the run goes on\n"
			"         b: rollback 1, after its intent\n"
			"         b rolled_back\n"
			"         run closing: everything is undone\n"
			"         run rolled_back: everything is undone\n"
			"         end, exit code 4\n");
	world_free(w);
}

static void test_an_abort_leaves_traffic_that_is_held_where_it_is(void **state)
{
	struct world *w = world_new("steps: [{id: b, uses: t.traffic}, {id: c, wait: 1h}]\n"
				    "rollback: {ready: [{uses: t.read}]}\n");

	world_start(w);
	world_ok(w, "b");
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_fail(w, "rollback/ready/0");
	world_forget(w);
	assert_int_equal(world_order(w, CUT_ORDER_ABORT, NULL, NULL), 0);
	expect_trace(w, "[     0] run closing: aborted by alice\n"
			"         run rollback_incomplete: aborted by alice\n"
			"         end, exit code 5\n");
	world_free(w);
}

static void test_a_bad_blue_does_not_stop_traffic_when_green_is_bad_too(void **state)
{
	struct world *w = world_new(
		"metrics:\n"
		"  green_errors: {uses: t.m, every: 1s, environment: green}\n"
		"  blue_errors: {uses: t.m, every: 1s, environment: blue}\n"
		"triggers:\n"
		"  - {id: green_bad, metric: green_errors, bad: {above: 5%}}\n"
		"  - {id: blue_bad, metric: blue_errors, bad: {above: 5%}, then: notify}\n"
		"steps: [{id: b, uses: t.traffic}, {id: c, wait: 1h}]\n");

	world_start(w);
	world_ok(w, "b");
	world_forget(w);
	world_trigger(w, "blue_bad", CUT_TRIGGER_FIRING);
	world_trigger(w, "green_bad", CUT_TRIGGER_FIRING);
	world_at(w, 10);
	expect_trace(w, "[     0] run rolling_back: trigger green_bad: 7 % > 5 %; rolling back 1 "
			"step, traffic first\n"
			"         c failed: the run stopped before it was over\n"
			"         run rolling_back: blue may be unfit, but green is bad; traffic "
			"goes back\n"
			"         b: rollback 1, after its intent\n");
	world_free(w);
}

static void test_evidence_that_only_blue_is_bad_holds_the_traffic(void **state)
{
	struct world *w = world_new(
		"metrics:\n"
		"  blue_errors: {uses: t.m, every: 1s, environment: blue}\n"
		"triggers:\n"
		"  - {id: blue_bad, metric: blue_errors, bad: {above: 5%}, then: notify}\n"
		"steps: [{id: b, uses: t.traffic}, {id: c, wait: 1h}]\n");

	world_start(w);
	world_ok(w, "b");
	world_forget(w);
	world_trigger(w, "blue_bad", CUT_TRIGGER_PENDING);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	expect_trace(w, "[     0] run rolling_back: operator: alice ordered it; rolling back 1 "
			"step, traffic first\n"
			"         c failed: the run stopped before it was over\n"
			"         run rolling_back: blue is not fit to take traffic back and "
			"nothing says that green is bad; next: cutover rollback moves traffic to "
			"blue all the same; cutover abort leaves it on green\n");
	world_free(w);
}

static void test_a_ready_check_that_hangs_does_not_keep_users_waiting(void **state)
{
	struct world *w = world_new("steps: [{id: b, uses: t.traffic}, {id: c, wait: 1h}]\n"
				    "rollback: {ready: [{uses: t.read}]}\n");

	world_start(w);
	world_ok(w, "b");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_at(w, 30000);
	world_ok(w, "b");
	world_at(w, 31000);
	world_outcome(w, "rollback/ready/0", CUT_CANCELED, "killed", NULL);
	expect_trace(
		w,
		"[     0] run rolling_back: operator: alice ordered it; rolling back 1 step, "
		"traffic first\n"
		"         c failed: the run stopped before it was over\n"
		"         rollback/ready/0: apply 1\n"
		"[ 30000] run rolling_back: nothing tells whether blue is fit; traffic goes back\n"
		"         rollback/ready/0: cancel apply\n"
		"         b: rollback 1, after its intent\n"
		"         b rolled_back\n"
		"         run closing: everything is undone\n"
		"[ 31000] rollback/ready/0 failed: stopped: killed\n"
		"         run rolled_back: everything is undone\n"
		"         end, exit code 4\n");
	world_free(w);
}

static void test_old_answers_only_delay_the_end_of_the_run(void **state)
{
	struct world *w = world_new("steps: [{id: b, uses: t.traffic}, {id: c, wait: 1h}]\n");

	world_start(w);
	world_outcome(w, "b", CUT_OK, NULL, "{\"tail\": 60}");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_at(w, 1000);
	world_outcome(w, "b", CUT_OK, NULL, "{\"tail\": 2}");
	world_at(w, 9000);
	expect_trace(
		w,
		"[     0] run rolling_back: operator: alice ordered it; rolling back 1 step, "
		"traffic first\n"
		"         c failed: the run stopped before it was over\n"
		"         run rolling_back: nothing tells whether blue is fit; traffic goes back\n"
		"         b: rollback 1, after its intent\n"
		"[  1000] b rolled_back\n"
		"         run rolling_back: service is back; old answers may live until "
		"2025-11-22T20:00:03.000Z\n"
		"[  3000] run closing: everything is undone\n"
		"         run rolled_back: everything is undone\n"
		"         end, exit code 4\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traffic_goes_back_only_when_blue_is_ready),
		cmocka_unit_test(test_traffic_is_never_moved_onto_the_worse_side_without_a_person),
		cmocka_unit_test(test_an_abort_leaves_traffic_that_is_held_where_it_is),
		cmocka_unit_test(test_a_bad_blue_does_not_stop_traffic_when_green_is_bad_too),
		cmocka_unit_test(test_evidence_that_only_blue_is_bad_holds_the_traffic),
		cmocka_unit_test(test_a_ready_check_that_hangs_does_not_keep_users_waiting),
		cmocka_unit_test(test_old_answers_only_delay_the_end_of_the_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
