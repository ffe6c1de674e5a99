/* SPDX-License-Identifier: Apache-2.0 */
/* States that move only through a table. */
#include "engine/base/statetable.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { IDLE, BUSY, DONE };

static const struct cut_state_row table[] = {
	[IDLE] = {"idle", CUT_TO(BUSY) | CUT_TO(DONE)},
	[BUSY] = {"busy", CUT_TO(IDLE)},
	[DONE] = {"done", 0},
};

static void test_only_moves_of_the_table_are_allowed(void **state)
{
	static const bool want[3][3] = {
		{false, true, true}, {true, false, false}, {false, false, false}};

	for (unsigned from = 0; from < 3; from++)
		for (unsigned to = 0; to < 3; to++)
			assert_int_equal(cut_state_may(table, from, to), want[from][to]);
	assert_false(cut_state_may(table, IDLE, 32));
}

static void test_a_move_changes_the_state(void **state)
{
	unsigned at = IDLE;

	cut_state_move(table, "job", &at, BUSY);
	cut_state_move(table, "job", &at, IDLE);
	cut_state_move(table, "job", &at, DONE);
	assert_int_equal(at, DONE);
}

static void test_another_move_ends_the_process(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		unsigned at = DONE;

		close(STDERR_FILENO);
		cut_state_move(table, "job", &at, IDLE);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void test_rows_are_found_by_name(void **state)
{
	assert_int_equal(cut_state_named(table, 3, "busy"), BUSY);
	assert_int_equal(cut_state_named(table, 3, "bus"), -1);
	assert_int_equal(cut_state_named(table, 2, "done"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_moves_of_the_table_are_allowed),
		cmocka_unit_test(test_a_move_changes_the_state),
		cmocka_unit_test(test_another_move_ends_the_process),
		cmocka_unit_test(test_rows_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
