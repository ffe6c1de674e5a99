/* SPDX-License-Identifier: Apache-2.0 */
/* Groups and phases as barriers: limits, conditions, groups beside the forward phases, needs that
 * reach back into an earlier phase. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/lib/world.h"

static void test_the_limit_of_a_group_lets_its_steps_in_one_after_another(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - id: g\n"
				    "    order: parallel\n"
				    "    max_parallel: 1\n"
				    "    steps: [{id: a, uses: t.write}, {id: b, uses: t.write}, "
				    "{id: c, uses: t.write}]\n");
	struct cut_step_view view;

	world_start(w);
	cut_run_step_view(world_run(w), world_step(w, "c"), &view);
	assert_int_equal(view.state, CUT_STEP_READY);
	assert_string_equal(view.reason, "parallel limit");
	world_ok(w, "a");
	world_ok(w, "b");
	world_ok(w, "c");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a succeeded\n"
			"         b: apply 1, after its intent\n"
			"         b succeeded\n"
			"         c: apply 1, after its intent\n"
			"         c succeeded\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

#define UNKNOWABLE "if: \"steps.r.outputs.old > duration('1s')\""

static void test_a_condition_that_cannot_be_evaluated_fails_what_hangs_on_it(void **state)
{
	struct world *w =
		world_new("steps:\n"
			  "  - {id: r, uses: t.get}\n"
			  "  - {id: s, " UNKNOWABLE ", on_failure: continue, uses: t.read}\n"
			  "  - id: g\n"
			  "    " UNKNOWABLE "\n"
			  "    order: parallel\n"
			  "    steps:\n"
			  "      - {id: a, on_failure: continue, uses: t.read}\n"
			  "      - {id: h, if: \"1 / 0 == 1\", steps: [{id: b, uses: t.read}]}\n");

	world_start(w);
	world_outcome(w, "r", CUT_OK, NULL, "{}");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         r: apply 1\n"
			"         s failed: its condition cannot be evaluated: no such key: old\n"
			"         a failed: its condition cannot be evaluated: of its group: no "
			"such key: old\n"
			"         b failed: its condition cannot be evaluated: of its group: no "
			"such key: old\n"
			"         run paused: b failed: its condition cannot be evaluated: of its "
			"group: no such key: old; next: cutover retry b, cutover skip b --reason "
			"TEXT, cutover attest b --applied (fixed by hand), or cutover rollback\n");
	world_free(w);
}

static void test_groups_among_tests_run_at_each_round_and_in_finally(void **state)
{
	struct world *w = world_new(
		"phases:\n"
		"  - id: one\n"
		"    steps: [{id: a, uses: t.write}]\n"
		"    acceptance: {clean_for: 1m, tests: [{id: g, steps: [{id: x, uses: t.read}, "
		"{id: y, uses: t.read}]}, {id: z, uses: t.read}]}\n"
		"finally: [{id: w, wait: 0s}, {id: f, steps: [{id: v, wait: 0s}, {id: u, uses: "
		"t.write}]}]\n");
	bool ok = false;

	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	for (int round = 0; round < 2; round++) {
		world_accept(w, "one", CUT_ACC_RUNNING, true);
		world_ok(w, "x");
		world_ok(w, "y");
		world_ok(w, "z");
		assert_true(cut_run_tests_done(world_run(w), 0, &ok));
		assert_true(ok);
	}
	world_accept(w, "one", CUT_ACC_ACCEPTED, false);
	world_ok(w, "u");
	expect_trace(w, "[     0] x: apply 1\n"
			"         y: apply 1\n"
			"         z: apply 1\n"
			"         x: apply 2\n"
			"         y: apply 2\n"
			"         z: apply 2\n"
			"         run running: one is accepted\n"
			"         run closing: accepted\n"
			"         w succeeded\n"
			"         v succeeded\n"
			"         u: apply 1, after its intent\n"
			"         u succeeded\n"
			"         run accepted: accepted\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_need_of_an_earlier_phase_opens_nothing_early(void **state)
{
	struct world *w =
		world_new("phases:\n"
			  "  - {id: one, order: parallel, steps: [{id: a, uses: t.write}, "
			  "{id: b, uses: t.write}]}\n"
			  "  - {id: two, steps: [{id: c, needs: [a], uses: t.write}]}\n");

	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	world_ok(w, "b");
	expect_trace(w, "[     0] b succeeded\n"
			"         c: apply 1, after its intent\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_limit_of_a_group_lets_its_steps_in_one_after_another),
		cmocka_unit_test(test_a_condition_that_cannot_be_evaluated_fails_what_hangs_on_it),
		cmocka_unit_test(test_groups_among_tests_run_at_each_round_and_in_finally),
		cmocka_unit_test(test_a_need_of_an_earlier_phase_opens_nothing_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
