/* SPDX-License-Identifier: Apache-2.0 */
/* People: approvals, manual work, sign-offs. lead: alice (1001), bob (1002); dba: bob, carol
 * (1003); mallory (1004) is in no role. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>

#include "tests/lib/world.h"

#define ROLES                                                                                      \
	"roles:\n"                                                                                 \
	"  lead: {members: [alice, bob], not_starter: true}\n"                                     \
	"  dba: {members: [bob, carol], quorum: 2}\n"

static void test_each_role_reaches_its_quorum_and_a_person_counts_once(void **state)
{
	struct world *w = world_new(ROLES "steps:\n"
					  "  - {id: go, approve: {roles: [lead, dba]}}\n"
					  "  - {id: a, uses: t.read}\n");
	size_t waiting;

	world_start(w);
	cut_run_waiting(world_run(w), &waiting);
	assert_int_equal(waiting, 1);
	assert_int_equal(cut_run_exit_code(world_run(w)), 3);
	assert_true(world_vote(w, "go", 1004, true) < 0);
	assert_true(world_vote(w, "go", 1001, true) < 0);
	assert_int_equal(world_vote(w, "go", 1002, true), 0);
	assert_true(world_vote(w, "go", 1002, true) < 0);
	assert_int_equal(world_vote(w, "go", 1003, true), 0);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         go ready: approval\n"
			"         refused: mallory may not decide go: not a member of a role that "
			"is asked\n"
			"         refused: alice may not decide go: the one who started the run "
			"may not approve it\n"
			"         refused: bob has approved go before: a person counts once\n");
	world_free(w);
}

static void test_enough_distinct_persons_open_the_gate(void **state)
{
	struct world *w = world_new(
		ROLES "steps:\n"
		      "  - {id: go, approve: {roles: [dba], message: 'go, ${{ run.starter }}?'}}\n"
		      "  - {id: a, uses: t.read}\n");
	size_t waiting;

	world_start(w);
	world_at(w, 1000);
	world_vote(w, "go", 1003, true);
	world_vote(w, "go", 1002, true);
	cut_run_waiting(world_run(w), &waiting);
	assert_int_equal(waiting, 0);
	assert_true(world_vote(w, "go", 1002, true) < 0);
	assert_true(world_vote(w, "nosuch", 1002, true) < 0);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         go ready: approval: go, alice?\n"
			"[  1000] go succeeded: approved, last by bob\n"
			"         a: apply 1\n"
			"         refused: go takes no votes now: approved, last by bob\n"
			"         refused: there is no gate nosuch\n");
	world_free(w);
}

static void test_a_declined_gate_holds_until_it_is_opened_again_with_its_votes_void(void **state)
{
	struct world *w = world_new(ROLES "steps:\n"
					  "  - {id: go, approve: {roles: [dba]}}\n"
					  "  - {id: a, uses: t.read}\n");

	world_start(w);
	world_vote(w, "go", 1003, true);
	world_vote(w, "go", 1002, false);
	world_at(w, 10);
	assert_true(world_vote(w, "go", 1002, true) < 0);
	assert_true(world_order(w, CUT_ORDER_RESUME, NULL, NULL) < 0);
	world_order(w, CUT_ORDER_RETRY, "go", NULL);
	world_vote(w, "go", 1002, true);
	world_vote(w, "go", 1003, true);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         go ready: approval\n"
			"         go failed: bob declined it\n"
			"         run paused: go: bob declined it; next: cutover retry go opens it "
			"again with the old votes void; or cutover rollback, or cutover abort\n"
			"[    10] refused: go takes no votes now: bob declined it\n"
			"         refused: the run cannot resume: a decision is open: gate go "
			"(cutover retry go opens it again with the old votes void; or cutover "
			"rollback, or cutover abort)\n"
			"         go ready: retried by alice\n"
			"         run running: the holds are gone, the run goes on\n"
			"         go ready: approval\n"
			"         go succeeded: approved, last by carol\n"
			"         a: apply 1\n");
	world_free(w);
}

static void test_a_vote_on_a_closed_gate_is_told_what_opens_it(void **state)
{
	struct world *w = world_new(ROLES "steps:\n"
					  "  - {id: a, uses: t.read}\n"
					  "  - {id: go, approve: {roles: [dba]}}\n"
					  "  - {id: b, uses: t.read}\n");
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_event ev = {
		.type = CUT_EV_APPROVAL,
		.approval = {.gate = "go", .uid = 1003, .name = "carol"},
	};

	world_start(w);
	assert_int_equal(world_feed(w, &ev, &err), -EALREADY);
	assert_string_equal(err.why, "it is not open");
	assert_string_equal(err.next, "cutover status tells who is waited for");
	world_ok(w, "a");
	world_vote(w, "go", 1002, false);
	assert_int_equal(world_feed(w, &ev, &err), -EALREADY);
	assert_string_equal(err.why, "bob declined it");
	assert_string_equal(err.next, "cutover retry go opens it again");
	world_order(w, CUT_ORDER_RETRY, "go", NULL);
	world_vote(w, "go", 1002, true);
	assert_int_equal(world_vote(w, "go", 1003, true), 0);
	assert_int_equal(world_feed(w, &ev, &err), -EALREADY);
	assert_string_equal(err.why, "approved, last by carol");
	world_free(w);
}

static void test_a_gate_expires_and_rolls_back_where_it_says_so(void **state)
{
	struct world *w = world_new(
		ROLES "steps:\n"
		      "  - {id: a, uses: t.write}\n"
		      "  - {id: go, approve: {roles: [dba], expires: 1h, on_expiry: rollback}}\n");

	world_start(w);
	world_ok(w, "a");
	world_at(w, 3600000);
	world_ok(w, "a");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a succeeded\n"
			"         go ready: approval\n"
			"[3600000] go failed: it has expired: not approved within 1h00m\n"
			"         run rolling_back: gate go: it has expired: not approved within "
			"1h00m; rolling back 1 step, traffic first\n"
			"         a: rollback 1, after its intent\n"
			"         a rolled_back\n"
			"         run closing: everything is undone\n"
			"         run rolled_back: everything is undone\n"
			"         end, exit code 4\n");
	world_free(w);
}

static void test_a_gate_declined_with_abort_ends_the_run_as_failed(void **state)
{
	struct world *w =
		world_new(ROLES "steps:\n"
				"  - {id: a, uses: t.write}\n"
				"  - {id: go, approve: {roles: [dba], on_decline: abort}}\n");

	world_start(w);
	world_ok(w, "a");
	world_vote(w, "go", 1003, false);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a succeeded\n"
			"         go ready: approval\n"
			"         go failed: carol declined it\n"
			"         run closing: go: carol declined it\n"
			"         run failed: go: carol declined it\n"
			"         end, exit code 9\n");
	world_free(w);
}

static void test_checks_are_shown_when_the_gate_opens_and_refuse_the_last_vote(void **state)
{
	struct world *w = world_new(
		ROLES
		"steps:\n"
		"  - {id: go, approve: {roles: [dba], checks: ['run.starter == \"bob\"']}}\n");
	struct cut_step_view view;
	json_t *data = NULL;

	world_start(w);
	assert_false(cut_run_check(world_run(w), world_step(w, "go"), NULL, &data));
	assert_string_equal(
		json_string_value(json_object_get(
			json_object_get(json_array_get(json_object_get(data, "values"), 0), "saw"),
			"run.starter")),
		"alice");
	json_decref(data);
	world_outcome(w, "go", CUT_FAIL, "run.starter == \"bob\" is false", NULL);
	cut_run_step_view(world_run(w), world_step(w, "go"), &view);
	assert_int_equal(view.state, CUT_STEP_READY);
	assert_non_null(view.reason);
	assert_int_equal(world_vote(w, "go", 1002, true), 0);
	assert_true(world_vote_values(w, "go", 1003,
				      "{\"values\": [{\"that\": \"x\", \"is\": false}]}") < 0);
	assert_int_equal(
		world_vote_values(w, "go", 1003, "{\"values\": [{\"that\": \"x\", \"is\": true}]}"),
		0);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         go ready: approval\n"
			"         go: check 1\n"
			"         refused: go cannot be approved now: one of its checks is not "
			"true at the last approval\n"
			"         go succeeded: approved, last by carol\n"
			"         run closing: all steps are done\n"
			"         run done: all steps are done\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_manual_work_is_attested_with_its_evidence_by_its_role(void **state)
{
	struct world *w = world_new(
		ROLES
		"steps:\n"
		"  - id: m\n"
		"    manual: {instructions: turn it, role: lead, evidence: [photo]}\n"
		"    effects: write\n"
		"    rollback: {uses: t.write}\n"
		"  - {id: a, uses: t.write, with: {value: '${{ steps.m.outputs.photo }}'}}\n");

	world_start(w);
	world_at(w, 10);
	assert_true(world_order(w, CUT_ORDER_ATTEST, "m", "{}") < 0);
	assert_int_equal(
		world_order(w, CUT_ORDER_ATTEST, "m", "{\"evidence\": {\"photo\": \"p.jpg\"}}"), 0);
	world_at(w, 20);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_at(w, 30);
	world_outcome(w, "a", CUT_RETRY, "nothing was changed", NULL);
	world_ok(w, "m");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         m ready: manual\n"
			"[    10] refused: m needs the evidence 'photo'\n"
			"         m succeeded: attested by alice\n"
			"         a: apply 1, after its intent value=p.jpg\n"
			"[    20] run rolling_back: operator: alice ordered it; rolling back 2 "
			"steps, traffic first\n"
			"         a: cancel apply\n"
			"[    30] a failed: stopped: nothing was changed\n"
			"         m: rollback 1, after its intent\n"
			"         m rolled_back\n"
			"         run closing: everything is undone\n"
			"         run rolled_back: everything is undone\n"
			"         end, exit code 4\n");
	world_free(w);
}

static void test_open_manual_work_that_writes_is_undone_as_well(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: m, manual: {instructions: turn it}, effects: write, "
				    "rollback: {uses: t.write}}\n");

	world_start(w);
	world_at(w, 20);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	assert_true(world_order(w, CUT_ORDER_ATTEST, "m", NULL) < 0);
	world_ok(w, "m");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         m ready: manual\n"
			"[    20] run rolling_back: operator: alice ordered it; rolling back 1 "
			"step, traffic first\n"
			"         m: rollback 1, after its intent\n"
			"         refused: cannot attest now: the run is rolling_back\n"
			"         m rolled_back\n"
			"         run closing: everything is undone\n"
			"         run rolled_back: everything is undone\n"
			"         end, exit code 4\n");
	world_free(w);
}

static void test_a_sign_off_is_void_when_the_evidence_changes_and_can_be_declined(void **state)
{
	struct world *w = world_new(
		ROLES
		"phases:\n"
		"  - id: one\n"
		"    steps: [{id: a, uses: t.write}]\n"
		"    acceptance: {clean_for: 1m, tests: [{uses: t.read}], sign_off: [dba]}\n");

	world_start(w);
	world_ok(w, "a");
	world_accept(w, "one", CUT_ACC_RUNNING, false);
	assert_true(world_vote(w, "one", 1002, true) < 0);
	world_accept(w, "one", CUT_ACC_MET, false);
	assert_int_equal(world_vote(w, "one", 1002, true), 0);
	world_accept(w, "one", CUT_ACC_SUSPENDED, false);
	world_accept(w, "one", CUT_ACC_MET, false);
	assert_int_equal(world_vote(w, "one", 1003, true), 0);
	assert_false(cut_run_signed(world_run(w), 0));
	world_accept(w, "one", CUT_ACC_ACCEPTED, false);
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_RUNNING);
	world_vote(w, "one", 1002, false);
	world_order(w, CUT_ORDER_RETRY, "one", NULL);
	world_vote(w, "one", 1002, true);
	world_vote(w, "one", 1003, true);
	assert_true(cut_run_signed(world_run(w), 0));
	world_accept(w, "one", CUT_ACC_SIGNED, false);
	world_accept(w, "one", CUT_ACC_ACCEPTED, false);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a succeeded\n"
			"         refused: one takes no votes now: it is not open\n"
			"         run paused: bob declined to accept one; next: cutover retry one "
			"asks for the sign-off again, or cutover rollback\n"
			"         run running: the holds are gone, the run goes on\n"
			"         run running: one is accepted\n"
			"         run closing: accepted\n"
			"         run accepted: accepted\n"
			"         end, exit code 0\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_role_reaches_its_quorum_and_a_person_counts_once),
		cmocka_unit_test(test_enough_distinct_persons_open_the_gate),
		cmocka_unit_test(
			test_a_declined_gate_holds_until_it_is_opened_again_with_its_votes_void),
		cmocka_unit_test(test_a_vote_on_a_closed_gate_is_told_what_opens_it),
		cmocka_unit_test(test_a_gate_expires_and_rolls_back_where_it_says_so),
		cmocka_unit_test(test_a_gate_declined_with_abort_ends_the_run_as_failed),
		cmocka_unit_test(
			test_checks_are_shown_when_the_gate_opens_and_refuse_the_last_vote),
		cmocka_unit_test(test_manual_work_is_attested_with_its_evidence_by_its_role),
		cmocka_unit_test(test_open_manual_work_that_writes_is_undone_as_well),
		cmocka_unit_test(
			test_a_sign_off_is_void_when_the_evidence_changes_and_can_be_declined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
