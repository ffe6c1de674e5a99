/* SPDX-License-Identifier: Apache-2.0 */
/* What comes when it counts no more: votes on a gate that is over, orders that time has overtaken,
 * answers nobody waits for, words on a stage that is another one. Refused, or without effect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "tests/lib/world.h"

#define GATE                                                                                       \
	"roles: {lead: {members: [alice, bob]}}\n"                                                 \
	"steps: [{id: go, approve: {roles: [lead], expires: 1m, checks: [\"run.id == 'x'\"]}}]\n"

static void test_a_vote_that_comes_after_the_expiry_is_refused(void **state)
{
	struct world *w = world_new(GATE);

	world_start(w);
	world_forget(w);
	world_sleep(w, 60001);
	assert_int_equal(world_vote(w, "go", 1002, true), -EALREADY);
	world_at(w, 60001);
	expect_trace(w, "[ 60001] refused: go takes no votes now: it has expired\n"
			"         go failed: it has expired: not approved within 1m00s\n"
			"         run paused: go: it has expired: not approved within 1m00s; next: "
			"cutover retry go opens it again with the old votes void; or cutover "
			"rollback, or cutover abort\n");
	world_free(w);
}

static void test_checks_that_end_after_a_decline_change_nothing(void **state)
{
	struct world *w = world_new(GATE);
	struct cut_event no = {.type = CUT_EV_APPROVAL,
			       .actor = "bob",
			       .approval = {.gate = "go",
					    .decline = true,
					    .uid = 1002,
					    .name = "bob",
					    .comment = "not today"}};
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_step_view view;

	world_start(w);
	world_forget(w);
	assert_int_equal(world_feed(w, &no, &err), 0);
	expect_trace(
		w,
		"[     0] go failed: bob declined it: not today\n"
		"         run paused: go: bob declined it: not today; next: cutover retry go opens "
		"it again with the old votes void; or cutover rollback, or cutover abort\n");
	world_outcome(w, "go", CUT_FAIL, "false", NULL);
	cut_run_step_view(world_run(w), world_step(w, "go"), &view);
	assert_string_equal(view.reason, "bob declined it: not today");
	expect_trace(w, "");
	world_free(w);
}

static void test_an_order_that_time_has_overtaken_changes_nothing(void **state)
{
	struct world *w =
		world_new("downtime: [{id: dark, from: a, to: b, limit: 10s, on_limit: rollback}]\n"
			  "steps: [{id: a, uses: t.write}, {id: b, uses: t.write}]\n");

	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	world_sleep(w, 10001);
	assert_int_equal(world_order(w, CUT_ORDER_PAUSE, NULL, NULL), 0);
	expect_trace(w, "[ 10001] run rolling_back: downtime dark: dark has passed its limit of "
			"10s; rolling back 2 steps, traffic first\n"
			"         b: cancel apply\n");
	world_free(w);
}

static void test_an_answer_that_nobody_waits_for_is_refused(void **state)
{
	static const struct {
		unsigned attempt;
		enum cut_op op;
	} answers[] = {{1, CUT_OP_APPLY}, {1, CUT_OP_VERIFY}, {2, CUT_OP_APPLY}, {0, CUT_OP_APPLY}};
	struct world *w = world_new("steps: [{id: a, uses: t.write}, {id: b, uses: t.write}]\n");

	world_start(w);
	world_ok(w, "a");
	for (size_t i = 0; i < CUT_ARRAY_LEN(answers); i++) {
		struct cut_event ev = {.type = CUT_EV_OUTCOME,
				       .outcome = {.step = world_step(w, "a"),
						   .op = answers[i].op,
						   .attempt = answers[i].attempt}};
		cut_auto(cut_err) struct cut_err err = {0};

		assert_int_equal(world_feed(w, &ev, &err), -EALREADY);
	}
	world_ok(w, "b");
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_DONE);
	world_free(w);
}

static void test_the_run_clock_does_not_go_backwards(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.write}]\n");
	struct cut_event note = {.type = CUT_EV_NOTE, .note = {"late"}};
	cut_auto(cut_err) struct cut_err err = {0};

	world_start(w);
	world_at(w, 5000);
	world_order(w, CUT_ORDER_PAUSE, NULL, NULL);
	world_sleep(w, 4999);
	assert_int_equal(world_feed(w, &note, &err), -EINVAL);
	world_free(w);
}

static void test_after_the_end_only_notes_and_a_new_engine_are_heard(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.read}]\n");
	struct cut_event note = {.type = CUT_EV_NOTE, .note = {"it went well"}};
	cut_auto(cut_err) struct cut_err err = {0};

	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	assert_int_equal(world_feed(w, &note, &err), 0);
	world_crash(w);
	assert_int_equal(world_order(w, CUT_ORDER_PAUSE, NULL, NULL), -EALREADY);
	expect_trace(w, "[     0] refused: the run has ended as done\n");
	world_free(w);
}

#define STAGES                                                                                     \
	"roles: {lead: {members: [alice, bob]}}\n"                                                 \
	"phases:\n"                                                                                \
	"  - {id: one, steps: [{id: a, uses: t.write}, {id: b, uses: t.write}],\n"                 \
	"     acceptance: {clean_for: 1m, tests: [{uses: t.read}], sign_off: [lead]}}\n"           \
	"  - {id: two, steps: [{id: c, uses: t.write}],\n"                                         \
	"     acceptance: {clean_for: 1m, tests: [{uses: t.read}], sign_off: [lead]}}\n"

static void test_a_word_on_another_stage_or_before_its_time_counts_for_nothing(void **state)
{
	struct world *w = world_new(STAGES);

	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	world_accept(w, "two", CUT_ACC_FAILED, false);
	world_accept(w, "one", CUT_ACC_MET, false);
	world_accept(w, "one", CUT_ACC_ACCEPTED, false); /* unsigned */
	assert_int_equal(world_vote(w, "two", 1002, true), -EALREADY);
	assert_int_equal(world_vote(w, "one", 1002, true), 0);
	world_accept(w, "one", CUT_ACC_MET, false);	 /* signed: not asked again */
	world_accept(w, "one", CUT_ACC_ACCEPTED, false); /* b is not done */
	expect_trace(w, "[     0] refused: two takes no votes now: it is not open\n");
	world_ok(w, "b");
	world_accept(w, "one", CUT_ACC_ACCEPTED, false);
	expect_trace(w, "[     0] b succeeded\n"
			"         run running: one is accepted\n"
			"         c: apply 1, after its intent\n");
	world_free(w);
}

static void test_tests_that_still_run_are_not_started_again(void **state)
{
	struct world *w = world_new(STAGES);

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	world_forget(w);
	world_accept(w, "one", CUT_ACC_RUNNING, true);
	world_accept(w, "one", CUT_ACC_RUNNING, true);
	expect_trace(w, "[     0] one/tests/0: apply 1\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_vote_that_comes_after_the_expiry_is_refused),
		cmocka_unit_test(test_checks_that_end_after_a_decline_change_nothing),
		cmocka_unit_test(test_an_order_that_time_has_overtaken_changes_nothing),
		cmocka_unit_test(test_an_answer_that_nobody_waits_for_is_refused),
		cmocka_unit_test(test_the_run_clock_does_not_go_backwards),
		cmocka_unit_test(test_after_the_end_only_notes_and_a_new_engine_are_heard),
		cmocka_unit_test(
			test_a_word_on_another_stage_or_before_its_time_counts_for_nothing),
		cmocka_unit_test(test_tests_that_still_run_are_not_started_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
