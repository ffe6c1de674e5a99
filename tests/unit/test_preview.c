/* SPDX-License-Identifier: Apache-2.0 */
/* What a rollback would do, told before anybody orders one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "engine/base/json.h"
#include "tests/lib/world.h"

static void expect_at(const json_t *json, const char *pointer, const char *want)
{
	const json_t *value = cut_json_at(json, pointer);
	cut_auto(cut_buf) struct cut_buf text = {0};

	if (!value)
		fail_msg("there is no %s", pointer);
	cut_json_canonical(value, &text);
	if (strcmp(cut_buf_str(&text), want) != 0)
		fail_msg("%s: want %s, got %s", pointer, want, cut_buf_str(&text));
}

static void test_old_answers_live_on_for_as_long_as_steps_tell(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: early, uses: t.get}\n"
				    "  - {id: late, uses: t.get}\n"
				    "  - {id: none, uses: t.get}\n"
				    "  - {id: at_once, uses: t.get}\n"
				    "  - {id: a, uses: t.write}\n");
	cut_auto(cut_json) json_t *preview = NULL;

	world_start(w);
	world_outcome(w, "early", CUT_OK, NULL, "{\"tail\": 60}");
	world_outcome(w, "late", CUT_OK, NULL, "{\"tail\": 300}");
	world_outcome(w, "none", CUT_OK, NULL, "{\"tail\": \"soon\"}");
	world_outcome(w, "at_once", CUT_OK, NULL, "{\"tail\": 0}");
	preview = cut_run_rollback_preview(world_run(w), NULL, NULL);
	expect_at(preview, "/until",
		  "[{\"old_answers_until\":\"2025-11-22T20:01:00.000Z\",\"step\":\"early\","
		  "\"tail_s\":60},"
		  "{\"old_answers_until\":\"2025-11-22T20:05:00.000Z\",\"step\":\"late\","
		  "\"tail_s\":300}]");
	assert_int_equal(cut_run_stage_tail(world_run(w)), 300 * CUT_SECOND);
	world_free(w);
}

static void test_what_is_restored_and_what_cannot_be_is_listed(void **state)
{
	struct world *w = world_new(
		"steps:\n"
		"  - {id: a, uses: t.saves, planned: 5s}\n"
		"  - {id: b, uses: t.write, planned: 7s, rollback: {uses: t.traffic}}\n"
		"  - {id: c, uses: t.write, planned: 1s}\n"
		"  - {id: d, uses: t.opaque, rollback: impossible, rollback_reason: it is sent}\n"
		"  - {id: e, uses: t.write, temporary: true}\n"
		"  - {id: f, uses: t.read}\n");
	cut_auto(cut_json) json_t *preview = NULL, *part = NULL, *cost = NULL;
	cut_auto(cut_err) struct cut_err err = {0};

	world_start(w);
	world_saved(w, "a", "{\"old\": 1}");
	world_ok(w, "a");
	world_ok(w, "a");
	for (const char *step = "bcde"; *step; step++)
		world_ok(w, (char[]){*step, '\0'});
	preview = cut_run_rollback_preview(world_run(w), NULL, NULL);
	expect_at(preview, "/steps",
		  "[{\"by_hand\":\"undo by hand what t.write of c did\",\"planned_s\":1,"
		  "\"restores\":\"the state before it\",\"step\":\"c\"},"
		  "{\"by_hand\":\"undo by hand what t.traffic of b did\",\"planned_s\":7,"
		  "\"restores\":\"t.traffic\",\"step\":\"b\",\"with\":{}},"
		  "{\"by_hand\":\"restore by hand: {\\\"old\\\":1}\",\"planned_s\":5,"
		  "\"restores\":{\"old\":1},\"step\":\"a\"}]");
	expect_at(preview, "/impossible", "[{\"reason\":\"it is sent\",\"step\":\"d\"}]");
	expect_at(preview, "/temporary", "[\"e\"]");
	expect_at(preview, "/time_s", "13");
	cost = cut_run_rollback_cost(world_run(w));
	expect_at(cost, "/steps", "3");
	expect_at(cost, "/time_s", "13");
	expect_at(cost, "/impossible", "[\"d\"]");
	part = cut_run_rollback_preview(world_run(w), "b", NULL); /* b stays */
	assert_int_equal(json_array_size(json_object_get(part, "steps")), 1);
	assert_null(cut_run_rollback_preview(world_run(w), "nosuch", &err));
	assert_int_equal(err.code, -EINVAL);
	world_free(w);
}

static void test_what_is_undone_already_is_not_listed_again(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write}\n"
				    "  - {id: b, uses: t.write}\n"
				    "  - {id: c, wait: 1h}\n");
	cut_auto(cut_json) json_t *before = NULL, *preview = NULL;

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	before = cut_run_rollback_preview(world_run(w), NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(before, "steps")), 2);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_ok(w, "b");
	preview = cut_run_rollback_preview(world_run(w), NULL, NULL);
	expect_at(preview, "/steps",
		  "[{\"by_hand\":\"undo by hand what t.write of a did\",\"planned_s\":null,"
		  "\"restores\":\"the state before it\",\"step\":\"a\"}]");
	world_free(w);
}

static void test_downtime_that_runs_tells_which_undo_ends_it_and_when(void **state)
{
	struct world *w = world_new("downtime: [{id: dark, from: a, to: d, kind: outage},"
				    " {id: slow, from: b, to: d, kind: read_only},"
				    " {id: over, from: a, to: b, kind: outage}]\n"
				    "steps:\n"
				    "  - {id: a, uses: t.write, planned: 5s}\n"
				    "  - {id: b, uses: t.write, rollback: not_needed}\n"
				    "  - {id: c, uses: t.write, planned: 7s}\n"
				    "  - {id: d, wait: 1h}\n");
	cut_auto(cut_json) json_t *preview = NULL, *part = NULL;

	world_start(w);
	world_at(w, 1000);
	world_ok(w, "a");
	world_ok(w, "b");
	world_ok(w, "c");
	preview = cut_run_rollback_preview(world_run(w), NULL, NULL);
	expect_at(preview, "/downtime",
		  "[{\"ends_with\":\"a\",\"id\":\"dark\",\"more_s\":12,"
		  "\"since\":\"2025-11-22T20:00:00.000Z\"},"
		  "{\"ends_with\":null,\"id\":\"slow\",\"more_s\":null,"
		  "\"since\":\"2025-11-22T20:00:01.000Z\"}]");
	part = cut_run_rollback_preview(world_run(w), "b", NULL);
	expect_at(part, "/downtime/0/ends_with", "null");
	world_free(w);
}

static void test_a_tail_of_what_was_accepted_is_no_part_of_it(void **state)
{
	struct world *w =
		world_new("phases:\n"
			  "  - {id: one, steps: [{id: a, uses: t.get}],\n"
			  "     acceptance: {clean_for: 1m, tests: [{uses: t.read}]}}\n"
			  "  - {id: two, steps: [{id: b, uses: t.get}, {id: c, uses: t.read}]}\n");
	cut_auto(cut_json) json_t *preview = NULL;

	world_start(w);
	world_outcome(w, "a", CUT_OK, NULL, "{\"tail\": 60}");
	world_accept(w, "one", CUT_ACC_ACCEPTED, false);
	world_outcome(w, "b", CUT_OK, NULL, "{\"tail\": 300}");
	preview = cut_run_rollback_preview(world_run(w), NULL, NULL);
	expect_at(preview, "/until/0/step", "\"b\"");
	assert_int_equal(json_array_size(json_object_get(preview, "until")), 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_old_answers_live_on_for_as_long_as_steps_tell),
		cmocka_unit_test(test_what_is_restored_and_what_cannot_be_is_listed),
		cmocka_unit_test(test_what_is_undone_already_is_not_listed_again),
		cmocka_unit_test(test_downtime_that_runs_tells_which_undo_ends_it_and_when),
		cmocka_unit_test(test_a_tail_of_what_was_accepted_is_no_part_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
