/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a call that was lost, found again, or cannot even be made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "tests/lib/world.h"

static enum cut_step_state state_of(struct world *w, const char *step)
{
	struct cut_step_view view;

	cut_run_step_view(world_run(w), world_step(w, step), &view);
	return view.state;
}

static void test_delays_grow_up_to_their_limit(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write, retry: {limit: 4, delay: 2s, "
				    "factor: 3, max: 10s, jitter: false}}\n");
	static const cut_time delays[] = {2000, 6000, 10000, 10000};
	cut_time t = 0;

	world_start(w);
	for (size_t i = 0; i < CUT_ARRAY_LEN(delays); i++) {
		world_fail(w, "a");
		assert_int_equal(cut_run_wake(world_run(w)), t + delays[i]);
		world_at(w, t += delays[i]);
	}
	world_fail(w, "a");
	assert_int_equal(state_of(w, "a"), CUT_STEP_FAILED);
	world_free(w);
}

static void test_an_undo_whose_parameters_cannot_be_made_has_failed(void **state)
{
	struct world *w =
		world_new("steps:\n"
			  "  - {id: a, uses: t.get}\n"
			  "  - {id: b, uses: t.write, rollback: {uses: t.write, with: {value: "
			  "\"${{ steps.a.outputs.old }}\"}}}\n"
			  "  - {id: c, uses: t.read}\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_ok(w, "c");
	assert_true(
		world_saw(w, "b rollback_failed: could not be undone: value: no such key: old"));
	assert_int_equal(state_of(w, "b"), CUT_STEP_ROLLBACK_FAILED);
	world_free(w);
}

static void test_a_verify_whose_parameters_cannot_be_made_fails_the_step(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.get}\n"
				    "  - {id: b, uses: t.write, verify: {uses: t.read, with: "
				    "{value: \"${{ steps.a.outputs.old }}\"}}}\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	assert_true(world_saw(w, "b failed: its parameters cannot be made: value: no such key"));
	world_free(w);
}

static void test_what_was_observed_as_applied_is_verified_as_if_it_had_ended(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.probe, verify: {uses: t.read}}\n"
				    "  - {id: b, uses: t.read}\n");
	struct cut_step_view view;

	world_start(w);
	world_lost(w, "a", false);
	world_outcome(w, "a", CUT_OK, NULL, "{\"seen\": 4}");
	cut_run_step_view(world_run(w), world_step(w, "a"), &view);
	assert_int_equal(view.state, CUT_STEP_VERIFYING);
	assert_int_equal(cut_json_int(view.outputs, "seen", 0), 4);
	world_ok(w, "a");
	assert_int_equal(state_of(w, "a"), CUT_STEP_SUCCEEDED);
	world_free(w);
}

static void test_an_observation_that_was_canceled_tells_nothing(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.probe}]\n");

	world_start(w);
	world_lost(w, "a", false);
	world_outcome(w, "a", CUT_CANCELED, NULL, NULL);
	assert_true(
		world_saw(w, "nobody can tell whether a was applied: it could not be observed"));
	assert_int_equal(state_of(w, "a"), CUT_STEP_UNKNOWN);
	world_free(w);
}

static void test_what_cannot_be_observed_goes_by_its_class(void **state)
{
	/* observed as not applied again and again, it is lost for good */
	struct world *w = world_new("steps: [{id: a, uses: t.probe}]\n");
	unsigned rounds = 0;

	world_start(w);
	while (state_of(w, "a") != CUT_STEP_FAILED && state_of(w, "a") != CUT_STEP_SUCCEEDED &&
	       rounds++ < 10) {
		world_lost(w, "a", false);
		if (state_of(w, "a") == CUT_STEP_UNKNOWN)
			world_outcome(w, "a", CUT_RETRY, NULL, NULL);
	}
	assert_int_equal(state_of(w, "a"), CUT_STEP_FAILED);
	assert_true(world_saw(w, "again"));
	assert_in_range(rounds, 2, 5);
	world_free(w);
}

static void test_a_request_that_never_gets_out_fails_its_step(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.write}]\n");
	unsigned rounds = 0;

	world_start(w);
	while (state_of(w, "a") != CUT_STEP_FAILED && rounds++ < 10)
		world_lost(w, "a", true);
	assert_in_range(rounds, 2, 5);
	world_free(w);
}

static void test_a_test_that_is_lost_fails_where_nobody_is_asked(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.read}]\n"
				    "finally: [{id: z, uses: t.opaque}]\n");

	world_start(w);
	world_ok(w, "a");
	world_lost(w, "z", false);
	assert_int_equal(state_of(w, "z"), CUT_STEP_FAILED);
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_DONE);
	world_free(w);
}

static void test_a_new_engine_checks_an_open_gate_again(void **state)
{
	struct world *w = world_new(
		"roles: {lead: {members: [bob]}}\n"
		"steps: [{id: go, approve: {roles: [lead], checks: [\"run.starter == 'x'\"]}}]\n");

	world_start(w);
	assert_true(world_saw(w, "go: check 1"));
	world_forget(w);
	world_crash(w);
	assert_true(world_saw(w, "go: check 1"));
	world_outcome(w, "go", CUT_OK, NULL, "{\"values\": []}");
	world_forget(w);
	world_crash(w);
	assert_int_equal(world_vote(w, "go", 1002, true), 0);
	world_free(w);
}

static void test_a_check_is_not_canceled_but_its_answer_is_of_no_interest(void **state)
{
	struct world *w =
		world_new("phases:\n"
			  "  - id: p\n    order: parallel\n    steps:\n"
			  "      - {id: a, uses: check, with: {that: \"run.id == 'x'\"}}\n"
			  "      - {id: b, uses: t.write}\n");

	world_start(w);
	world_ok(w, "b");
	world_forget(w);
	world_order(w, CUT_ORDER_ABORT, NULL, NULL);
	world_ok(w, "a");
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_ABORTED);
	world_free(w);
}

static void test_delays_without_a_limit_grow_on(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write, retry: {limit: 4, delay: 2s, "
				    "factor: 3, max: 0s, jitter: false}}\n");
	static const cut_time delays[] = {2000, 6000, 18000, 54000};
	cut_time t = 0;

	world_start(w);
	for (size_t i = 0; i < CUT_ARRAY_LEN(delays); i++) {
		world_fail(w, "a");
		assert_int_equal(cut_run_wake(world_run(w)), t + delays[i]);
		world_at(w, t += delays[i]);
	}
	world_free(w);
}

static void test_what_is_sent_with_a_key_is_sent_again_where_a_look_tells_nothing(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.look}]\n");

	world_start(w);
	world_lost(w, "a", false);
	world_outcome(w, "a", CUT_CANCELED, NULL, NULL);
	world_ok(w, "a");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a unknown: its host died\n"
			"         a: observe 1\n"
			"         a: apply 1\n"
			"         a succeeded\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_verify_of_a_poll_is_no_poll(void **state)
{
	struct world *w = world_new(
		"steps: [{id: a, uses: t.read, poll: {every: 1s}, verify: {uses: t.read}}]\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "a");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, polling\n"
			"         a: extra verify 1\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_an_answer_without_words_or_values_is_one_all_the_same(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.get, on_failure: continue}, "
				    "{id: b, uses: t.get}]\n");
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_json) json_t *nothing = json_null();
	struct cut_event ev = {.type = CUT_EV_OUTCOME,
			       .outcome = {.step = world_step(w, "b"),
					   .op = CUT_OP_APPLY,
					   .attempt = 1,
					   .data = nothing}};
	struct cut_step_view view;

	world_start(w);
	world_outcome(w, "a", CUT_FAIL, "", NULL);
	assert_int_equal(world_feed(w, &ev, &err), 0);
	cut_run_step_view(world_run(w), world_step(w, "b"), &view);
	assert_int_equal(view.state, CUT_STEP_SUCCEEDED);
	assert_null(view.outputs);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1\n"
			"         a failed: no reason was given\n"
			"         b: apply 1\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_deadline_does_not_decide_what_nobody_knows(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.opaque, deadline: 1m}]\n");

	world_start(w);
	world_lost(w, "a", false);
	world_at(w, 61000);
	assert_int_equal(state_of(w, "a"), CUT_STEP_UNKNOWN);
	world_free(w);
}

static void test_a_deadline_ends_the_wait_for_the_next_try_of_a_verify(void **state)
{
	struct world *w =
		world_new("steps: [{id: a, uses: t.write, deadline: 1m, verify: {uses: "
			  "t.read, retry: {limit: 3, delay: 10m, max: 10m, jitter: false}}}]\n");

	world_start(w);
	world_ok(w, "a");
	world_fail(w, "a");
	world_forget(w);
	world_at(w, 61000);
	expect_trace(w,
		     "[ 60000] a failed: its deadline of all attempts has passed: try 2 of 4 in "
		     "10m00s: broken\n"
		     "         run paused: a failed: its deadline of all attempts has passed: try "
		     "2 of 4 in 10m00s: broken; next: cutover retry a, cutover skip a --reason "
		     "TEXT, cutover attest a --applied (fixed by hand), or cutover rollback\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delays_grow_up_to_their_limit),
		cmocka_unit_test(test_an_undo_whose_parameters_cannot_be_made_has_failed),
		cmocka_unit_test(test_a_verify_whose_parameters_cannot_be_made_fails_the_step),
		cmocka_unit_test(test_what_was_observed_as_applied_is_verified_as_if_it_had_ended),
		cmocka_unit_test(test_an_observation_that_was_canceled_tells_nothing),
		cmocka_unit_test(test_what_cannot_be_observed_goes_by_its_class),
		cmocka_unit_test(test_a_request_that_never_gets_out_fails_its_step),
		cmocka_unit_test(test_a_test_that_is_lost_fails_where_nobody_is_asked),
		cmocka_unit_test(test_a_new_engine_checks_an_open_gate_again),
		cmocka_unit_test(test_a_check_is_not_canceled_but_its_answer_is_of_no_interest),
		cmocka_unit_test(test_delays_without_a_limit_grow_on),
		cmocka_unit_test(
			test_what_is_sent_with_a_key_is_sent_again_where_a_look_tells_nothing),
		cmocka_unit_test(test_a_verify_of_a_poll_is_no_poll),
		cmocka_unit_test(test_an_answer_without_words_or_values_is_one_all_the_same),
		cmocka_unit_test(test_a_deadline_does_not_decide_what_nobody_knows),
		cmocka_unit_test(test_a_deadline_ends_the_wait_for_the_next_try_of_a_verify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
