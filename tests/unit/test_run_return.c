/* SPDX-License-Identifier: Apache-2.0 */
/* Past the point of no return: whatever would roll a run back holds it instead, and says so; and
 * what a person who goes back all the same finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>

#include "tests/lib/world.h"

/* The window closes 30 s after the start. */
#define RETURN                                                                                     \
	"metrics: {errors: {uses: t.m, every: 1s}}\n"                                              \
	"triggers:\n"                                                                              \
	"  - {id: other, metric: errors, bad: {above: 5%}}\n"                                      \
	"  - {id: back, metric: errors, bad: {above: 5%}}\n"                                       \
	"downtime:\n"                                                                              \
	"  - {id: whole, from: a, to: c, on_limit: rollback}\n"                                    \
	"  - {id: short, from: a, to: c, limit: 10s, on_limit: rollback}\n"                        \
	"phases:\n"                                                                                \
	"  - id: one\n"                                                                            \
	"    point_of_no_return: true\n"                                                           \
	"    window: {opens: 2025-11-22T19:00:00Z, closes: 2025-11-22T20:00:30Z, on_overrun: "     \
	"rollback}\n"                                                                              \
	"    steps: [{id: a, uses: t.write}, {id: b, uses: t.read, on_failure: rollback}, "        \
	"{id: c, uses: t.read}]\n"                                                                 \
	"    acceptance: {clean_for: 1m, tests: [{uses: t.read}]}\n"

static struct world *past_return(void)
{
	struct world *w = world_new(RETURN);

	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	return w;
}

static void test_a_trigger_holds_past_the_point_of_no_return(void **state)
{
	struct world *w = past_return();

	world_trigger(w, "back", CUT_TRIGGER_FIRING);
	world_at(w, 0);
	expect_trace(w, "[     0] run paused: trigger back: 7 % > 5 %; a was the point of no "
			"return, so nothing is undone by itself; next: cutover resume to go on; "
			"cutover rollback --accept-loss undoes what came before a too\n");
	world_free(w);
}

static void test_a_failed_step_holds_past_the_point_of_no_return(void **state)
{
	struct world *w = past_return();

	world_fail(w, "b");
	expect_trace(w, "[     0] b failed: broken\n"
			"         run paused: step b: broken; a was the point of no return, so "
			"nothing is undone by itself; next: cutover retry b, cutover skip b "
			"--reason TEXT, or cutover attest b --applied; cutover rollback "
			"--accept-loss undoes what came before a too\n");
	world_free(w);
}

static void test_a_downtime_limit_and_the_window_hold_past_the_point_of_no_return(void **state)
{
	struct world *w = past_return();
	cut_time elapsed = 77;
	bool running = false;

	world_at(w, 31000);
	expect_trace(
		w, "[ 10000] run paused: downtime short: short has passed its limit of 10s; a was "
		   "the point of no return, so nothing is undone by itself; next: cutover resume "
		   "to go on; cutover rollback --accept-loss undoes what came before a too\n"
		   "[ 30000] run paused: window one: the window has closed at "
		   "2025-11-22T20:00:30.000Z and nothing is accepted; a was the point of no "
		   "return, so nothing is undone by itself; next: cutover resume to go on; cutover "
		   "rollback --accept-loss undoes what came before a too\n");
	assert_true(cut_run_downtime(world_run(w), 0, 31000, &running, &elapsed));
	assert_true(running);
	assert_int_equal(elapsed, 31000); /* without a limit it only counts */
	assert_true(cut_run_downtime(world_run(w), 0, 0, &running, &elapsed));
	assert_int_equal(elapsed, 0);
	world_free(w);
}

static void test_a_failed_acceptance_holds_past_the_point_of_no_return(void **state)
{
	struct world *w = past_return();

	world_ok(w, "b");
	world_ok(w, "c");
	world_accept(w, "one", CUT_ACC_FAILED, false);
	expect_trace(w, "[     0] c: apply 1\n"
			"         run paused: acceptance one: so it is; a was the point of no "
			"return, so nothing is undone by itself; next: cutover resume to go on; "
			"cutover rollback --accept-loss undoes what came before a too\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_trigger_holds_past_the_point_of_no_return),
		cmocka_unit_test(test_a_failed_step_holds_past_the_point_of_no_return),
		cmocka_unit_test(
			test_a_downtime_limit_and_the_window_hold_past_the_point_of_no_return),
		cmocka_unit_test(test_a_failed_acceptance_holds_past_the_point_of_no_return),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
