/* SPDX-License-Identifier: Apache-2.0 */
/* Temporary steps whose end goes wrong, comes twice, or meets a rollback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>

#include "tests/lib/world.h"

#define UNTIL                                                                                      \
	"steps:\n"                                                                                 \
	"  - {id: a, uses: t.write, temporary: {until: g, backstop: 1m}}\n"                        \
	"  - {id: g, steps: [{id: b, uses: t.write}]}\n"                                           \
	"  - {id: c, uses: t.write}\n"

/* The group is done, and its undo is in flight. */
static struct world *ending(void)
{
	struct world *w = world_new(UNTIL);

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	return w;
}

static void test_a_temporary_step_ends_with_a_group(void **state)
{
	struct world *w = ending();

	world_ok(w, "a");
	world_at(w, 61000); /* its backstop finds nothing */
	world_ok(w, "c");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a succeeded\n"
			"         b: apply 1, after its intent\n"
			"         b succeeded\n"
			"         a: rollback 1, after its intent\n"
			"         c: apply 1, after its intent\n"
			"         a rolled_back\n"
			"[ 61000] c succeeded\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_an_undo_that_failed_at_its_time_is_tried_again_at_the_end(void **state)
{
	struct world *w = ending();

	world_fail(w, "a");
	assert_true(cut_run_unclosed(world_run(w), world_step(w, "a")));
	assert_true(cut_run_temporary_open(world_run(w), world_step(w, "a")));
	world_forget(w);
	world_ok(w, "c");
	world_ok(w, "a");
	expect_trace(w, "[     0] c succeeded\n"
			"         run closing: all steps are done\n"
			"         a: rollback 2, after its intent\n"
			"         a rolled_back\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_person_may_retry_the_end_of_a_temporary_step(void **state)
{
	struct world *w = ending();

	world_fail(w, "a");
	world_forget(w);
	assert_int_equal(world_order(w, CUT_ORDER_RETRY, "a", NULL), 0);
	world_ok(w, "a");
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL); /* it is none of a rollback's */
	world_outcome(w, "c", CUT_CANCELED, NULL, NULL);
	world_ok(w, "c");
	world_ok(w, "b");
	expect_trace(w, "[     0] a: rollback 2, after its intent\n"
			"         a rolled_back\n"
			"         run rolling_back: operator: alice ordered it; rolling back 2 "
			"steps, traffic first\n"
			"         c: cancel apply\n"
			"         c failed: stopped: the run is being stopped\n"
			"         c: rollback 1, after its intent\n"
			"         c rolled_back\n"
			"         b: rollback 1, after its intent\n"
			"         b rolled_back\n"
			"         run closing: everything is undone\n"
			"         run rolled_back: everything is undone\n"
			"         end, exit code 4\n");
	world_free(w);
}

static void test_a_person_may_attest_the_end_of_a_temporary_step(void **state)
{
	struct world *w = ending();

	world_fail(w, "a");
	world_forget(w);
	assert_int_equal(world_order(w, CUT_ORDER_ATTEST, "a", NULL), -EINVAL);
	assert_int_equal(world_order(w, CUT_ORDER_ATTEST, "a", "{\"applied\": false}"), -EINVAL);
	assert_int_equal(world_order(w, CUT_ORDER_ATTEST, "a", "{\"applied\": true}"), 0);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL); /* it is none of a rollback's */
	world_outcome(w, "c", CUT_CANCELED, NULL, NULL);
	world_ok(w, "c");
	world_ok(w, "b");
	expect_trace(
		w, "[     0] refused: a could not be undone: nothing else can be said of its undo\n"
		   "         refused: a could not be undone: nothing else can be said of its undo\n"
		   "         a rolled_back: undone by hand\n"
		   "         run rolling_back: operator: alice ordered it; rolling back 2 "
		   "steps, traffic first\n"
		   "         c: cancel apply\n"
		   "         c failed: stopped: the run is being stopped\n"
		   "         c: rollback 1, after its intent\n"
		   "         c rolled_back\n"
		   "         b: rollback 1, after its intent\n"
		   "         b rolled_back\n"
		   "         run closing: everything is undone\n"
		   "         run rolled_back: everything is undone\n"
		   "         end, exit code 4\n");
	world_free(w);
}

static void test_a_rollback_waits_for_the_end_of_a_temporary_step_and_leaves_it(void **state)
{
	struct world *w = ending();

	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_outcome(w, "c", CUT_CANCELED, NULL, NULL);
	world_fail(w, "a");
	world_ok(w, "c");
	world_fail(w, "b");
	expect_trace(w, "[     0] run rolling_back: operator: alice ordered it; rolling back 2 "
			"steps, traffic first\n"
			"         c: cancel apply\n"
			"         c failed: stopped: the run is being stopped\n"
			"         c: rollback 1, after its intent\n"
			"         a rollback_failed: could not be undone: broken\n"
			"         c rolled_back\n"
			"         b: rollback 1, after its intent\n"
			"         b rollback_failed: could not be undone: broken\n"
			"         run rolling_back: b could not be undone: broken; next: cutover "
			"retry b; or undo by hand what t.write of b did, then cutover attest b "
			"--applied; or cutover abort\n");
	world_free(w);
}

static void test_an_end_whose_parameters_cannot_be_made_keeps_no_run_open(void **state)
{
	struct world *w =
		world_new("steps:\n"
			  "  - {id: r, uses: t.get}\n"
			  "  - {id: a, uses: t.write, temporary: true}\n"
			  "  - {id: b, uses: t.write, temporary: true, rollback: {uses: t.write, "
			  "with: {value: \"${{ steps.r.outputs.old }}\"}}}\n");

	world_start(w);
	world_outcome(w, "r", CUT_OK, NULL, "{}");
	world_ok(w, "a");
	world_forget(w);
	world_ok(w, "b");
	world_ok(w, "a");
	expect_trace(w, "[     0] b succeeded\n"
			"         run closing: all steps are done\n"
			"         b rollback_failed: could not be undone: value: no such key: old\n"
			"         a: rollback 1, after its intent\n"
			"         a rolled_back\n"
			"         run done: all steps are done\n"
			"         end, exit code 5\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_temporary_step_ends_with_a_group),
		cmocka_unit_test(test_an_undo_that_failed_at_its_time_is_tried_again_at_the_end),
		cmocka_unit_test(test_a_person_may_retry_the_end_of_a_temporary_step),
		cmocka_unit_test(test_a_person_may_attest_the_end_of_a_temporary_step),
		cmocka_unit_test(
			test_a_rollback_waits_for_the_end_of_a_temporary_step_and_leaves_it),
		cmocka_unit_test(test_an_end_whose_parameters_cannot_be_made_keeps_no_run_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
