/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that the simulator found, each cut down to the few events that it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>

#include "tests/lib/world.h"

static enum cut_step_state state_of(struct world *w, const char *step)
{
	struct cut_step_view view;

	cut_run_step_view(world_run(w), world_step(w, step), &view);
	return view.state;
}

static void test_a_lock_given_back_while_the_run_closes_starts_nothing(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: p\n"
				    "    order: parallel\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.write, locks: [l]}\n"
				    "      - {id: b, uses: t.write, locks: [l]}\n");

	(void)state;
	world_start(w);
	world_order(w, CUT_ORDER_ABORT, NULL, NULL);
	world_outcome(w, "a", CUT_CANCELED, "stopped", NULL);
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_ABORTED);
	assert_int_equal(state_of(w, "b"), CUT_STEP_READY);
	world_free(w);
}

static void test_a_place_given_back_while_the_run_closes_starts_nothing(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - id: g\n"
				    "    foreach: {items: [x, y, z], max_parallel: 2}\n"
				    "    steps: [{id: a, uses: t.write}]\n");

	(void)state;
	world_start(w);
	world_order(w, CUT_ORDER_ABORT, NULL, NULL);
	world_outcome(w, "g/x/a", CUT_CANCELED, "stopped", NULL);
	world_outcome(w, "g/y/a", CUT_CANCELED, "stopped", NULL);
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_ABORTED);
	world_free(w);
}

static void test_a_gate_that_is_stopped_gives_back_its_locks(void **state)
{
	struct world *w = world_new("roles: {lead: {members: [bob]}}\n"
				    "phases:\n"
				    "  - id: p\n"
				    "    steps: [{id: go, approve: {roles: [lead]}, locks: [l]}]\n"
				    "finally: [{id: f, uses: t.write, locks: [l]}]\n");

	(void)state;
	world_start(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	assert_true(world_saw(w, "f: apply"));
	world_answer_all(w);
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_ROLLED_BACK);
	world_free(w);
}

static void test_a_step_skipped_in_the_line_for_a_lock_is_not_started(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: p\n"
				    "    order: parallel\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.write, locks: [l]}\n"
				    "      - {id: b, uses: t.write, locks: [l]}\n"
				    "      - {id: c, uses: t.write, locks: [l]}\n");

	(void)state;
	world_start(w);
	assert_int_equal(world_order(w, CUT_ORDER_SKIP, "b", "{\"reason\": \"not today\"}"), 0);
	world_ok(w, "a");
	assert_true(world_saw(w, "c: apply"));
	world_ok(w, "c");
	assert_int_equal(state_of(w, "b"), CUT_STEP_SKIPPED);
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_DONE);
	world_free(w);
}

static void test_a_step_skipped_in_the_line_of_a_foreach_is_done_once(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - id: g\n"
				    "    foreach: {items: [x, y, z], max_parallel: 2}\n"
				    "    uses: t.write\n");

	(void)state;
	world_start(w);
	assert_int_equal(world_order(w, CUT_ORDER_SKIP, "g/z", "{\"reason\": \"not today\"}"), 0);
	world_answer_all(w);
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_DONE);
	world_free(w);
}

static void test_what_failed_under_continue_cannot_be_skipped_or_attested(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write, on_failure: continue}\n"
				    "  - {id: b, uses: t.write}\n");

	(void)state;
	world_start(w);
	world_fail(w, "a");
	assert_int_equal(world_order(w, CUT_ORDER_SKIP, "a", "{\"reason\": \"r\"}"), -EALREADY);
	assert_int_equal(world_order(w, CUT_ORDER_ATTEST, "a", "{\"applied\": true}"), -EALREADY);
	world_ok(w, "b");
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_DONE);
	world_free(w);
}

static const char *const two_stages =
	"roles: {lead: {members: [bob]}}\n"
	"phases:\n"
	"  - id: p\n"
	"    steps: [{id: a, uses: t.write}]\n"
	"    acceptance: {clean_for: 10s, deadline: 1m, sign_off: [lead],\n"
	"                 tests: [{id: check, uses: t.read}]}\n";

static void test_a_test_cannot_be_skipped(void **state)
{
	struct world *w = world_new(two_stages);

	(void)state;
	world_start(w);
	world_ok(w, "a");
	assert_true(world_order(w, CUT_ORDER_SKIP, "check", "{\"reason\": \"r\"}") < 0);
	world_accept(w, "p", CUT_ACC_RUNNING, true);
	assert_true(world_saw(w, "check: apply"));
	world_order(w, CUT_ORDER_ABORT, NULL, NULL);
	world_answer_all(w);
	world_free(w);
}

static bool asks_for_sign_off(struct world *w)
{
	size_t len;
	const struct cut_waiting *waiting = cut_run_waiting(world_run(w), &len);

	return len == 1 && waiting[0].kind == CUT_WAITING_SIGN_OFF;
}

static void test_a_deadline_that_passed_does_not_shut_the_sign_off(void **state)
{
	struct world *w = world_new(two_stages);

	(void)state;
	world_start(w);
	world_ok(w, "a");
	world_accept(w, "p", CUT_ACC_OVERDUE, false);
	world_accept(w, "p", CUT_ACC_MET, false);
	assert_true(asks_for_sign_off(w));
	assert_int_equal(world_order(w, CUT_ORDER_RESUME, NULL, NULL), 0);
	assert_true(asks_for_sign_off(w));
	world_free(w);
}

static void test_a_decline_after_the_deadline_is_a_decision(void **state)
{
	struct world *w = world_new(two_stages);

	(void)state;
	world_start(w);
	world_ok(w, "a");
	world_accept(w, "p", CUT_ACC_OVERDUE, false);
	world_accept(w, "p", CUT_ACC_MET, false);
	assert_int_equal(world_vote(w, "p", 1002, false), 0);
	assert_true(world_order(w, CUT_ORDER_RESUME, NULL, NULL) < 0);
	assert_int_equal(world_order(w, CUT_ORDER_RETRY, "p", NULL), 0);
	assert_true(asks_for_sign_off(w));
	world_free(w);
}

static void test_when_all_is_accepted_there_is_nothing_to_roll_back(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: p\n"
				    "    steps: [{id: a, uses: t.write}]\n"
				    "    acceptance: {clean_for: 10s, tests: [{uses: t.read}]}\n");

	(void)state;
	world_start(w);
	world_ok(w, "a");
	world_order(w, CUT_ORDER_PAUSE, NULL, NULL);
	world_accept(w, "p", CUT_ACC_MET, false);
	world_accept(w, "p", CUT_ACC_ACCEPTED, false);
	assert_int_equal(world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL), -EALREADY);
	assert_int_equal(world_order(w, CUT_ORDER_RESUME, NULL, NULL), 0);
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_ACCEPTED);
	world_free(w);
}

/* A new attempt would have a new key, by which the target could not know the first sending again.
 */
static void test_a_resend_that_changed_nothing_is_sent_again_with_its_key(void **state)
{
	struct world *w =
		world_new("steps: [{id: a, uses: t.dedup, retry: {limit: 2, delay: 5s}}]\n");

	(void)state;
	world_start(w);
	world_lost(w, "a", false);
	world_outcome(w, "a", CUT_RETRY, "busy", NULL);
	assert_false(world_saw(w, "a: apply 2"));
	world_lost(w, "a", true);
	assert_false(world_saw(w, "a: apply 2"));
	world_ok(w, "a");
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_DONE);
	world_free(w);
}

/* "Nothing was changed" is about the second sending; the first may have landed. */
static void test_a_resend_that_changed_nothing_is_still_undone(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.dedup, on_failure: rollback}]\n");

	(void)state;
	world_start(w);
	world_lost(w, "a", false);
	world_outcome(w, "a", CUT_RETRY, "busy", NULL);
	world_at(w, 10);
	assert_true(world_saw(w, "a: rollback"));
	world_answer_all(w);
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_ROLLED_BACK);
	world_free(w);
}

/* A deadline that passed after the rollback had begun ended the step a second time, and what it
 * needs was undone too early. */
static void test_a_stopped_step_has_no_deadline_any_more(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: p\n"
				    "    order: parallel\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.write}\n"
				    "      - {id: b, uses: t.write, needs: [a]}\n"
				    "      - {id: c, uses: t.write, needs: [a], deadline: 20s,\n"
				    "         retry: {limit: 3, delay: 10s, jitter: false}}\n");

	(void)state;
	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	world_outcome(w, "c", CUT_RETRY, "busy", NULL);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	assert_int_equal(state_of(w, "b"), CUT_STEP_ROLLING_BACK);
	world_at(w, CUT_MINUTE);
	assert_int_equal(state_of(w, "a"), CUT_STEP_ROLLBACK_PENDING);
	world_answer_all(w);
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_ROLLED_BACK);
	world_free(w);
}

static void test_what_a_person_did_is_undone_though_nothing_was_saved(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.saves, rollback: {uses: t.write}}\n"
				    "  - {id: b, wait: 1h}\n");

	(void)state;
	world_start(w);
	world_fail(w, "a");
	assert_int_equal(world_order(w, CUT_ORDER_ATTEST, "a", "{\"applied\": true}"), 0);
	world_ok(w, "a"); /* its verify */
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	assert_int_equal(state_of(w, "a"), CUT_STEP_ROLLING_BACK);
	world_answer_all(w);
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_ROLLED_BACK);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_lock_given_back_while_the_run_closes_starts_nothing),
		cmocka_unit_test(test_a_place_given_back_while_the_run_closes_starts_nothing),
		cmocka_unit_test(test_a_gate_that_is_stopped_gives_back_its_locks),
		cmocka_unit_test(test_a_step_skipped_in_the_line_for_a_lock_is_not_started),
		cmocka_unit_test(test_a_step_skipped_in_the_line_of_a_foreach_is_done_once),
		cmocka_unit_test(test_what_failed_under_continue_cannot_be_skipped_or_attested),
		cmocka_unit_test(test_a_test_cannot_be_skipped),
		cmocka_unit_test(test_a_deadline_that_passed_does_not_shut_the_sign_off),
		cmocka_unit_test(test_a_decline_after_the_deadline_is_a_decision),
		cmocka_unit_test(test_when_all_is_accepted_there_is_nothing_to_roll_back),
		cmocka_unit_test(test_a_stopped_step_has_no_deadline_any_more),
		cmocka_unit_test(test_what_a_person_did_is_undone_though_nothing_was_saved),
		cmocka_unit_test(test_a_resend_that_changed_nothing_is_sent_again_with_its_key),
		cmocka_unit_test(test_a_resend_that_changed_nothing_is_still_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
