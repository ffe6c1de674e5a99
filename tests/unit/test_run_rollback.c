/* SPDX-License-Identifier: Apache-2.0 */
/* Rollback: scope, order, what stands in its way, and what it never does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/base/buf.h"
#include "engine/base/json.h"

#include "tests/lib/world.h"

#define TWO_PHASES                                                                                 \
	"phases:\n"                                                                                \
	"  - id: one\n"                                                                            \
	"    order: parallel\n"                                                                    \
	"    steps:\n"                                                                             \
	"      - {id: a, uses: t.write}\n"                                                         \
	"      - {id: b, uses: t.read}\n"                                                          \
	"  - id: two\n"                                                                            \
	"    order: parallel\n"                                                                    \
	"    steps:\n"                                                                             \
	"      - {id: c, uses: t.write}\n"                                                         \
	"      - {id: d, uses: t.traffic}\n"                                                       \
	"      - {id: e, uses: t.write, needs: [c]}\n"                                             \
	"  - {id: three, steps: [{id: f, uses: t.read}]}\n"

static void to_phase_three(struct world *w)
{
	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	world_ok(w, "c");
	world_ok(w, "d");
	world_ok(w, "e");
	world_forget(w);
}

static void test_the_order_is_the_reverse_of_the_graph_with_phases_as_barriers(void **state)
{
	struct world *w = world_new(TWO_PHASES "rollback: {max_parallel: 1}\n");

	to_phase_three(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_at(w, 10);
	world_outcome(w, "f", CUT_CANCELED, "killed", NULL);
	world_at(w, 20);
	world_ok(w, "d");
	world_ok(w, "e");
	world_ok(w, "c");
	world_ok(w, "a");
	expect_trace(
		w,
		"[     0] run rolling_back: operator: alice ordered it; rolling back 4 steps, "
		"traffic first\n"
		"         f: cancel apply\n"
		"[    10] f failed: stopped: killed\n"
		"         run rolling_back: nothing tells whether blue is fit; traffic goes back\n"
		"         d: rollback 1, after its intent\n"
		"[    20] d rolled_back\n"
		"         e: rollback 1, after its intent\n"
		"         e rolled_back\n"
		"         c: rollback 1, after its intent\n"
		"         c rolled_back\n"
		"         a: rollback 1, after its intent\n"
		"         a rolled_back\n"
		"         run closing: everything is undone\n"
		"         run rolled_back: everything is undone\n"
		"         end, exit code 4\n");
	assert_int_equal(cut_run_exit_code(world_run(w)), 4);
	world_free(w);
}

static void test_independent_branches_are_undone_in_parallel_up_to_a_limit(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: one\n"
				    "    order: parallel\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.write}\n"
				    "      - {id: b, uses: t.write}\n"
				    "      - {id: c, uses: t.traffic}\n"
				    "      - {id: d, wait: 1h}\n"
				    "rollback: {max_parallel: 2}\n");

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	world_ok(w, "c");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_at(w, 10);
	world_ok(w, "c");
	world_at(w, 20);
	world_ok(w, "b");
	world_ok(w, "a");
	expect_trace(
		w,
		"[     0] run rolling_back: operator: alice ordered it; rolling back 3 steps, "
		"traffic first\n"
		"         d failed: the run stopped before it was over\n"
		"         run rolling_back: nothing tells whether blue is fit; traffic goes back\n"
		"         c: rollback 1, after its intent\n"
		"         b: rollback 1, after its intent\n"
		"[    10] c rolled_back\n"
		"         a: rollback 1, after its intent\n"
		"[    20] b rolled_back\n"
		"         a rolled_back\n"
		"         run closing: everything is undone\n"
		"         run rolled_back: everything is undone\n"
		"         end, exit code 4\n");
	world_free(w);
}

static void test_a_partial_rollback_undoes_only_what_came_after(void **state)
{
	struct world *w = world_new(TWO_PHASES);

	to_phase_three(w);
	assert_true(world_order(w, CUT_ORDER_ROLLBACK, "nosuch", NULL) < 0);
	world_order(w, CUT_ORDER_ROLLBACK, "c", NULL);
	world_outcome(w, "f", CUT_CANCELED, "killed", NULL);
	world_ok(w, "e");
	expect_trace(w, "[     0] refused: there is no phase or step nosuch to roll back to\n"
			"         run rolling_back: operator: alice ordered it, back to c; rolling "
			"back 1 step, traffic first\n"
			"         f: cancel apply\n"
			"         f failed: stopped: killed\n"
			"         e: rollback 1, after its intent\n"
			"         e rolled_back\n"
			"         run closing: what came after is undone, the rest stays\n"
			"         run rolled_back: what came after is undone, the rest stays\n"
			"         end, exit code 4\n");
	world_free(w);
}

static void test_a_rollback_to_a_phase_keeps_the_phase(void **state)
{
	struct world *w = world_new(TWO_PHASES);

	to_phase_three(w);
	world_order(w, CUT_ORDER_ROLLBACK, "one", NULL);
	world_outcome(w, "f", CUT_CANCELED, "killed", NULL);
	world_ok(w, "d");
	world_ok(w, "e");
	world_ok(w, "c");
	expect_trace(
		w,
		"[     0] run rolling_back: operator: alice ordered it, back to one; rolling back "
		"3 steps, traffic first\n"
		"         f: cancel apply\n"
		"         f failed: stopped: killed\n"
		"         run rolling_back: nothing tells whether blue is fit; traffic goes back\n"
		"         d: rollback 1, after its intent\n"
		"         e: rollback 1, after its intent\n"
		"         d rolled_back\n"
		"         e rolled_back\n"
		"         c: rollback 1, after its intent\n"
		"         c rolled_back\n"
		"         run closing: what came after is undone, the rest stays\n"
		"         run rolled_back: what came after is undone, the rest stays\n"
		"         end, exit code 4\n");
	world_free(w);
}

static void test_running_steps_are_canceled_or_waited_for_before_they_are_undone(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: one\n"
				    "    order: parallel\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.write}\n"
				    "      - {id: b, uses: t.write, on_interrupt: wait}\n"
				    "      - {id: c, uses: t.write, retry: {limit: 2}}\n"
				    "      - {id: d, uses: t.opaque}\n");

	world_start(w);
	world_fail(w, "c");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	assert_true(world_order(w, CUT_ORDER_PAUSE, NULL, NULL) < 0);
	assert_true(world_order(w, CUT_ORDER_ABORT, NULL, NULL) < 0);
	world_at(w, 10);
	world_outcome(w, "a", CUT_CANCELED, "killed", NULL);
	world_at(w, 20);
	world_ok(w, "b");
	world_at(w, 30);
	world_lost(w, "d", false);
	expect_trace(w,
		     "[     0] run rolling_back: operator: alice ordered it; rolling back 4 steps, "
		     "traffic first\n"
		     "         a: cancel apply\n"
		     "         d: cancel apply\n"
		     "         c: rollback 1, after its intent\n"
		     "         refused: cannot pause now: the run is rolling_back\n"
		     "         refused: cannot abort now: the run is rolling_back\n"
		     "[    10] a failed: stopped: killed\n"
		     "         a: rollback 1, after its intent\n"
		     "[    20] b succeeded: ended while the run was being stopped; not verified\n"
		     "         b: rollback 1, after its intent\n"
		     "[    30] d unknown: stopped: its host died\n"
		     "         d: rollback 1, after its intent\n");
	world_free(w);
}

static void test_what_is_proven_not_applied_is_left_alone(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: one\n"
				    "    order: parallel\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.write}\n"
				    "      - {id: b, uses: t.saves}\n"
				    "      - {id: c, uses: t.saves}\n"
				    "      - {id: d, uses: t.write, rollback: not_needed}\n"
				    "      - {id: e, uses: t.write}\n");

	world_start(w);
	world_outcome(w, "a", CUT_RETRY, "refused", NULL);
	world_fail(w, "b");
	world_saved(w, "c", "{\"was\": 1}");
	world_outcome(w, "c", CUT_RETRY, "too busy", NULL);
	world_ok(w, "d");
	world_fail(w, "e");
	world_forget(w);
	world_order(w, CUT_ORDER_ATTEST, "e", "{\"applied\": false}");
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	expect_trace(
		w,
		"[     0] e failed: attested as not applied by alice\n"
		"         run rolling_back: operator: alice ordered it; nothing is to be undone\n"
		"         run closing: everything is undone\n"
		"         run rolled_back: everything is undone\n"
		"         end, exit code 4\n");
	world_free(w);
}

static void test_after_the_point_of_no_return_a_rollback_takes_a_persons_word(void **state)
{
	struct world *w = world_new("metrics: {errors: {uses: t.m, every: 1s}}\n"
				    "triggers: [{id: high, metric: errors, bad: {above: 5%}}]\n"
				    "steps:\n"
				    "  - {id: a, uses: t.write}\n"
				    "  - {id: b, uses: t.write, point_of_no_return: true}\n"
				    "  - {id: c, uses: t.write, on_failure: rollback}\n");

	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	world_trigger(w, "high", CUT_TRIGGER_FIRING);
	world_at(w, 10);
	world_ok(w, "b");
	world_order(w, CUT_ORDER_RESUME, NULL, NULL);
	world_at(w, 20);
	world_fail(w, "c");
	assert_true(world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL) < 0);
	world_at(w, 30);
	assert_int_equal(world_order(w, CUT_ORDER_ROLLBACK, NULL, "{\"accept_loss\": true}"), 0);
	expect_trace(
		w,
		"[     0] run paused: trigger high: 7 % > 5 %; b was the point of no return, so "
		"nothing is undone by itself; next: cutover resume to go on; cutover rollback "
		"--accept-loss undoes what came before b too\n"
		"[    10] b succeeded\n"
		"         run running: the holds are gone, the run goes on\n"
		"         c: apply 1, after its intent\n"
		"[    20] c failed: broken\n"
		"         run paused: step c: broken; b was the point of no return, so nothing is "
		"undone by itself; next: cutover retry c, cutover skip c --reason TEXT, or "
		"cutover attest c --applied; cutover rollback --accept-loss undoes what came "
		"before b too\n"
		"         refused: b was the point of no return: what came before it may be lost\n"
		"[    30] run rolling_back: operator: alice ordered it; rolling back 3 steps, "
		"traffic first\n"
		"         c: rollback 1, after its intent\n");
	world_free(w);
}

static void test_acceptance_is_a_border_that_no_rollback_crosses(void **state)
{
	struct world *w =
		world_new("phases:\n"
			  "  - id: one\n"
			  "    steps: [{id: a, uses: t.write, point_of_no_return: true}]\n"
			  "    acceptance: {clean_for: 1m, tests: [{uses: t.read}]}\n"
			  "  - id: two\n"
			  "    steps: [{id: b, uses: t.write}, {id: c, wait: 1h}]\n");

	world_start(w);
	world_ok(w, "a");
	world_accept(w, "one", CUT_ACC_ACCEPTED, false);
	world_ok(w, "b");
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_ok(w, "b");
	expect_trace(w, "[     0] run running: started by alice\n"
			"         a: apply 1, after its intent\n"
			"         a succeeded\n"
			"         run running: one is accepted\n"
			"         b: apply 1, after its intent\n"
			"         b succeeded\n"
			"         run rolling_back: operator: alice ordered it; rolling back 1 "
			"step, traffic first\n"
			"         c failed: the run stopped before it was over\n"
			"         b: rollback 1, after its intent\n"
			"         b rolled_back\n"
			"         run closing: everything is undone\n"
			"         run rolled_back: everything is undone\n"
			"         end, exit code 4\n");
	world_free(w);
}

static void test_the_preview_tells_the_order_without_doing_anything(void **state)
{
	struct world *w = world_new(TWO_PHASES);
	cut_auto(cut_buf) struct cut_buf text = {0};
	json_t *preview;

	to_phase_three(w);
	preview = cut_run_rollback_preview(world_run(w), NULL, NULL);
	cut_json_canonical(preview, &text);
	assert_string_equal(
		cut_buf_str(&text),
		"{\"accept_loss_needed\":false,\"downtime\":[],\"impossible\":[],\"steps\":["
		"{\"by_hand\":\"undo by hand what t.traffic of d did\",\"planned_s\":null,"
		"\"restores\":\"the state before it\",\"step\":\"d\"},"
		"{\"by_hand\":\"undo by hand what t.write of e did\",\"planned_s\":null,"
		"\"restores\":\"the state before it\",\"step\":\"e\"},"
		"{\"by_hand\":\"undo by hand what t.write of c did\",\"planned_s\":null,"
		"\"restores\":\"the state before it\",\"step\":\"c\"},"
		"{\"by_hand\":\"undo by hand what t.write of a did\",\"planned_s\":null,"
		"\"restores\":\"the state before it\",\"step\":\"a\"}],"
		"\"temporary\":[],\"time_s\":null,\"until\":[]}");
	assert_null(cut_run_rollback_preview(world_run(w), "nosuch", NULL));
	json_decref(preview);
	expect_trace(w, "");
	world_free(w);
}

static void test_a_crash_within_a_rollback_goes_on_with_it(void **state)
{
	struct world *w = world_new("phases:\n"
				    "  - id: one\n"
				    "    order: parallel\n"
				    "    steps:\n"
				    "      - {id: a, uses: t.write}\n"
				    "      - {id: b, uses: t.probe, on_interrupt: wait}\n");

	world_start(w);
	world_ok(w, "a");
	world_forget(w);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_at(w, 10);
	world_crash(w);
	world_ok(w, "a");
	world_ok(w, "b");
	expect_trace(w, "[     0] run rolling_back: operator: alice ordered it; rolling back 2 "
			"steps, traffic first\n"
			"         a: rollback 1, after its intent\n"
			"[    10] a: rollback 1\n"
			"         b unknown: stopped: the engine died while it ran\n"
			"         b: rollback 1, after its intent\n"
			"         a rolled_back\n"
			"         b rolled_back\n"
			"         run closing: everything is undone\n"
			"         run rolled_back: everything is undone\n"
			"         end, exit code 4\n");
	world_free(w);
}

static void test_a_rollback_goes_back_to_what_it_can_undo_only(void **state)
{
	static const char *const nowhere[] = {"finally", "z", "rollback/ready", "rollback/ready/0"};
	struct world *w = world_new("steps: [{id: a, uses: t.write}, {id: b, wait: 1h}]\n"
				    "rollback: {ready: [{uses: t.read}]}\n"
				    "finally: [{id: z, uses: t.read}]\n");

	world_start(w);
	world_ok(w, "a");
	for (size_t i = 0; i < CUT_ARRAY_LEN(nowhere); i++) {
		assert_true(world_order(w, CUT_ORDER_ROLLBACK, nowhere[i], NULL) < 0);
		assert_null(cut_run_rollback_preview(world_run(w), nowhere[i], NULL));
	}
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_the_order_is_the_reverse_of_the_graph_with_phases_as_barriers),
		cmocka_unit_test(test_independent_branches_are_undone_in_parallel_up_to_a_limit),
		cmocka_unit_test(test_a_partial_rollback_undoes_only_what_came_after),
		cmocka_unit_test(test_a_rollback_to_a_phase_keeps_the_phase),
		cmocka_unit_test(
			test_running_steps_are_canceled_or_waited_for_before_they_are_undone),
		cmocka_unit_test(test_what_is_proven_not_applied_is_left_alone),
		cmocka_unit_test(test_after_the_point_of_no_return_a_rollback_takes_a_persons_word),
		cmocka_unit_test(test_acceptance_is_a_border_that_no_rollback_crosses),
		cmocka_unit_test(test_the_preview_tells_the_order_without_doing_anything),
		cmocka_unit_test(test_a_crash_within_a_rollback_goes_on_with_it),
		cmocka_unit_test(test_a_rollback_goes_back_to_what_it_can_undo_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
