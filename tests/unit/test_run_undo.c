/* SPDX-License-Identifier: Apache-2.0 */
/* The undo of steps: retries, failures, what is left for a person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/lib/world.h"

static void test_an_undo_gets_what_was_saved_and_a_body_of_its_own_its_parameters(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.saves}\n"
				    "  - {id: b, uses: t.get}\n"
				    "  - {id: c, uses: t.write, rollback: {uses: t.write, with: "
				    "{value: '${{ steps.b.outputs.old }}'}}}\n"
				    "  - {id: d, wait: 1h}\n");

	world_start(w);
	world_saved(w, "a", "{\"ttl\": 300}");
	world_ok(w, "a");
	world_ok(w, "a");
	world_outcome(w, "b", CUT_OK, NULL, "{\"old\": 60}");
	world_ok(w, "c");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_ok(w, "c");
	world_ok(w, "a");
	expect_trace(w, "[     0] run rolling_back: operator: alice ordered it; rolling back 2 "
			"steps, traffic first\n"
			"         d failed: the run stopped before it was over\n"
			"         c: rollback 1, after its intent value=1m\n"
			"         c rolled_back\n"
			"         a: rollback 1, after its intent, restores {\"ttl\":300}\n"
			"         a rolled_back\n"
			"         run closing: everything is undone\n"
			"         run rolled_back: everything is undone\n"
			"         end, exit code 4\n");
	world_free(w);
}

static void test_an_undo_has_its_own_retries_and_is_repeated_when_its_executor_dies(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write, rollback: {uses: t.write, retry: "
				    "{limit: 1, delay: 2s, jitter: false}}}\n"
				    "  - {id: b, wait: 1h}\n");

	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_lost(w, "a", false);
	world_crash(w);
	world_fail(w, "a");
	world_at(w, 2000);
	world_ok(w, "a");
	expect_trace(w, "[     0] run rolling_back: operator: alice ordered it; rolling back 1 "
			"step, traffic first\n"
			"         b failed: the run stopped before it was over\n"
			"         a: rollback 1, after its intent\n"
			"         a: rollback 1\n"
			"         a: rollback 1\n"
			"[  2000] a: rollback 2, after its intent\n"
			"         a rolled_back\n"
			"         run closing: everything is undone\n"
			"         run rolled_back: everything is undone\n"
			"         end, exit code 4\n");
	world_free(w);
}

static void test_a_failed_undo_holds_with_what_to_restore_once_other_branches_are_done(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - {id: one, steps: [{id: z, uses: t.write}]}\n"
				    "  - id: two\n"
				    "    order: parallel\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.saves}\n"
				    "      - {id: b, uses: t.write}\n"
				    "      - {id: c, wait: 1h}\n");

	world_start(w);
	world_ok(w, "z");
	world_saved(w, "a", "{\"ttl\": 300}");
	world_ok(w, "a");
	world_ok(w, "a");
	world_ok(w, "b");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_fail(w, "a");
	world_at(w, 10);
	world_ok(w, "b");
	assert_int_equal(cut_run_exit_code(world_run(w)), 3);
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_ROLLING_BACK);
	world_at(w, 20);
	world_order(w, CUT_ORDER_RETRY, "a", NULL);
	world_fail(w, "a");
	world_at(w, 30);
	world_order(w, CUT_ORDER_ATTEST, "a", "{\"applied\": true}");
	world_ok(w, "z");
	expect_trace(w, "[     0] run rolling_back: operator: alice ordered it; rolling back 3 "
			"steps, traffic first\n"
			"         c failed: the run stopped before it was over\n"
			"         b: rollback 1, after its intent\n"
			"         a: rollback 1, after its intent, restores {\"ttl\":300}\n"
			"         a rollback_failed: could not be undone: broken\n"
			"[    10] b rolled_back\n"
			"         run rolling_back: a could not be undone: broken; next: cutover "
			"retry a; or restore by hand: {\"ttl\":300}, then cutover attest a "
			"--applied; or cutover abort\n"
			"[    20] a: rollback 2, after its intent, restores {\"ttl\":300}\n"
			"         run rolling_back: the holds are gone, the run goes on\n"
			"         a rollback_failed: could not be undone: broken\n"
			"         run rolling_back: a could not be undone: broken; next: cutover "
			"retry a; or restore by hand: {\"ttl\":300}, then cutover attest a "
			"--applied; or cutover abort\n"
			"[    30] a rolled_back: undone by hand\n"
			"         run rolling_back: the holds are gone, the run goes on\n"
			"         z: rollback 1, after its intent\n"
			"         z rolled_back\n"
			"         run closing: everything is undone\n"
			"         run rolled_back: everything is undone\n"
			"         end, exit code 4\n");
	world_free(w);
}

static void test_an_abort_of_a_rollback_that_holds_leaves_it_incomplete(void **state)
{
	struct world *w = world_new(
		"steps: [{id: a, uses: t.write}, {id: b, uses: t.write}, {id: c, wait: 1h}]\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_fail(w, "b");
	world_order(w, CUT_ORDER_ABORT, NULL, NULL);
	expect_trace(w, "[     0] run rolling_back: operator: alice ordered it; rolling back 2 "
			"steps, traffic first\n"
			"         c failed: the run stopped before it was over\n"
			"         b: rollback 1, after its intent\n"
			"         b rollback_failed: could not be undone: broken\n"
			"         run rolling_back: b could not be undone: broken; next: cutover "
			"retry b; or undo by hand what t.write of b did, then cutover attest b "
			"--applied; or cutover abort\n"
			"         run closing: aborted by alice\n"
			"         run rollback_incomplete: aborted by alice\n"
			"         end, exit code 5\n");
	world_free(w);
}

static void test_on_failure_continue_ends_a_rollback_at_once(void **state)
{
	struct world *w = world_new(
		"steps: [{id: a, uses: t.write}, {id: b, uses: t.write}, {id: c, wait: 1h}]\n"
		"rollback: {on_failure: continue}\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_fail(w, "b");
	expect_trace(w, "[     0] run rolling_back: operator: alice ordered it; rolling back 2 "
			"steps, traffic first\n"
			"         c failed: the run stopped before it was over\n"
			"         b: rollback 1, after its intent\n"
			"         b rollback_failed: could not be undone: broken\n"
			"         run closing: not everything could be undone\n"
			"         run rollback_incomplete: not everything could be undone\n"
			"         end, exit code 5\n");
	world_free(w);
}

static void test_an_impossible_step_is_listed_and_does_not_stop_the_others(void **state)
{
	struct world *w = world_new(
		"steps:\n"
		"  - {id: a, uses: t.write}\n"
		"  - {id: b, uses: t.write, rollback: impossible, rollback_reason: mail is sent}\n"
		"  - {id: c, wait: 1h}\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_ok(w, "a");
	expect_trace(w, "[     0] run rolling_back: operator: alice ordered it; rolling back 2 "
			"steps, traffic first\n"
			"         c failed: the run stopped before it was over\n"
			"         b rollback_impossible: cannot be undone: mail is sent\n"
			"         a: rollback 1, after its intent\n"
			"         a rolled_back\n"
			"         run closing: not everything could be undone\n"
			"         run rollback_incomplete: not everything could be undone\n"
			"         end, exit code 5\n");
	world_free(w);
}

static void test_rollback_verify_runs_last_and_its_failure_holds(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.write}, {id: c, wait: 1h}]\n"
				    "rollback: {verify: [{uses: t.read}]}\n");

	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_ok(w, "a");
	world_at(w, 10);
	world_fail(w, "rollback/verify/0");
	world_at(w, 20);
	world_order(w, CUT_ORDER_RETRY, "rollback/verify", NULL);
	world_ok(w, "rollback/verify/0");
	expect_trace(
		w,
		"[     0] run rolling_back: operator: alice ordered it; rolling back 1 step, "
		"traffic first\n"
		"         c failed: the run stopped before it was over\n"
		"         a: rollback 1, after its intent\n"
		"         a rolled_back\n"
		"         rollback/verify/0: apply 1\n"
		"[    10] rollback/verify/0 failed: broken\n"
		"         run rolling_back: all is undone, but rollback.verify failed; next: "
		"cutover retry rollback/verify checks again; cutover abort ends the run as it is\n"
		"[    20] run rolling_back: the holds are gone, the run goes on\n"
		"         rollback/verify/0: apply 2\n"
		"         run closing: everything is undone\n"
		"         run rolled_back: everything is undone\n"
		"         end, exit code 4\n");
	world_free(w);
}

static void test_rollback_verify_that_fails_is_told_by_the_end(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.write}, {id: c, wait: 1h}]\n"
				    "rollback: {on_failure: continue, verify: [{uses: t.read}]}\n");

	(void)state;
	world_start(w);
	world_ok(w, "a");
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_ok(w, "a");
	world_fail(w, "rollback/verify/0");
	assert_true(world_saw(w, "end, exit code 5"));
	world_free(w);
}

static void test_the_downtime_ends_when_what_began_it_is_undone(void **state)
{
	struct world *w = world_new("downtime: [{id: dark, from: a, to: c, kind: outage}]\n"
				    "steps: [{id: a, uses: t.write}, {id: b, wait: 1h},"
				    " {id: c, uses: t.write}]\n"
				    "finally: [{id: d, uses: t.write}]\n");
	cut_time elapsed;
	bool running;

	(void)state;
	world_start(w);
	world_ok(w, "a");
	world_at(w, 5000);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_at(w, 8000);
	world_ok(w, "a");
	world_at(w, 20000);
	assert_true(cut_run_downtime(world_run(w), 0, 20000, &running, &elapsed));
	assert_false(running);
	assert_int_equal(elapsed, 8000);
	world_free(w);
}

static void test_a_failed_undo_tells_what_a_person_would_do(void **state)
{
	static const struct {
		const char *step, *saved, *told;
	} cases[] = {
		{"{id: a, uses: t.write, rollback: {run: [sh, back, \"${{ run.id }}\"]}}", NULL,
		 "run by hand: cd / && sh back test-run"},
		{"{id: a, uses: t.write, rollback: {run: [echo, it is], env: {K: v w}}}", NULL,
		 "run by hand: cd / && K='v w' echo 'it is', then"},
		{"{id: a, uses: t.saves}", "{\"old\": 1}", "restore by hand: {\"old\":1}"},
		{"{id: a, uses: t.write, rollback: {uses: t.traffic}}", NULL,
		 "undo by hand what t.traffic of a did"},
		{"{id: a, uses: t.write, temporary: true, rollback: {run: [sh]}}", NULL, NULL},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		cut_auto(cut_str) char *text =
			cut_printf("steps:\n  - %s\n  - {id: b, uses: t.read}\n", cases[i].step);
		struct world *w = world_new(text);

		world_start(w);
		if (cases[i].saved)
			world_saved(w, "a", cases[i].saved);
		world_ok(w, "a");
		if (cases[i].saved)
			world_ok(w, "a"); /* it verifies */
		if (cases[i].told)
			world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
		world_ok(w, "b");
		while (world_end_one(w, CUT_FAIL))
			;
		assert_true(world_saw(w, "a rollback_failed: could not be undone"));
		if (cases[i].told)
			assert_true(world_saw(w, cases[i].told));
		world_free(w);
	}
}

static void test_a_rollback_between_two_tries_of_a_verify_undoes_the_step(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.write, verify: {uses: t.read, retry: "
				    "{limit: 3, delay: 10s, max: 10s, jitter: false}}}]\n");

	world_start(w);
	world_ok(w, "a");
	world_fail(w, "a");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_ok(w, "a");
	expect_trace(w, "[     0] run rolling_back: operator: alice ordered it; rolling back 1 "
			"step, traffic first\n"
			"         a failed: the run stopped before it was verified again\n"
			"         a: rollback 1, after its intent\n"
			"         a rolled_back\n"
			"         run closing: everything is undone\n"
			"         run rolled_back: everything is undone\n"
			"         end, exit code 4\n");
	world_free(w);
}

static void test_an_undo_whose_executor_dies_too_often_has_failed(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.write}, {id: b, uses: t.read}]\n");

	world_start(w);
	world_ok(w, "a");
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_outcome(w, "b", CUT_CANCELED, NULL, NULL);
	world_forget(w);
	for (int i = 0; i < 4; i++)
		world_lost(w, "a", false);
	expect_trace(w, "[     0] a: rollback 1\n"
			"         a: rollback 1\n"
			"         a: rollback 1\n"
			"         a rollback_failed: could not be undone: its host died\n"
			"         run rolling_back: a could not be undone: its host died; next: "
			"cutover retry a; or undo by hand what t.write of a did, then cutover "
			"attest a --applied; or cutover abort\n");
	world_free(w);
}

static void test_a_command_to_be_run_by_hand_may_hold_what_nobody_knows_yet(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: r, uses: t.get}\n"
				    "  - {id: a, run: [x], rollback: {run: [bin/app, \"${{ "
				    "steps.r.outputs.old }}\"]}}\n"
				    "  - {id: b, uses: t.read}\n");

	world_start(w);
	world_outcome(w, "r", CUT_OK, NULL, "{}");
	world_ok(w, "a");
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_forget(w);
	world_outcome(w, "b", CUT_CANCELED, NULL, NULL);
	expect_trace(
		w,
		"[     0] b failed: stopped: the run is being stopped\n"
		"         a rollback_failed: could not be undone: argv/1: no such key: old\n"
		"         run rolling_back: a could not be undone: argv/1: no such key: old; "
		"next: cutover retry a; or run by hand: cd / && bin/app ?, then cutover attest a "
		"--applied; or cutover abort\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_an_undo_gets_what_was_saved_and_a_body_of_its_own_its_parameters),
		cmocka_unit_test(
			test_an_undo_has_its_own_retries_and_is_repeated_when_its_executor_dies),
		cmocka_unit_test(
			test_a_failed_undo_holds_with_what_to_restore_once_other_branches_are_done),
		cmocka_unit_test(test_a_failed_undo_tells_what_a_person_would_do),
		cmocka_unit_test(test_an_abort_of_a_rollback_that_holds_leaves_it_incomplete),
		cmocka_unit_test(test_on_failure_continue_ends_a_rollback_at_once),
		cmocka_unit_test(test_an_impossible_step_is_listed_and_does_not_stop_the_others),
		cmocka_unit_test(test_rollback_verify_runs_last_and_its_failure_holds),
		cmocka_unit_test(test_rollback_verify_that_fails_is_told_by_the_end),
		cmocka_unit_test(test_the_downtime_ends_when_what_began_it_is_undone),
		cmocka_unit_test(test_a_rollback_between_two_tries_of_a_verify_undoes_the_step),
		cmocka_unit_test(test_an_undo_whose_executor_dies_too_often_has_failed),
		cmocka_unit_test(test_a_command_to_be_run_by_hand_may_hold_what_nobody_knows_yet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
