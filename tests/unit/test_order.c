/* SPDX-License-Identifier: Apache-2.0 */
/* Orders that make no sense now are refused, with what is so instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "tests/lib/world.h"

static const char *const runbook =
	"roles: {dba: {members: [bob, carol]}, lead: {members: [bob]}}\n"
	"authority: {skip: [dba, lead], freeze: [lead]}\n"
	"clients: [{id: app, what: pins, owner: x, due: 2031-01-01T00:00:00Z}]\n"
	"phases:\n"
	"  - id: p\n"
	"    order: parallel\n"
	"    steps:\n"
	"      - {id: runs, uses: t.read}\n"
	"      - {id: fails, uses: t.read, on_failure: hold}\n"
	"      - {id: goes_on, uses: t.read, on_failure: continue}\n"
	"      - {id: lost, uses: t.opaque, rollback: not_needed}\n"
	"      - {id: over, uses: t.read}\n"
	"      - {id: gate, approve: {roles: [lead]}}\n"
	"      - {id: work, manual: {instructions: do, role: dba, evidence: [photo]},"
	" rollback: not_needed}\n"
	"      - {id: later, needs: [fails], uses: t.read}\n"
	"finally: [{id: last, uses: t.read}]\n";

static struct world *begin(void)
{
	struct world *w = world_new(runbook);

	world_start(w);
	world_fail(w, "fails");
	world_fail(w, "goes_on");
	world_lost(w, "lost", false);
	world_ok(w, "over");
	return w;
}

static const struct order {
	enum cut_order order;
	const char *target, *args;
	int64_t uid;
	int result;
	const char *what; /* of the refusal */
} refused[] = {
	{CUT_ORDER_START, NULL, NULL, 1001, -EALREADY, "cannot start now"},
	{CUT_ORDER_FREEZE, NULL, NULL, 1002, -EINVAL, "a freeze needs a duration"},
	{CUT_ORDER_FREEZE, NULL, "{\"for\": 5}", 1003, -EPERM, "alice may not freeze"},
	{CUT_ORDER_RETRY, NULL, NULL, 1001, -EINVAL, "there is no step "},
	{CUT_ORDER_RETRY, "nosuch", NULL, 1001, -EINVAL, "there is no step nosuch"},
	{CUT_ORDER_RETRY, "rollback/verify", NULL, 1001, -EINVAL, "there is no step"},
	{CUT_ORDER_RETRY, "runs", NULL, 1001, -EINVAL,
	 "runs is running: there is nothing to retry"},
	{CUT_ORDER_RETRY, "last", NULL, 1001, -EINVAL,
	 "last is pending: there is nothing to retry"},
	{CUT_ORDER_RETRY, "lost", NULL, 1001, -EBUSY, "lost cannot be retried"},
	{CUT_ORDER_RETRY, "goes_on", NULL, 1001, -EALREADY,
	 "goes_on failed under on_failure: continue"},
	{CUT_ORDER_SKIP, NULL, "{\"reason\": \"x\"}", 1002, -EINVAL, "there is no step "},
	{CUT_ORDER_SKIP, "fails", NULL, 1002, -EINVAL, "a skip needs a reason"},
	{CUT_ORDER_SKIP, "fails", "{\"reason\": \"\"}", 1002, -EINVAL, "a skip needs a reason"},
	{CUT_ORDER_SKIP, "fails", "{\"reason\": \"x\"}", 1004, -EPERM, "alice may not skip"},
	{CUT_ORDER_SKIP, "runs", "{\"reason\": \"x\"}", 1002, -EINVAL, "runs is running"},
	{CUT_ORDER_SKIP, "lost", "{\"reason\": \"x\"}", 1002, -EINVAL, "lost is unknown"},
	{CUT_ORDER_SKIP, "over", "{\"reason\": \"x\"}", 1002, -EINVAL, "over is succeeded"},
	{CUT_ORDER_SKIP, "last", "{\"reason\": \"x\"}", 1002, -EINVAL, "last is pending"},
	{CUT_ORDER_SKIP, "goes_on", "{\"reason\": \"x\"}", 1002, -EALREADY,
	 "goes_on failed under on_failure: continue"},
	{CUT_ORDER_ATTEST, NULL, NULL, 1001, -EINVAL, "there is no step "},
	{CUT_ORDER_ATTEST, "runs", "{\"applied\": true}", 1001, -EINVAL, "runs is running"},
	{CUT_ORDER_ATTEST, "over", "{\"applied\": true}", 1001, -EINVAL, "over is succeeded"},
	{CUT_ORDER_ATTEST, "later", "{\"applied\": true}", 1001, -EINVAL, "later is pending"},
	{CUT_ORDER_ATTEST, "gate", "{\"applied\": true}", 1001, -EINVAL, "gate is ready"},
	{CUT_ORDER_ATTEST, "lost", NULL, 1001, -EINVAL, "whether lost was applied must be said"},
	{CUT_ORDER_ATTEST, "goes_on", "{\"applied\": true}", 1001, -EALREADY,
	 "goes_on failed under"},
	{CUT_ORDER_ATTEST, "work", NULL, 1001, -EPERM, "alice may not attest work"},
	{CUT_ORDER_ATTEST, "work", NULL, 1003, -EINVAL, "work needs the evidence 'photo'"},
	{CUT_ORDER_ACK, NULL, NULL, 1001, -EINVAL, "there is no client "},
	{CUT_ORDER_ACK, "web", NULL, 1001, -EINVAL, "there is no client web"},
	{CUT_ORDER_RESUME, NULL, NULL, 1001, -EBUSY, "a decision is open"},
	{CUT_ORDER_ROLLBACK, "nosuch", NULL, 1001, -EINVAL, "nosuch"},
};

static int give(struct world *w, const struct order *o, struct cut_err *err)
{
	cut_auto(cut_json) json_t *args = o->args ? json_loads(o->args, 0, NULL) : NULL;
	struct cut_event ev = {
		.type = CUT_EV_ORDER,
		.order = {.order = o->order, .target = o->target, .uid = o->uid, .args = args},
	};

	return world_feed(w, &ev, err);
}

static void test_an_order_that_makes_no_sense_is_refused_and_changes_nothing(void **state)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(refused); i++) {
		struct world *w = begin();
		cut_auto(cut_err) struct cut_err err = {0};

		assert_int_equal(give(w, &refused[i], &err), refused[i].result);
		if (!strstr(err.what, refused[i].what))
			fail_msg("want %s, got %s", refused[i].what, err.what);
		world_free(w);
	}
}

static void test_once_a_run_goes_back_nothing_forward_is_ordered(void **state)
{
	static const struct order orders[] = {
		{CUT_ORDER_PAUSE, NULL, NULL, 1001, -EALREADY, "cannot pause"},
		{CUT_ORDER_RESUME, NULL, NULL, 1001, -EALREADY, "cannot resume"},
		{CUT_ORDER_FREEZE, NULL, "{\"for\": 5}", 1002, -EALREADY, "cannot freeze"},
		{CUT_ORDER_RETRY, "fails", NULL, 1001, -EALREADY, "cannot retry"},
		{CUT_ORDER_SKIP, "later", "{\"reason\": \"x\"}", 1002, -EALREADY, "cannot skip"},
		{CUT_ORDER_ATTEST, "fails", "{\"applied\": true}", 1001, -EALREADY,
		 "cannot attest"},
		{CUT_ORDER_ROLLBACK, NULL, NULL, 1001, -EALREADY, "cannot rollback"},
	};
	struct world *w = begin();

	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	for (size_t i = 0; i < CUT_ARRAY_LEN(orders); i++) {
		cut_auto(cut_err) struct cut_err err = {0};

		assert_int_equal(give(w, &orders[i], &err), orders[i].result);
		if (!strstr(err.what, orders[i].what))
			fail_msg("want %s, got %s", orders[i].what, err.what);
	}
	world_free(w);
}

static void test_nothing_is_resumed_that_does_not_pause_and_nothing_is_paused_twice(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.read}, {id: b, uses: t.read}]\n");

	world_start(w);
	assert_int_equal(world_order(w, CUT_ORDER_RESUME, NULL, NULL), -EALREADY);
	assert_int_equal(world_order(w, CUT_ORDER_PAUSE, NULL, NULL), 0);
	assert_int_equal(world_order(w, CUT_ORDER_PAUSE, NULL, NULL), -EALREADY);
	world_ok(w, "a");
	assert_int_equal(world_order(w, CUT_ORDER_RESUME, NULL, NULL), 0);
	assert_true(world_saw(w, "b: apply 1"));
	world_free(w);
}

static void test_a_person_attests_work_with_its_evidence_or_says_it_was_not_done(void **state)
{
	static const struct order done = {
		CUT_ORDER_ATTEST, "work", "{\"evidence\": {\"photo\": \"x.png\"}}", 1003, 0, NULL};
	static const struct order undone = {
		CUT_ORDER_ATTEST,
		"work",
		"{\"applied\": false, \"evidence\": {\"photo\": \"-\"}}",
		1003,
		0,
		NULL};
	struct world *w = begin();
	struct cut_step_view view;

	assert_int_equal(give(w, &undone, NULL), 0);
	cut_run_step_view(world_run(w), world_step(w, "work"), &view);
	assert_int_equal(view.state, CUT_STEP_FAILED);
	assert_true(world_saw(w, "attested that it was not done"));
	world_free(w);
	w = begin();
	assert_int_equal(give(w, &done, NULL), 0);
	cut_run_step_view(world_run(w), world_step(w, "work"), &view);
	assert_int_equal(view.state, CUT_STEP_SUCCEEDED);
	assert_string_equal(cut_json_str(view.outputs, "photo", ""), "x.png");
	world_free(w);
}

static void test_work_without_evidence_is_attested_by_a_word(void **state)
{
	struct world *w = world_new("steps: [{id: work, manual: {instructions: do},"
				    " rollback: not_needed}]\n");

	world_start(w);
	assert_int_equal(world_order(w, CUT_ORDER_ATTEST, "work", NULL), 0);
	assert_true(world_saw(w, "work succeeded: attested by alice"));
	world_free(w);
}

static void test_a_lost_step_that_was_not_applied_is_tried_anew(void **state)
{
	struct world *w = begin();

	world_forget(w);
	assert_int_equal(world_order(w, CUT_ORDER_ATTEST, "lost", "{\"applied\": false}"), 0);
	assert_true(world_saw(w, "lost: apply 2, after its intent"));
	world_free(w);
	w = begin();
	assert_int_equal(world_order(w, CUT_ORDER_ATTEST, "lost", "{\"applied\": true}"), 0);
	assert_true(world_saw(w, "lost succeeded: attested as applied by alice"));
	world_free(w);
}

static void test_a_failed_step_that_was_not_applied_stays_failed(void **state)
{
	struct world *w = begin();

	assert_int_equal(world_order(w, CUT_ORDER_ATTEST, "fails", "{\"applied\": false}"), 0);
	assert_true(world_saw(w, "fails failed: attested as not applied by alice"));
	world_free(w);
}

static void test_who_is_in_command_is_remembered(void **state)
{
	struct world *w = begin();

	assert_null(cut_run_in_command(world_run(w)));
	assert_int_equal(world_order(w, CUT_ORDER_COMMAND, "bob", NULL), 0);
	assert_int_equal(world_order(w, CUT_ORDER_COMMAND, "carol", NULL), 0);
	assert_string_equal(cut_run_in_command(world_run(w)), "carol");
	assert_false(cut_run_acked(world_run(w), 0));
	assert_int_equal(world_order(w, CUT_ORDER_ACK, "app", NULL), 0);
	assert_true(cut_run_acked(world_run(w), 0));
	world_free(w);
}

static void test_failed_work_is_attested_by_its_role_and_with_its_evidence_as_well(void **state)
{
	static const char *const told = "{\"applied\": true, \"evidence\": {\"photo\": \"x.png\"}}";
	static const struct {
		struct order order;
	} cases[] = {
		{{CUT_ORDER_ATTEST, "work", "{\"evidence\": {\"photo\": \"-\"}}", 1003, -EINVAL,
		  "must be said"}},
		{{CUT_ORDER_ATTEST, "work", told, 1001, -EPERM, "alice may not attest work"}},
		{{CUT_ORDER_ATTEST, "work", "{\"applied\": true}", 1003, -EINVAL,
		  "work needs the evidence 'photo'"}},
	};
	static const struct order undone = {
		CUT_ORDER_ATTEST,
		"work",
		"{\"applied\": false, \"evidence\": {\"photo\": \"-\"}}",
		1003,
		0,
		NULL};
	const struct order done = {CUT_ORDER_ATTEST, "work", told, 1003, 0, NULL};
	struct cut_step_view view;
	struct world *w = begin();

	assert_int_equal(give(w, &undone, NULL), 0);
	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		cut_auto(cut_err) struct cut_err err = {0};

		assert_int_equal(give(w, &cases[i].order, &err), cases[i].order.result);
		assert_non_null(strstr(err.what, cases[i].order.what));
	}
	assert_int_equal(give(w, &done, NULL), 0);
	cut_run_step_view(world_run(w), world_step(w, "work"), &view);
	assert_int_equal(view.state, CUT_STEP_SUCCEEDED);
	assert_string_equal(cut_json_str(view.outputs, "photo", ""), "x.png");
	world_free(w);
}

static void test_a_gate_that_failed_is_no_work_to_attest_but_a_check_is(void **state)
{
	struct world *w = world_new("roles: {lead: {members: [bob]}}\n"
				    "steps:\n"
				    "  - {id: c, uses: check, with: {that: \"run.id == 'x'\"}}\n"
				    "  - {id: go, approve: {roles: [lead]}}\n");

	world_start(w);
	world_outcome(w, "c", CUT_FAIL, "false", NULL);
	world_forget(w);
	assert_int_equal(world_order(w, CUT_ORDER_ATTEST, "c", "{\"applied\": true}"), 0);
	world_vote(w, "go", 1002, false);
	assert_int_equal(world_order(w, CUT_ORDER_ATTEST, "go", "{\"applied\": true}"), -EINVAL);
	expect_trace(w, "[     0] run running: the holds are gone, the run goes on\n"
			"         go ready: approval\n"
			"         go failed: bob declined it\n"
			"         run paused: go: bob declined it; next: cutover retry go opens it "
			"again with the old votes void; or cutover rollback, or cutover abort\n"
			"         refused: go is failed: there is nothing to attest\n");
	world_free(w);
}

#define SIGNED                                                                                     \
	"roles: {lead: {members: [alice, bob]}}\n"                                                 \
	"phases:\n"                                                                                \
	"  - {id: one, steps: [{id: a, uses: t.write}],\n"                                         \
	"     acceptance: {clean_for: 1m, tests: [{uses: t.read}], sign_off: [lead]}}\n"

static void test_a_test_that_failed_is_nothing_to_retry_or_attest(void **state)
{
	struct world *w = world_new(SIGNED);

	world_start(w);
	world_ok(w, "a");
	world_accept(w, "one", CUT_ACC_RUNNING, true);
	world_fail(w, "one/tests/0");
	world_forget(w);
	assert_int_equal(world_order(w, CUT_ORDER_RETRY, "one/tests/0", NULL), -EINVAL);
	assert_int_equal(world_order(w, CUT_ORDER_ATTEST, "one/tests/0", "{\"applied\": true}"),
			 -EINVAL);
	expect_trace(w, "[     0] refused: one/tests/0 is failed: there is nothing to retry\n"
			"         refused: one/tests/0 is failed: there is nothing to attest\n");
	world_free(w);
}

static void test_a_sign_off_is_asked_again_only_where_the_evidence_still_holds(void **state)
{
	for (int holds = 0; holds < 2; holds++) {
		struct world *w = world_new(SIGNED);
		size_t waits;

		world_start(w);
		world_ok(w, "a");
		world_accept(w, "one", CUT_ACC_MET, false);
		assert_int_equal(world_vote(w, "one", 1002, false), 0);
		if (!holds)
			world_accept(w, "one", CUT_ACC_RUNNING, false);
		assert_int_equal(world_order(w, CUT_ORDER_RETRY, "one", NULL), 0);
		cut_run_waiting(world_run(w), &waits);
		assert_int_equal(waits, holds);
		world_free(w);
	}
}

static void test_a_rollback_that_holds_traffic_goes_on_as_it_is_or_not_at_all(void **state)
{
	struct world *w = world_new("rollback: {ready: [{uses: t.read}]}\n"
				    "steps: [{id: a, uses: t.traffic}, {id: b, uses: t.read}]\n");

	world_start(w);
	world_ok(w, "a");
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_outcome(w, "b", CUT_CANCELED, NULL, NULL);
	world_fail(w, "rollback/ready/0");
	world_forget(w);
	assert_int_equal(world_order(w, CUT_ORDER_ROLLBACK, "a", NULL), -EALREADY);
	assert_int_equal(world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL), 0);
	expect_trace(w, "[     0] refused: cannot rollback now: the run is rolling_back\n"
			"         run rolling_back: the holds are gone, the run goes on\n"
			"         a: rollback 1, after its intent\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_order_that_makes_no_sense_is_refused_and_changes_nothing),
		cmocka_unit_test(test_once_a_run_goes_back_nothing_forward_is_ordered),
		cmocka_unit_test(
			test_nothing_is_resumed_that_does_not_pause_and_nothing_is_paused_twice),
		cmocka_unit_test(
			test_a_person_attests_work_with_its_evidence_or_says_it_was_not_done),
		cmocka_unit_test(test_work_without_evidence_is_attested_by_a_word),
		cmocka_unit_test(test_a_lost_step_that_was_not_applied_is_tried_anew),
		cmocka_unit_test(test_a_failed_step_that_was_not_applied_stays_failed),
		cmocka_unit_test(test_who_is_in_command_is_remembered),
		cmocka_unit_test(
			test_failed_work_is_attested_by_its_role_and_with_its_evidence_as_well),
		cmocka_unit_test(test_a_gate_that_failed_is_no_work_to_attest_but_a_check_is),
		cmocka_unit_test(test_a_test_that_failed_is_nothing_to_retry_or_attest),
		cmocka_unit_test(
			test_a_sign_off_is_asked_again_only_where_the_evidence_still_holds),
		cmocka_unit_test(test_a_rollback_that_holds_traffic_goes_on_as_it_is_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
