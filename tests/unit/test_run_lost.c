/* SPDX-License-Identifier: Apache-2.0 */
/* Executors that are lost and engines that die: nothing is repeated blindly, nothing called failed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/lib/world.h"

static void test_a_lost_declarative_step_without_observe_gets_a_new_attempt(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.write}]\n");

	world_start(w);
	world_lost(w, "a", false);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a ready: a new attempt: its host died\n"
			"         a: apply 2, after its intent\n");
	world_free(w);
}

static void test_a_step_whose_executor_dies_again_and_again_waits_for_a_person(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.write}]\n");

	world_start(w);
	for (int i = 0; i < 4; i++)
		world_lost(w, "a", false);
	world_order(w, CUT_ORDER_ATTEST, "a", "{\"applied\": true}");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a ready: a new attempt: its host died\n"
			"         a: apply 2, after its intent\n"
			"         a ready: a new attempt: its host died\n"
			"         a: apply 3, after its intent\n"
			"         a ready: a new attempt: its host died\n"
			"         a: apply 4, after its intent\n"
			"         a unknown: its host died\n"
			"         run paused: nobody can tell whether a was applied: its host "
			"died; next: look, then cutover attest a --applied, or cutover attest a "
			"--not-applied; or cutover rollback\n"
			"         a succeeded: attested as applied by alice\n"
			"         run running: the holds are gone, the run goes on\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_lost_dedup_step_is_resent_with_the_same_attempt(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.dedup}]\n");

	world_start(w);
	world_lost(w, "a", false);
	world_ok(w, "a");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a: apply 1\n"
			"         a succeeded\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_lost_probe_is_observed_as_applied(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.probe}]\n");

	world_start(w);
	world_lost(w, "a", false);
	world_at(w, 10);
	world_ok(w, "a");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a unknown: its host died\n"
			"         a: observe 1\n"
			"[    10] a succeeded: observed: it was applied\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_lost_probe_is_observed_as_not_applied_and_tried_anew(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.probe}]\n");

	world_start(w);
	world_lost(w, "a", false);
	world_outcome(w, "a", CUT_RETRY, "not there", NULL);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a unknown: its host died\n"
			"         a: observe 1\n"
			"         a ready: a new attempt: observed: it was not applied\n"
			"         a: apply 2, after its intent\n");
	world_free(w);
}

static void test_a_lost_probe_that_finds_a_conflict_has_failed(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.probe}]\n");

	world_start(w);
	world_lost(w, "a", false);
	world_fail(w, "a");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a unknown: its host died\n"
			"         a: observe 1\n"
			"         a failed: observed a conflict: broken\n"
			"         run paused: a failed: observed a conflict: broken; next: cutover "
			"retry a, cutover skip a --reason TEXT, cutover attest a --applied (fixed "
			"by hand), or cutover rollback\n");
	world_free(w);
}

static void test_a_lost_probe_that_cannot_tell_waits_for_a_person(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.probe}]\n");

	world_start(w);
	world_lost(w, "a", false);
	world_outcome(w, "a", CUT_UNKNOWN, "cannot tell", NULL);
	world_at(w, 10);
	assert_true(world_order(w, CUT_ORDER_RETRY, "a", NULL) < 0);
	assert_true(world_order(w, CUT_ORDER_RESUME, NULL, NULL) < 0);
	world_order(w, CUT_ORDER_ATTEST, "a", "{\"applied\": false}");
	world_ok(w, "a");
	expect_trace(
		w,
		"[     0] run running: started by alice\n"
		"         a: apply 1, after its intent\n"
		"         a unknown: its host died\n"
		"         a: observe 1\n"
		"         a unknown: cannot tell\n"
		"         run paused: nobody can tell whether a was applied: cannot tell; next: "
		"look, then cutover attest a --applied, or cutover attest a --not-applied; or "
		"cutover rollback\n"
		"[    10] refused: a cannot be retried: nobody knows yet whether it was applied\n"
		"         refused: the run cannot resume: a decision is open: unknown a (look, "
		"then cutover attest a --applied, or cutover attest a --not-applied; or cutover "
		"rollback)\n"
		"         a ready: a new attempt: attested as not applied by alice\n"
		"         run running: the holds are gone, the run goes on\n"
		"         a: apply 2, after its intent\n"
		"         a succeeded\n"
		"         run closing: all steps are done\n"
		"         run done: all steps are done\n"
		"         end, exit code 0\n");
	world_free(w);
}

static void test_an_opaque_step_is_never_repeated_without_a_person(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.opaque}]\n");

	world_start(w);
	world_crash(w);
	world_at(w, 10);
	world_order(w, CUT_ORDER_ATTEST, "a", "{\"applied\": true}");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a unknown: the engine died while it ran\n"
			"         run paused: nobody can tell whether a was applied: the engine "
			"died while it ran; next: look, then cutover attest a --applied, or "
			"cutover attest a --not-applied; or cutover rollback\n"
			"[    10] a succeeded: attested as applied by alice\n"
			"         run running: the holds are gone, the run goes on\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_request_that_was_never_sent_is_sent_anew(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.opaque}]\n");

	world_start(w);
	world_lost(w, "a", true);
	world_ok(w, "a");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a ready: a new attempt: its host died\n"
			"         a: apply 2, after its intent\n"
			"         a succeeded\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_read_is_simply_repeated_but_not_for_ever(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.read}]\n");

	world_start(w);
	world_crash(w);
	for (int i = 0; i < 4; i++)
		world_lost(w, "a", false);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1\n"
			"         a: apply 1\n"
			"         a: apply 1\n"
			"         a: apply 1\n"
			"         a: apply 1\n"
			"         a failed: its host died\n"
			"         run paused: a failed: its host died; next: cutover retry a, "
			"cutover skip a --reason TEXT, cutover attest a --applied (fixed by hand), "
			"or cutover rollback\n");
	world_free(w);
}

static void test_a_step_that_saves_first_and_did_not_is_not_applied(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.saves}]\n");

	world_start(w);
	world_crash(w);
	world_saved(w, "a", "{\"ttl\": 300}");
	world_saved(w, "a", "{\"ttl\": 1}");
	world_at(w, 10);
	world_crash(w);
	world_ok(w, "a");
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a ready: a new attempt: the engine died while it ran\n"
			"         a: apply 2, after its intent\n"
			"[    10] a unknown: the engine died while it ran\n"
			"         a: observe 2\n"
			"         a succeeded: observed: it was applied\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n"
			"         refused: the run has ended as done\n");
	world_free(w);
}

static void test_a_probe_that_is_lost_each_time_fails_with_the_reason(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.probe}]\n");

	world_start(w);
	for (int i = 0; i < 4; i++) {
		world_lost(w, "a", false);
		world_outcome(w, "a", CUT_RETRY, "not there", NULL);
	}
	assert_true(world_saw(w, "a failed: lost again and again: its host died"));
	world_free(w);
}

/* What it promised to save it may have forgotten: `a` changed something, and said so. */
static void test_a_step_that_ended_well_is_undone_though_it_saved_nothing(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.saves}\n"
				    "  - {id: b, needs: a, uses: t.saves}\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "a");
	world_fail(w, "b");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_ok(w, "a");
	expect_trace(w,
		     "[     0] run rolling_back: operator: alice ordered it; rolling back 1 step, "
		     "traffic first\n"
		     "         a: rollback 1, after its intent\n"
		     "         a rolled_back\n"
		     "         run closing: everything is undone\n"
		     "         run rolled_back: everything is undone\n"
		     "         end, exit code 4\n");
	world_free(w);
}

static void test_a_new_engine_goes_on_with_waits_verifies_and_observations(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: one\n"
				    "    order: parallel\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.saves}\n"
				    "      - {id: b, uses: t.probe}\n"
				    "      - {id: c, wait: 10s}\n"
				    "      - {id: d, uses: check, with: {that: 1 == 1}}\n");

	world_start(w);
	world_ok(w, "a");
	world_lost(w, "b", false);
	world_at(w, 4000);
	world_forget(w);
	world_crash(w);
	world_at(w, 10000);
	expect_trace(w, "[  4000] a: verify 1\n"
			"         b: observe 1\n"
			"         d: check 1\n"
			"[ 10000] c succeeded\n");
	world_free(w);
}

static void test_what_is_lost_while_the_run_stops_is_unknown_and_never_called_failed(void **state)
{
	static const struct {
		const char *uses, *saved;
		bool not_sent, crash, observing;
		enum cut_status observed;
		enum cut_step_state aborted;
		bool undone; /* in a rollback */
	} cases[] = {
		{"t.opaque", NULL, false, false, false, 0, CUT_STEP_UNKNOWN, true},
		{"t.opaque", NULL, false, true, false, 0, CUT_STEP_UNKNOWN, true},
		{"t.opaque", NULL, true, false, false, 0, CUT_STEP_FAILED, false},
		{"t.read", NULL, false, false, false, 0, CUT_STEP_FAILED, false},
		{"t.saves", NULL, false, false, false, 0, CUT_STEP_FAILED, false},
		{"t.saves", NULL, false, true, false, 0, CUT_STEP_FAILED, false},
		{"t.saves", "{\"was\": 1}", false, false, false, 0, CUT_STEP_UNKNOWN, true},
		{"t.probe", NULL, false, false, true, CUT_UNKNOWN, CUT_STEP_UNKNOWN, true},
		{"t.probe", NULL, false, false, true, CUT_CANCELED, CUT_STEP_UNKNOWN, true},
		{"t.probe", NULL, false, true, true, 0, CUT_STEP_UNKNOWN, true},
		{"t.probe", NULL, false, false, true, CUT_OK, CUT_STEP_SUCCEEDED, true},
		{"t.probe", NULL, false, false, true, CUT_RETRY, CUT_STEP_FAILED, false},
		{"t.probe", NULL, false, false, true, CUT_FAIL, CUT_STEP_FAILED, true},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases) * 2; i++) {
		bool back = i % 2;
		cut_auto(cut_str) char *book =
			cut_printf("steps: [{id: a, uses: %s}]\n", cases[i / 2].uses);
		struct world *w = world_new(book);
		struct cut_step_view view;

		world_start(w);
		if (cases[i / 2].saved)
			world_saved(w, "a", cases[i / 2].saved);
		if (cases[i / 2].observing)
			world_lost(w, "a", false);
		world_order(w, back ? CUT_ORDER_ROLLBACK : CUT_ORDER_ABORT, NULL, NULL);
		if (cases[i / 2].crash)
			world_crash(w);
		else if (cases[i / 2].observing)
			world_outcome(w, "a", cases[i / 2].observed, "told so", NULL);
		else
			world_lost(w, "a", cases[i / 2].not_sent);
		cut_run_step_view(world_run(w), world_step(w, "a"), &view);
		if (!back)
			assert_int_equal(view.state, cases[i / 2].aborted);
		else
			assert_int_equal(view.state == CUT_STEP_ROLLING_BACK, cases[i / 2].undone);
		world_free(w);
	}
}

static void test_a_step_that_failed_before_it_was_sent_is_not_undone(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.opaque}]\n");
	struct cut_event ev = {
		.type = CUT_EV_OUTCOME,
		.outcome = {.step = 0,
			    .op = CUT_OP_APPLY,
			    .attempt = 1,
			    .status = CUT_FAIL,
			    .text = "its plugin cannot be started",
			    .not_sent = true},
	};

	world_start(w);
	assert_int_equal(world_feed(w, &ev, NULL), 0);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	assert_true(world_saw(w, "nothing is to be undone"));
	world_free(w);
}

static void test_a_verification_that_is_lost_is_repeated_three_times(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.saves}]\n");

	(void)state;
	world_start(w);
	world_saved(w, "a", "{}");
	world_ok(w, "a");
	for (unsigned lost = 0; lost < 3; lost++) {
		world_forget(w);
		world_lost(w, "a", false);
		assert_true(world_saw(w, "a: verify 1"));
	}
	world_lost(w, "a", false);
	assert_true(world_saw(w, "a failed: verification failed"));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_verification_that_is_lost_is_repeated_three_times),
		cmocka_unit_test(test_a_lost_declarative_step_without_observe_gets_a_new_attempt),
		cmocka_unit_test(
			test_a_step_whose_executor_dies_again_and_again_waits_for_a_person),
		cmocka_unit_test(test_a_lost_dedup_step_is_resent_with_the_same_attempt),
		cmocka_unit_test(test_a_lost_probe_is_observed_as_applied),
		cmocka_unit_test(test_a_lost_probe_is_observed_as_not_applied_and_tried_anew),
		cmocka_unit_test(test_a_lost_probe_that_finds_a_conflict_has_failed),
		cmocka_unit_test(test_a_lost_probe_that_cannot_tell_waits_for_a_person),
		cmocka_unit_test(test_an_opaque_step_is_never_repeated_without_a_person),
		cmocka_unit_test(test_a_request_that_was_never_sent_is_sent_anew),
		cmocka_unit_test(test_a_read_is_simply_repeated_but_not_for_ever),
		cmocka_unit_test(test_a_step_that_saves_first_and_did_not_is_not_applied),
		cmocka_unit_test(test_a_probe_that_is_lost_each_time_fails_with_the_reason),
		cmocka_unit_test(test_a_step_that_ended_well_is_undone_though_it_saved_nothing),
		cmocka_unit_test(test_a_new_engine_goes_on_with_waits_verifies_and_observations),
		cmocka_unit_test(
			test_what_is_lost_while_the_run_stops_is_unknown_and_never_called_failed),
		cmocka_unit_test(test_a_step_that_failed_before_it_was_sent_is_not_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
