/* SPDX-License-Identifier: Apache-2.0 */
/* What triggers, freezes, acceptance and downtime lead to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>

#include "tests/lib/world.h"

#define WATCHED                                                                                    \
	"metrics: {errors: {uses: t.m, every: 1s}}\n"                                              \
	"triggers:\n"                                                                              \
	"  - {id: back, metric: errors, bad: {above: 5%}}\n"                                       \
	"  - {id: more, metric: errors, bad: {above: 9%}}\n"                                       \
	"  - {id: wait, metric: errors, bad: {above: 3%}, then: pause}\n"                          \
	"  - {id: tell, metric: errors, bad: {above: 2%}, then: notify}\n"                         \
	"  - {id: mute, metric: errors, bad: {above: 1%}, shadow: true}\n"                         \
	"  - {id: dark, metric: errors, bad: {above: 8%}, missing: {on_blind: rollback}}\n"        \
	"steps:\n"                                                                                 \
	"  - {id: a, uses: t.write}\n"                                                             \
	"  - {id: b, uses: t.read}\n"                                                              \
	"  - {id: c, uses: t.read}\n"

static struct world *watched(void)
{
	struct world *w = world_new(WATCHED);

	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	return w;
}

static void test_all_causes_of_one_instant_are_one_decision(void **state)
{
	struct world *w = watched();

	world_at(w, 5000);
	world_trigger(w, "wait", CUT_TRIGGER_FIRING);
	world_trigger(w, "back", CUT_TRIGGER_FIRING);
	world_trigger(w, "more", CUT_TRIGGER_FIRING);
	world_at(w, 6000);
	expect_trace(w, "[  5000] run paused: wait fired: 7 % > 5 %; next: cutover resume to go "
			"on, or cutover rollback\n"
			"         run rolling_back: trigger back: 7 % > 5 %; trigger more: 7 % > 5 "
			"%; trigger wait: fired as well; rolling back 1 step, traffic first\n"
			"         b: cancel apply\n");
	world_free(w);
}

static void test_a_trigger_that_pauses_holds_until_somebody_resumes(void **state)
{
	struct world *w = watched();

	world_trigger(w, "wait", CUT_TRIGGER_FIRING);
	world_ok(w, "b");
	world_trigger(w, "wait", CUT_TRIGGER_CLEAR);
	world_at(w, 10);
	world_order(w, CUT_ORDER_RESUME, NULL, NULL);
	expect_trace(w, "[     0] run paused: wait fired: 7 % > 5 %; next: cutover resume to go "
			"on, or cutover rollback\n"
			"[    10] run running: the holds are gone, the run goes on\n"
			"         c: apply 1\n");
	world_free(w);
}

static void test_notify_and_shadow_change_nothing(void **state)
{
	struct world *w = watched();

	world_trigger(w, "tell", CUT_TRIGGER_FIRING);
	world_trigger(w, "mute", CUT_TRIGGER_FIRING);
	world_trigger(w, "mute", CUT_TRIGGER_BLIND);
	world_ok(w, "b");
	expect_trace(w, "[     0] c: apply 1\n");
	world_free(w);
}

static void test_a_blind_trigger_blocks_until_it_sees_again(void **state)
{
	struct world *w = watched();

	world_trigger(w, "back", CUT_TRIGGER_BLIND);
	world_ok(w, "b");
	world_at(w, 10);
	world_trigger(w, "back", CUT_TRIGGER_CLEAR);
	expect_trace(w,
		     "[     0] run paused: back is blind: 7 % > 5 %; next: it goes on by itself "
		     "with the next sample; cutover resume to go on unseeing, or cutover rollback\n"
		     "[    10] run running: the holds are gone, the run goes on\n"
		     "         c: apply 1\n");
	world_free(w);
}

static void test_on_blind_may_roll_back(void **state)
{
	struct world *w = watched();

	world_trigger(w, "dark", CUT_TRIGGER_BLIND);
	world_at(w, 10);
	expect_trace(w,
		     "[     0] run paused: dark is blind: 7 % > 5 %; next: it goes on by itself "
		     "with the next sample; cutover resume to go on unseeing, or cutover rollback\n"
		     "         run rolling_back: blind dark: 7 % > 5 %; rolling back 1 step, "
		     "traffic first\n"
		     "         b: cancel apply\n");
	world_free(w);
}

static void test_a_freeze_suspends_the_rollback_until_it_ends(void **state)
{
	struct world *w = watched();

	assert_true(world_order(w, CUT_ORDER_FREEZE, NULL, NULL) < 0);
	assert_int_equal(world_order(w, CUT_ORDER_FREEZE, NULL, "{\"for\": 60}"), 0);
	assert_int_equal(cut_run_frozen_until(world_run(w)), 60000);
	world_at(w, 1000);
	world_trigger(w, "back", CUT_TRIGGER_FIRING);
	world_ok(w, "b");
	world_at(w, 61000);
	expect_trace(w,
		     "[     0] refused: a freeze needs a duration\n"
		     "         run paused: alice froze the run for 1m00s: nothing starts, nothing "
		     "rolls back by itself; next: it ends by itself; cutover resume ends it now\n"
		     "[ 60000] run rolling_back: trigger back: 7 % > 5 %; rolling back 1 step, "
		     "traffic first\n"
		     "         a: rollback 1, after its intent\n");
	world_free(w);
}

static void test_a_freeze_without_a_cause_ends_by_itself(void **state)
{
	struct world *w = watched();

	world_order(w, CUT_ORDER_FREEZE, NULL, "{\"for\": 60}");
	world_ok(w, "b");
	world_at(w, 61000);
	expect_trace(w,
		     "[     0] run paused: alice froze the run for 1m00s: nothing starts, nothing "
		     "rolls back by itself; next: it ends by itself; cutover resume ends it now\n"
		     "[ 60000] run running: the holds are gone, the run goes on\n"
		     "         c: apply 1\n");
	world_free(w);
}

static void test_what_still_holds_when_a_freeze_ends_is_told(void **state)
{
	struct world *w = watched();

	world_order(w, CUT_ORDER_PAUSE, NULL, "{\"reason\": \"let me look\"}");
	world_forget(w);
	world_order(w, CUT_ORDER_FREEZE, NULL, "{\"for\": 60, \"reason\": \"no undo\"}");
	world_ok(w, "b");
	world_at(w, 61000);
	expect_trace(w,
		     "[     0] run paused: alice froze the run for 1m00s: nothing starts, nothing "
		     "rolls back by itself: no undo; next: it ends by itself; cutover resume ends "
		     "it now\n"
		     "[ 60000] run paused: still held: alice paused the run: let me look\n");
	world_free(w);
}

static void test_authority_limits_who_may_order_what(void **state)
{
	struct world *w = world_new("roles: {dba: {members: [bob, carol]}}\n"
				    "authority: {freeze: [dba], skip: [dba]}\n"
				    "steps: [{id: a, uses: t.write}]\n");

	world_start(w);
	assert_true(world_order(w, CUT_ORDER_FREEZE, NULL, "{\"for\": 60}") < 0);
	world_fail(w, "a");
	assert_true(world_order(w, CUT_ORDER_SKIP, "a", "{\"reason\": \"x\"}") < 0);
	expect_trace(
		w,
		"[     0] run running: started by alice\n"
		"         a: apply 1, after its intent\n"
		"         refused: alice may not freeze: it takes one of authority.freeze: dba\n"
		"         a failed: broken\n"
		"         run paused: a failed: broken; next: cutover retry a, cutover skip a "
		"--reason TEXT, cutover attest a --applied (fixed by hand), or cutover rollback\n"
		"         refused: alice may not skip: it takes one of authority.skip: dba\n");
	world_free(w);
}

static void test_authority_limits_what_may_be_lost_and_when(void **state)
{
	struct world *w = world_new(
		"roles: {dba: {members: [bob, carol]}}\n"
		"authority: {accept_loss: [dba], override_window: [dba]}\n"
		"window: {opens: '2025-11-22T19:01:00Z', closes: '2025-11-22T20:03:00Z'}\n"
		"steps:\n"
		"  - {id: a, uses: t.write, point_of_no_return: true}\n"
		"  - {id: b, wait: 5m}\n"
		"  - {id: c, uses: t.read}\n");

	(void)state;
	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	assert_int_equal(world_order(w, CUT_ORDER_ROLLBACK, NULL, "{\"accept_loss\": true}"),
			 -EPERM);
	assert_true(world_saw(w, "it takes one of authority.accept_loss: dba"));
	world_at(w, 200000);
	assert_true(world_saw(w, "the window has closed"));
	assert_int_equal(world_order(w, CUT_ORDER_RESUME, NULL, NULL), -EPERM);
	assert_true(world_saw(w, "it takes one of authority.override_window: dba"));
	world_free(w);
}

static void test_people_are_paged_when_it_holds_goes_back_and_ends(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.write}, {id: b, uses: t.write}]\n");

	(void)state;
	world_start(w);
	world_ok(w, "a");
	assert_int_equal(world_pages(w), 0);
	world_fail(w, "b");
	assert_int_equal(world_pages(w), 1);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	assert_int_equal(world_pages(w), 2);
	world_answer_all(w);
	assert_true(world_saw(w, "end, exit code 4"));
	assert_int_equal(world_pages(w), 3);
	world_free(w);
}

#define ACCEPTED                                                                                   \
	"phases:\n"                                                                                \
	"  - id: one\n"                                                                            \
	"    steps: [{id: a, uses: t.get}]\n"                                                      \
	"    acceptance: {clean_for: 1m, tests: [{uses: t.read}, {uses: t.read}]}\n"               \
	"  - {id: two, steps: [{id: b, uses: t.write}]}\n"

static void test_the_next_phase_waits_for_the_acceptance_and_its_tests(void **state)
{
	struct world *w = world_new(ACCEPTED);
	cut_time since = 0;
	bool ok = true;

	world_start(w);
	assert_int_equal(cut_run_stage_phase(world_run(w)), 0);
	assert_false(cut_run_stage_done(world_run(w), &since));
	world_at(w, 1000);
	world_outcome(w, "a", CUT_OK, NULL, "{\"tail\": 300}");
	assert_true(cut_run_stage_done(world_run(w), &since));
	assert_int_equal(since, 1000);
	assert_int_equal(cut_run_stage_tail(world_run(w)), 300000);
	world_at(w, 61000);
	world_accept(w, "one", CUT_ACC_RUNNING, true);
	assert_false(cut_run_tests_done(world_run(w), 0, &ok));
	world_fail(w, "one/tests/0");
	world_ok(w, "one/tests/1");
	assert_true(cut_run_tests_done(world_run(w), 0, &ok));
	assert_false(ok);
	world_at(w, 122000);
	world_order(w, CUT_ORDER_PAUSE, NULL, NULL);
	world_accept(w, "one", CUT_ACC_RUNNING, true);
	assert_false(cut_run_tests_done(world_run(w), 0, &ok));
	world_ok(w, "one/tests/0");
	world_ok(w, "one/tests/1");
	assert_true(cut_run_tests_done(world_run(w), 0, &ok));
	assert_true(ok);
	world_accept(w, "one", CUT_ACC_ACCEPTED, false);
	world_order(w, CUT_ORDER_RESUME, NULL, NULL);
	assert_int_equal(cut_run_stage_phase(world_run(w)), CUT_NONE);
	world_ok(w, "b");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1\n"
			"[ 61000] one/tests/0: apply 1\n"
			"         one/tests/0 failed: broken\n"
			"         one/tests/1: apply 1\n"
			"[122000] run paused: alice paused the run; next: cutover resume\n"
			"         one/tests/0: apply 2\n"
			"         one/tests/1: apply 2\n"
			"         run paused: one is accepted\n"
			"         run running: the holds are gone, the run goes on\n"
			"         b: apply 1, after its intent\n"
			"         b succeeded\n"
			"         run closing: accepted\n"
			"         run accepted: accepted\n"
			"         end, exit code 0\n");
	world_free(w);
}

static void test_a_failed_acceptance_rolls_back_and_an_overdue_one_holds(void **state)
{
	struct world *w = world_new(ACCEPTED);

	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	world_accept(w, "one", CUT_ACC_OVERDUE, false);
	world_order(w, CUT_ORDER_RESUME, NULL, NULL);
	world_accept(w, "one", CUT_ACC_FAILED, false);
	expect_trace(
		w, "[     0] run paused: one is not accepted within its deadline: so it is; next: "
		   "cutover resume to wait on, or cutover rollback\n"
		   "         run running: the holds are gone, the run goes on\n"
		   "         run rolling_back: acceptance one: so it is; nothing is to be undone\n"
		   "         run closing: everything is undone\n"
		   "         run rolled_back: everything is undone\n"
		   "         end, exit code 4\n");
	world_free(w);
}

#define FROZEN(limit)                                                                              \
	"downtime: [{id: dt, from: a, to: c, kind: read_only, limit: 10s, on_limit: " limit "}]\n" \
	"steps: [{id: a, uses: t.write}, {id: b, uses: t.read}, {id: c, uses: t.read}, "           \
	"{id: d, uses: t.read}]\n"

static void
test_a_downtime_clock_runs_from_the_start_of_one_step_to_the_end_of_another(void **state)
{
	struct world *w = world_new(FROZEN("page"));
	bool running;
	cut_time elapsed;

	assert_false(cut_run_downtime(world_run(w), 0, 0, &running, &elapsed));
	world_at(w, 1000);
	world_start(w);
	world_at(w, 3000);
	assert_true(cut_run_downtime(world_run(w), 0, 3000, &running, &elapsed));
	assert_true(running);
	assert_int_equal(elapsed, 2000);
	world_ok(w, "a");
	world_at(w, 15000);
	world_ok(w, "b");
	world_ok(w, "c");
	world_at(w, 20000);
	assert_true(cut_run_downtime(world_run(w), 0, 20000, &running, &elapsed));
	assert_false(running);
	assert_int_equal(elapsed, 14000);
	world_free(w);
}

static void test_a_downtime_limit_pauses_or_rolls_back(void **state)
{
	struct world *w = world_new(FROZEN("pause"));
	bool running;
	cut_time elapsed;

	world_start(w);
	world_ok(w, "a");
	world_at(w, 10000);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a succeeded\n"
			"         b: apply 1\n"
			"[ 10000] run paused: dt has passed its limit of 10s; next: cutover resume "
			"to go on, or cutover rollback\n");
	world_free(w);

	w = world_new(FROZEN("rollback"));
	world_start(w);
	world_ok(w, "a");
	world_at(w, 11000);
	world_outcome(w, "b", CUT_CANCELED, NULL, NULL);
	world_at(w, 12000);
	world_ok(w, "a");
	cut_run_downtime(world_run(w), 0, 90000, &running, &elapsed);
	assert_false(running);
	assert_int_equal(elapsed, 12000);
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a succeeded\n"
			"         b: apply 1\n"
			"[ 10000] run rolling_back: downtime dt: dt has passed its limit of 10s; "
			"rolling back 1 step, traffic first\n"
			"         b: cancel apply\n"
			"[ 11000] b failed: stopped: the run is being stopped\n"
			"         a: rollback 1, after its intent\n"
			"[ 12000] a rolled_back\n"
			"         run closing: everything is undone\n"
			"         run rolled_back: everything is undone\n"
			"         end, exit code 4\n");
	world_free(w);
}

static void test_a_downtime_clock_that_starts_again_goes_on_where_it_stood(void **state)
{
	struct world *w =
		world_new("downtime: [{id: dt, from: a, to: b, kind: outage, limit: 10s}]\n"
			  "steps: [{id: a, uses: t.write, on_failure: hold}, {id: b, needs: [], "
			  "uses: t.read},\n"
			  "  {id: c, needs: [], uses: t.read}]\n");
	bool running;
	cut_time elapsed;
	unsigned pages;

	world_start(w);
	world_at(w, 1000);
	world_fail(w, "a");
	world_at(w, 4000);
	world_ok(w, "b");
	world_at(w, 6000);
	assert_int_equal(world_order(w, CUT_ORDER_RETRY, "a", NULL), 0);
	pages = world_pages(w);
	world_at(w, 11999);
	assert_int_equal(world_pages(w), pages);
	world_at(w, 12000);
	assert_int_equal(world_pages(w), pages + 1);
	world_at(w, 13000);
	world_ok(w, "a");
	world_ok(w, "c");
	cut_run_downtime(world_run(w), 0, 90000, &running, &elapsed);
	assert_false(running); /* with the run */
	assert_int_equal(elapsed, 11000);
	world_free(w);
}

static void test_a_downtime_clock_runs_on_through_another_attempt(void **state)
{
	struct world *w = world_new(
		"downtime: [{id: dt, from: a, to: b, kind: outage, limit: 10s}]\n"
		"steps: [{id: a, uses: t.write, retry: {limit: 1, delay: 5s, jitter: false}},\n"
		"  {id: b, uses: t.read}]\n");
	bool running;
	cut_time elapsed;

	world_start(w);
	world_at(w, 1000);
	world_fail(w, "a");
	world_at(w, 9999);
	assert_int_equal(world_pages(w), 0);
	world_at(w, 10000);
	assert_int_equal(world_pages(w), 1);
	world_ok(w, "a");
	cut_run_downtime(world_run(w), 0, 10000, &running, &elapsed);
	assert_true(running);
	assert_int_equal(elapsed, 10000);
	world_free(w);
}

static void test_clients_and_command_are_remembered(void **state)
{
	struct world *w = world_new("clients: [{id: shop, what: the shop, owner: bob}]\n"
				    "steps: [{id: a, uses: t.read}]\n");

	world_start(w);
	assert_true(world_order(w, CUT_ORDER_ACK, "nosuch", NULL) < 0);
	assert_false(cut_run_acked(world_run(w), 0));
	assert_int_equal(world_order(w, CUT_ORDER_ACK, "shop", NULL), 0);
	assert_true(cut_run_acked(world_run(w), 0));
	assert_int_equal(world_order(w, CUT_ORDER_COMMAND, "bob", NULL), 0);
	assert_string_equal(cut_run_in_command(world_run(w)), "bob");
	world_free(w);
}

static void test_what_a_person_decided_in_a_freeze_is_no_cause_when_it_ends(void **state)
{
	static const struct {
		enum cut_order order;
		const char *args;
		enum cut_run_state then;
	} cases[] = {
		{CUT_ORDERS, NULL, CUT_RUN_ROLLING_BACK},
		{CUT_ORDER_RETRY, NULL, CUT_RUN_RUNNING},
		{CUT_ORDER_SKIP, "{\"reason\": \"not needed\"}", CUT_RUN_RUNNING},
		{CUT_ORDER_ATTEST, "{\"applied\": true}", CUT_RUN_RUNNING},
		{CUT_ORDER_ATTEST, "{\"applied\": false}", CUT_RUN_ROLLED_BACK},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		struct world *w = world_new("steps:\n"
					    "  - {id: a, uses: t.write, on_failure: rollback}\n"
					    "  - {id: b, wait: 1h}\n");

		world_start(w);
		world_order(w, CUT_ORDER_FREEZE, NULL, "{\"for\": 60}");
		world_fail(w, "a");
		if (cases[i].order != CUT_ORDERS)
			assert_int_equal(world_order(w, cases[i].order, "a", cases[i].args), 0);
		world_at(w, 61000);
		assert_int_equal(cut_run_state(world_run(w)), cases[i].then);
		world_free(w);
	}
}

static void test_past_the_point_of_no_return_each_cause_holds_as_what_it_is(void **state)
{
	struct world *w = world_new(
		"window: {opens: '2025-11-22T19:01:00Z', closes: '2025-11-22T20:00:30Z', "
		"on_overrun: rollback}\n"
		"roles: {dba: {members: [bob]}}\n"
		"metrics: {errors: {uses: t.m, every: 1s}}\n"
		"triggers: [{id: high, metric: errors, bad: {above: 5%}}]\n"
		"downtime: [{id: dark, from: a, to: c, kind: outage, limit: 10s, on_limit: "
		"rollback}]\n"
		"phases:\n"
		"  - id: p\n"
		"    order: parallel\n"
		"    steps:\n"
		"      - {id: a, uses: t.write, point_of_no_return: true}\n"
		"      - {id: b, uses: t.write, on_failure: rollback}\n"
		"      - {id: g, approve: {roles: [dba], on_decline: rollback}}\n"
		"      - {id: c, wait: 1h}\n"
		"    acceptance: {clean_for: 1m, on_bad: fail}\n");
	const struct cut_hold *holds;
	cut_auto(cut_buf) struct cut_buf told = {0};
	size_t len;

	world_start(w);
	world_fail(w, "b");
	assert_int_equal(world_vote(w, "g", 1002, false), 0);
	world_trigger(w, "high", CUT_TRIGGER_FIRING);
	world_at(w, 40000);
	holds = cut_run_holds(world_run(w), &len);
	for (size_t i = 0; i < len; i++)
		cut_buf_printf(&told, "%s %s: %.17s\n", cut_hold_kind_name(holds[i].kind),
			       holds[i].id, holds[i].remedy);
	assert_string_equal(cut_buf_str(&told), "step b: cutover retry b, \n"
						"gate g: cutover retry g o\n"
						"trigger high: cutover resume to\n"
						"downtime dark: cutover resume to\n"
						"window p: cutover resume to\n");
	world_free(w);
}

static void test_a_downtime_clock_without_a_limit_only_counts(void **state)
{
	struct world *w = world_new(
		"downtime: [{id: dt, from: a, to: c, on_limit: rollback}]\n"
		"steps: [{id: a, uses: t.write}, {id: b, uses: t.read}, {id: c, uses: t.read}]\n");

	world_at(w, 1000);
	world_start(w);
	world_ok(w, "a");
	world_at(w, 3600000);
	expect_trace(w, "[  1000] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a succeeded\n"
			"         b: apply 1\n");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_causes_of_one_instant_are_one_decision),
		cmocka_unit_test(test_a_trigger_that_pauses_holds_until_somebody_resumes),
		cmocka_unit_test(test_notify_and_shadow_change_nothing),
		cmocka_unit_test(test_a_blind_trigger_blocks_until_it_sees_again),
		cmocka_unit_test(test_on_blind_may_roll_back),
		cmocka_unit_test(test_a_freeze_suspends_the_rollback_until_it_ends),
		cmocka_unit_test(test_a_freeze_without_a_cause_ends_by_itself),
		cmocka_unit_test(test_what_still_holds_when_a_freeze_ends_is_told),
		cmocka_unit_test(test_authority_limits_who_may_order_what),
		cmocka_unit_test(test_authority_limits_what_may_be_lost_and_when),
		cmocka_unit_test(test_people_are_paged_when_it_holds_goes_back_and_ends),
		cmocka_unit_test(test_the_next_phase_waits_for_the_acceptance_and_its_tests),
		cmocka_unit_test(test_a_failed_acceptance_rolls_back_and_an_overdue_one_holds),
		cmocka_unit_test(
			test_a_downtime_clock_runs_from_the_start_of_one_step_to_the_end_of_another),
		cmocka_unit_test(test_a_downtime_limit_pauses_or_rolls_back),
		cmocka_unit_test(test_a_downtime_clock_that_starts_again_goes_on_where_it_stood),
		cmocka_unit_test(test_a_downtime_clock_runs_on_through_another_attempt),
		cmocka_unit_test(test_clients_and_command_are_remembered),
		cmocka_unit_test(test_what_a_person_decided_in_a_freeze_is_no_cause_when_it_ends),
		cmocka_unit_test(test_past_the_point_of_no_return_each_cause_holds_as_what_it_is),
		cmocka_unit_test(test_a_downtime_clock_without_a_limit_only_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
