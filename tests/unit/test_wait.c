/* SPDX-License-Identifier: Apache-2.0 */
/* When waits end: after a length, since another step, at a time of the clock or of the window, the
 * later of both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "tests/lib/world.h"

/* The run starts at 20:00:00 UTC; `a` takes 10 s. The wait starts then. */
static const struct {
	const char *wait;
	cut_time ends;
} cases[] = {
	{"1m", 70},
	{"{for: 1m, since: a}", 70},
	{"{for: 1m, since: early}", 60},
	{"{for: 2s, since: early}", 10}, /* over already */
	{"{for: 30s, since: skipped}", 30},
	{"{until: \"2025-11-22T20:02:00Z\"}", 120},
	{"{until: \"2025-11-22T19:00:00Z\"}", 10},
	{"{for: 1m, until: \"2025-11-22T20:02:00Z\"}", 120},
	{"{for: 3m, until: \"2025-11-22T20:02:00Z\"}", 190},
	{"{until: opens+10m}", 300},
	{"{until: closes-3h}", 3300},
	{"{for: \"${{ steps.a.outputs.old }}\"}", 100},
	{"{for: \"${{ steps.a.outputs.old }}\", since: early}", 90},
};

static void test_a_wait_ends_when_it_says(void **state)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		cut_auto(cut_str) char *text =
			cut_printf("window: {opens: \"2025-11-22T19:55:00Z\", closes: "
				   "\"2025-11-22T23:55:00Z\"}\n"
				   "steps:\n"
				   "  - {id: early, uses: t.read}\n"
				   "  - {id: skipped, if: \"run.id == 'x'\", uses: t.read}\n"
				   "  - {id: a, uses: t.get}\n"
				   "  - {id: w, wait: %s}\n",
				   cases[i].wait);
		struct world *w = world_new(text);
		struct cut_step_view view;

		world_start(w);
		world_ok(w, "early");
		world_at(w, 10 * CUT_SECOND);
		world_outcome(w, "a", CUT_OK, NULL, "{\"old\": 90}");
		world_at(w, 5000 * CUT_SECOND);
		cut_run_step_view(world_run(w), world_step(w, "w"), &view);
		if (view.ended != cases[i].ends * CUT_SECOND)
			fail_msg("%s: want %lld s, got %lld ms", cases[i].wait,
				 (long long)cases[i].ends, (long long)view.ended);
		world_free(w);
	}
}

static void test_a_run_that_was_to_go_until_its_last_phase_just_ends(void **state)
{
	static const char *const until[] = {"q", "p", "nosuch"};

	for (size_t i = 0; i < CUT_ARRAY_LEN(until); i++) {
		struct world *w = world_new("phases:\n  - {id: p, steps: [{id: a, uses: t.read}]}\n"
					    "  - {id: q, steps: [{id: b, uses: t.read}]}\n");
		cut_auto(cut_str) char *armed = cut_printf("{\"until\": \"%s\"}", until[i]);

		world_armed(w, armed);
		world_start(w);
		while (world_end_one(w, CUT_OK))
			;
		assert_int_equal(cut_run_state(world_run(w)),
				 strcmp(until[i], "p") == 0 ? CUT_RUN_PAUSED : CUT_RUN_DONE);
		world_free(w);
	}
}

static void test_not_before_counts_from_the_window(void **state)
{
	struct world *w = world_new(
		"window: {opens: \"2025-11-22T19:55:00Z\", closes: \"2025-11-22T23:55:00Z\"}\n"
		"steps:\n"
		"  - {id: a, not_before: opens+6m, uses: t.read}\n"
		"  - {id: b, not_before: closes-3h, uses: t.read}\n");

	world_start(w);
	world_at(w, 59 * CUT_SECOND);
	assert_false(world_end_one(w, CUT_OK));
	world_at(w, 60 * CUT_SECOND);
	world_ok(w, "a");
	world_at(w, 3299 * CUT_SECOND);
	assert_false(world_end_one(w, CUT_OK));
	world_at(w, 3300 * CUT_SECOND);
	world_ok(w, "b");
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_DONE);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_wait_ends_when_it_says),
		cmocka_unit_test(test_a_run_that_was_to_go_until_its_last_phase_just_ends),
		cmocka_unit_test(test_not_before_counts_from_the_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
