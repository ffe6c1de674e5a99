/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a run: what was temporary, finally, the final state and its exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/lib/world.h"

static void test_temporaries_are_undone_newest_first_then_finally_runs(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write, temporary: true}\n"
				    "  - {id: b, uses: t.write, temporary: true}\n"
				    "  - {id: c, uses: t.write}\n"
				    "finally: [{id: f, uses: t.write}, {id: g, uses: t.read}]\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	assert_true(cut_run_temporary_open(world_run(w), world_step(w, "a")));
	world_ok(w, "c");
	world_at(w, 10);
	world_ok(w, "b");
	world_at(w, 20);
	world_ok(w, "a");
	world_at(w, 30);
	world_ok(w, "f");
	world_ok(w, "g");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a succeeded\n"
			"         b: apply 1, after its intent\n"
			"         b succeeded\n"
			"         c: apply 1, after its intent\n"
			"         c succeeded\n"
			"         run closing: all steps are done\n"
			"         b: rollback 1, after its intent\n"
			"[    10] b rolled_back\n"
			"         a: rollback 1, after its intent\n"
			"[    20] a rolled_back\n"
			"         f: apply 1, after its intent\n"
			"[    30] f succeeded\n"
			"         g: apply 1\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	assert_false(cut_run_temporary_open(world_run(w), world_step(w, "a")));
	world_free(w);
}

static void test_temporaries_are_no_part_of_a_rollback_but_come_after_it(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write, temporary: true}\n"
				    "  - {id: b, uses: t.write}\n"
				    "  - {id: c, wait: 1h}\n"
				    "finally: [{id: f, uses: t.read}]\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_ok(w, "b");
	world_ok(w, "a");
	world_ok(w, "f");
	expect_trace(w, "[     0] run rolling_back: operator: alice ordered it; rolling back 1 "
			"step, traffic first\n"
			"         c failed: the run stopped before it was over\n"
			"         b: rollback 1, after its intent\n"
			"         b rolled_back\n"
			"         run closing: everything is undone\n"
			"         a: rollback 1, after its intent\n"
			"         a rolled_back\n"
			"         f: apply 1\n"
			"         run rolled_back: everything is undone\n"
			"         end, exit code 4\n");
	world_free(w);
}

static void test_a_temporary_step_ends_with_the_step_or_phase_it_names(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: one\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.write, temporary: {until: b}}\n"
				    "      - {id: x, uses: t.write, temporary: {until: one}}\n"
				    "      - {id: b, uses: t.read}\n"
				    "      - {id: c, uses: t.read}\n"
				    "  - {id: two, steps: [{id: d, uses: t.read}]}\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "x");
	world_ok(w, "b");
	world_at(w, 10);
	world_ok(w, "a");
	world_ok(w, "c");
	world_ok(w, "x");
	world_ok(w, "d");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a succeeded\n"
			"         x: apply 1, after its intent\n"
			"         x succeeded\n"
			"         b: apply 1\n"
			"         a: rollback 1, after its intent\n"
			"         c: apply 1\n"
			"[    10] a rolled_back\n"
			"         x: rollback 1, after its intent\n"
			"         d: apply 1\n"
			"         x rolled_back\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_backstop_ends_a_temporary_step_all_the_same(void **state)
{
	struct world *w =
		world_new("steps:\n"
			  "  - {id: a, uses: t.write, temporary: {until: b, backstop: 10m}}\n"
			  "  - {id: b, wait: 1h}\n");

	world_start(w);
	world_at(w, 1000);
	world_ok(w, "a");
	world_at(w, 700000);
	world_ok(w, "a");
	world_at(w, 4000000);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"[  1000] a succeeded\n"
			"[601000] a: rollback 1, after its intent\n"
			"[700000] a rolled_back\n"
			"[3601000] b succeeded\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_what_cannot_be_closed_keeps_the_outcome_and_exits_with_five(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write, temporary: true}\n"
				    "  - {id: b, uses: t.read}\n"
				    "finally: [{id: f, uses: t.read}, {id: g, uses: t.read}]\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	world_fail(w, "a");
	world_fail(w, "f");
	world_ok(w, "g");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a succeeded\n"
			"         b: apply 1\n"
			"         run closing: all steps are done\n"
			"         a: rollback 1, after its intent\n"
			"         a rollback_failed: could not be undone: broken\n"
			"         f: apply 1\n"
			"         f failed: broken\n"
			"         g: apply 1\n"
			"         run done: all steps are done\n"
			"         end, exit code 5\n");
	assert_true(cut_run_unclosed(world_run(w), world_step(w, "a")));
	assert_true(cut_run_unclosed(world_run(w), world_step(w, "f")));
	assert_false(cut_run_unclosed(world_run(w), world_step(w, "g")));
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_DONE);
	world_free(w);
}

static void test_an_abort_undoes_nothing_but_what_is_temporary(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write, temporary: true}\n"
				    "  - {id: b, uses: t.write}\n"
				    "  - {id: c, uses: t.write}\n"
				    "finally: [{id: f, uses: t.read}]\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	world_forget(w);
	world_order(w, CUT_ORDER_ABORT, NULL, NULL);
	world_at(w, 10);
	world_outcome(w, "c", CUT_CANCELED, "killed", NULL);
	world_ok(w, "a");
	world_ok(w, "f");
	expect_trace(w, "[     0] run closing: aborted by alice\n"
			"         c: cancel apply\n"
			"[    10] c failed: stopped: killed\n"
			"         a: rollback 1, after its intent\n"
			"         a rolled_back\n"
			"         f: apply 1\n"
			"         run aborted: aborted by alice\n"
			"         end, exit code 7\n");
	world_free(w);
}

static void test_an_abort_may_keep_what_is_temporary(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write, temporary: true}\n"
				    "  - {id: b, wait: 1h}\n"
				    "finally: [{id: f, uses: t.read}]\n");

	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	world_order(w, CUT_ORDER_ABORT, NULL, "{\"keep_temporary\": true}");
	world_ok(w, "f");
	expect_trace(w, "[     0] run closing: aborted by alice\n"
			"         b failed: the run stopped before it was over\n"
			"         f: apply 1\n"
			"         run aborted: aborted by alice\n"
			"         end, exit code 7\n");
	assert_true(cut_run_temporary_open(world_run(w), world_step(w, "a")));
	world_free(w);
}

static void test_an_armed_run_is_aborted_without_having_begun(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.write}]\n");
	struct cut_run *run = world_run(w);
	json_t *armed = json_pack("{s:s}", "run", "r");
	struct cut_event arm = {.type = CUT_EV_ARMED, .armed = armed};
	struct cut_event abort = {.type = CUT_EV_ORDER, .order = {.order = CUT_ORDER_ABORT}};
	struct cut_effects out = {0};

	assert_int_equal(cut_run_feed(run, &arm, &out, NULL), 0);
	assert_int_equal(cut_run_state(run), CUT_RUN_ARMED);
	assert_int_equal(cut_run_feed(run, &abort, &out, NULL), 0);
	assert_int_equal(cut_run_state(run), CUT_RUN_ABORTED);
	assert_int_equal(cut_run_exit_code(run), 7);
	cut_effects_done(&out);
	json_decref(armed);
	world_free(w);
}

static void test_a_crash_while_closing_goes_on_with_it(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.write, temporary: true}]\n"
				    "finally: [{id: f, uses: t.write}]\n");

	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	world_crash(w);
	world_ok(w, "a");
	world_crash(w);
	world_ok(w, "f");
	expect_trace(w, "[     0] a: rollback 1\n"
			"         a rolled_back\n"
			"         f: apply 1, after its intent\n"
			"         f ready: a new attempt: the engine died while it ran\n"
			"         f: apply 2, after its intent\n"
			"         f succeeded\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_temporaries_are_undone_newest_first_then_finally_runs),
		cmocka_unit_test(test_temporaries_are_no_part_of_a_rollback_but_come_after_it),
		cmocka_unit_test(test_a_temporary_step_ends_with_the_step_or_phase_it_names),
		cmocka_unit_test(test_a_backstop_ends_a_temporary_step_all_the_same),
		cmocka_unit_test(test_what_cannot_be_closed_keeps_the_outcome_and_exits_with_five),
		cmocka_unit_test(test_an_abort_undoes_nothing_but_what_is_temporary),
		cmocka_unit_test(test_an_abort_may_keep_what_is_temporary),
		cmocka_unit_test(test_an_armed_run_is_aborted_without_having_begun),
		cmocka_unit_test(test_a_crash_while_closing_goes_on_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
