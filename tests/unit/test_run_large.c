/* SPDX-License-Identifier: Apache-2.0 */
/* Large graphs: nothing recurses over them and nothing walks them again for each step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <time.h>

#include "engine/base/buf.h"

#include "tests/lib/world.h"

#define STEPS 100000

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Plays STEPS steps from start to end, then undoes them where they write. A walk over the graph for
 * each step would take hours: the bound only has to tell that from a few microseconds a step. */
static void play(const char *order, const char *step, bool undo)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	unsigned answers = 0, more;
	struct world *w;
	double before;

	cut_buf_printf(&text, "phases:\n  - id: main\n    order: %s\n    steps:\n", order);
	for (int i = 0; i < STEPS; i++)
		cut_buf_printf(&text, "      - {id: s%d, %s}\n", i, step);
	cut_buf_add_str(&text, "  - {id: end, steps: [{id: last, wait: 1h}]}\n");
	w = world_new(cut_buf_str(&text));
	world_quiet(w);
	before = seconds();
	world_start(w);
	while ((more = world_answer_all(w)))
		answers += more;
	assert_int_equal(answers, STEPS);
	if (undo) {
		world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
		while ((more = world_answer_all(w)))
			answers += more;
		assert_int_equal(answers, 2 * STEPS);
		assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_ROLLED_BACK);
	} else {
		world_at(w, 3600000);
		assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_DONE);
	}
	print_message("%s of %d, %s: %.2f us a step\n", order, STEPS, step,
		      (seconds() - before) * 1e6 / answers);
	assert_true(seconds() - before < 60);
	world_free(w);
}

static void test_a_hundred_thousand_checks_in_a_chain(void **state)
{
	play("serial", "uses: check, with: {that: 1 == 1}", false);
}

static void test_a_hundred_thousand_checks_side_by_side(void **state)
{
	play("parallel", "uses: check, with: {that: 1 == 1}", false);
}

static void test_a_hundred_thousand_writers_and_their_rollback(void **state)
{
	play("serial", "uses: t.write", true);
	play("parallel", "uses: t.write", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hundred_thousand_checks_in_a_chain),
		cmocka_unit_test(test_a_hundred_thousand_checks_side_by_side),
		cmocka_unit_test(test_a_hundred_thousand_writers_and_their_rollback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
