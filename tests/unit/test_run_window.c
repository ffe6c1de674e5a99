/* SPDX-License-Identifier: Apache-2.0 */
/* The window of a run and of its phases, and waits by the clock on the wall. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/lib/world.h"

static void test_waits_end_at_a_wall_time_even_when_the_clock_jumps(void **state)
{
	struct world *w =
		world_new("steps:\n"
			  "  - {id: a, wait: {until: '2025-11-22T20:01:00Z'}}\n"
			  "  - {id: b, uses: t.read, not_before: '2025-11-22T20:02:00Z'}\n");

	world_start(w);
	assert_int_equal(cut_run_wake(world_run(w)), 60000);
	world_jump(w, 30000);
	assert_int_equal(cut_run_wake(world_run(w)), 30000);
	world_at(w, 100000);
	world_ok(w, "b");
	expect_trace(w, "[     0] run running: started by alice\n"
			"[ 30000] a succeeded\n"
			"[ 90000] b: apply 1\n"
			"[100000] run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_nothing_starts_before_the_window_opens_or_after_it_closes(void **state)
{
	struct world *w = world_new(
		"window: {opens: '2025-11-22T20:01:00Z', closes: '2025-11-22T20:03:00Z'}\n"
		"steps:\n"
		"  - {id: a, uses: t.read}\n"
		"  - {id: b, uses: t.read}\n");

	world_start(w);
	world_at(w, 200000);
	world_ok(w, "a");
	world_order(w, CUT_ORDER_RESUME, NULL, NULL);
	world_ok(w, "b");
	expect_trace(
		w,
		"[     0] run running: started by alice\n"
		"         run paused: the window opens at 2025-11-22T20:01:00.000Z and nothing "
		"starts before; next: it goes on by itself when the window opens; cutover resume "
		"to start outside the window\n"
		"[ 60000] run running: the holds are gone, the run goes on\n"
		"         a: apply 1\n"
		"[180000] run paused: the window has closed at 2025-11-22T20:03:00.000Z before it "
		"was done; next: cutover resume to go on outside the window, or cutover rollback\n"
		"[200000] run running: the holds are gone, the run goes on\n"
		"         b: apply 1\n"
		"         run closing: all steps are done\n"
		"         run done: all steps are done\n"
		"         end, exit code 0\n");
	world_free(w);
}

static void test_a_window_overridden_when_armed_holds_nothing_back(void **state)
{
	struct world *w = world_new(
		"window: {opens: '2025-11-22T20:01:00Z', closes: '2025-11-22T20:03:00Z'}\n"
		"steps: [{id: a, uses: t.read}]\n");

	world_armed(w, "{\"override_window\": \"agreed\"}");
	world_start(w);
	world_at(w, 200000);
	world_ok(w, "a");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1\n"
			"[200000] run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_an_overrun_of_the_window_rolls_back_where_it_says_so(void **state)
{
	struct world *w =
		world_new("window: {opens: '2025-11-22T19:01:00Z', closes: '2025-11-22T20:03:00Z', "
			  "on_overrun: rollback}\n"
			  "steps: [{id: a, uses: t.write}, {id: b, wait: 1h}]\n");

	world_start(w);
	world_ok(w, "a");
	world_at(w, 200000);
	world_ok(w, "a");
	expect_trace(
		w,
		"[     0] run running: started by alice\n"
		"         a: apply 1, after its intent\n"
		"         a succeeded\n"
		"[180000] run rolling_back: window main: the window has closed at "
		"2025-11-22T20:03:00.000Z before it was done; rolling back 1 step, traffic first\n"
		"         b failed: the run stopped before it was over\n"
		"         a: rollback 1, after its intent\n"
		"[200000] a rolled_back\n"
		"         run closing: everything is undone\n"
		"         run rolled_back: everything is undone\n"
		"         end, exit code 4\n");
	world_free(w);
}

static void test_an_overrun_that_is_to_go_on_starts_what_is_left(void **state)
{
	struct world *w =
		world_new("window: {opens: '2025-11-22T19:01:00Z', closes: '2025-11-22T20:03:00Z', "
			  "on_overrun: continue}\n"
			  "steps: [{id: a, uses: t.read}, {id: b, uses: t.read}]\n");

	world_start(w);
	world_at(w, 200000);
	world_forget(w);
	world_ok(w, "a");
	expect_trace(w, "[200000] b: apply 1\n");
	world_free(w);
}

static void test_a_window_closes_only_on_the_phase_that_it_is_for(void **state)
{
	static const char *const books[] = {
		"phases:\n"
		"  - {id: one, window: {closes: '2025-11-22T20:03:00Z'},\n"
		"     steps: [{id: a, uses: t.read}]}\n"
		"  - {id: two, steps: [{id: b, uses: t.read}]}\n",
		"phases:\n"
		"  - {id: one, steps: [{id: a, uses: t.read}, {id: b, uses: t.read}]}\n"
		"  - {id: two, window: {closes: '2025-11-22T20:03:00Z'},\n"
		"     steps: [{id: c, uses: t.read}]}\n",
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(books); i++) {
		struct world *w = world_new(books[i]);

		world_start(w);
		world_ok(w, "a");
		world_forget(w);
		world_at(w, 200000);
		expect_trace(w, "");
		world_free(w);
	}
}

static void test_until_holds_when_the_phase_is_done(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - {id: one, steps: [{id: a, uses: t.read}]}\n"
				    "  - {id: two, steps: [{id: b, uses: t.read}]}\n");

	world_armed(w, "{\"until\": \"one\"}");
	world_start(w);
	world_ok(w, "a");
	world_at(w, 1000);
	world_order(w, CUT_ORDER_RESUME, NULL, NULL);
	world_ok(w, "b");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1\n"
			"         run paused: one is done and the run was to go until here; next: "
			"cutover resume to go on, or cutover rollback\n"
			"[  1000] run running: the holds are gone, the run goes on\n"
			"         b: apply 1\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_phase_waits_for_its_not_before(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - {id: one, not_before: '2025-11-22T20:00:10Z', steps: "
				    "[{id: a, uses: t.read}]}\n");

	world_start(w);
	world_at(w, 11000);
	world_ok(w, "a");
	expect_trace(w, "[     0] run running: started by alice\n"
			"[ 10000] a: apply 1\n"
			"[ 11000] run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_end_at_a_wall_time_even_when_the_clock_jumps),
		cmocka_unit_test(test_nothing_starts_before_the_window_opens_or_after_it_closes),
		cmocka_unit_test(test_a_window_overridden_when_armed_holds_nothing_back),
		cmocka_unit_test(test_an_overrun_of_the_window_rolls_back_where_it_says_so),
		cmocka_unit_test(test_an_overrun_that_is_to_go_on_starts_what_is_left),
		cmocka_unit_test(test_a_window_closes_only_on_the_phase_that_it_is_for),
		cmocka_unit_test(test_until_holds_when_the_phase_is_done),
		cmocka_unit_test(test_a_phase_waits_for_its_not_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
