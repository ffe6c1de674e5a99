/* SPDX-License-Identifier: Apache-2.0 */
/* Ranks that the environment asks for, and that children do not inherit. */
#include "engine/base/rank.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* In a child, so that the test itself keeps its rank: 0 where everything was as it should be. */
static int in_child(const char *wish, enum cut_rank_of who, enum cut_rank want)
{
	int nice = who == CUT_RANK_OF_ENGINE ? -5 : -4,
	    priority = who == CUT_RANK_OF_ENGINE ? 2 : 1;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		enum cut_rank got;
		int before = getpriority(PRIO_PROCESS, 0);
		struct sched_param param = {0};

		setenv(CUT_RANK_VARIABLE, wish, 1);
		got = cut_rank_take(who);
		sched_getparam(0, &param);
		if (got == CUT_RANK_NORMAL && want != CUT_RANK_NORMAL)
			_exit(77); /* not permitted here */
		if (got != want ||
		    (sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) !=
			    (want == CUT_RANK_REALTIME ? SCHED_RR : SCHED_OTHER) ||
		    (want == CUT_RANK_RAISED && getpriority(PRIO_PROCESS, 0) != nice) ||
		    (want == CUT_RANK_REALTIME && param.sched_priority != priority) ||
		    (want == CUT_RANK_NORMAL && getpriority(PRIO_PROCESS, 0) != before))
			_exit(1);
		pid = fork();
		if (pid == 0)
			_exit(sched_getscheduler(0) != SCHED_OTHER ||
			      getpriority(PRIO_PROCESS, 0) < 0);
		waitpid(pid, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void expect(const char *wish, enum cut_rank want)
{
	for (enum cut_rank_of who = CUT_RANK_OF_ENGINE; who <= CUT_RANK_OF_HOST; who++) {
		int r = in_child(wish, who, want);

		if (r == 77)
			skip();
		assert_int_equal(r, 0);
	}
}

static void test_raised_is_not_inherited(void **state)
{
	expect("raised", CUT_RANK_RAISED);
}

static void test_realtime_is_not_inherited(void **state)
{
	expect("realtime", CUT_RANK_REALTIME);
}

static void test_normal_and_unknown_words_change_nothing(void **state)
{
	expect("normal", CUT_RANK_NORMAL);
	expect("", CUT_RANK_NORMAL);
	expect("first", CUT_RANK_NORMAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raised_is_not_inherited),
		cmocka_unit_test(test_realtime_is_not_inherited),
		cmocka_unit_test(test_normal_and_unknown_words_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
