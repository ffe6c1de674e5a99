/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that outlived their run: real processes, whose environment says whose they are. */
#include "engine/runtime/orphans.h"

#include "engine/runtime/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define RUN "20260101T000000Z-orphans-0001"

static bool is_in_flight(void *data, const char *step, unsigned attempt)
{
	return strcmp(step, "copy") == 0 && attempt == 2;
}

static int end_orphans(struct cut_err *err)
{
	return cut_orphans_end(RUN, is_in_flight, NULL, cut_clock_boot() + 20 * CUT_SECOND, err);
}

static pid_t command(const char *run, const char *step, const char *attempt)
{
	char *argv[] = {"sleep", "60", NULL};
	char *env[] = {(char *)run, (char *)step, (char *)attempt, NULL};
	char path[64], first;
	ssize_t n = 0;
	pid_t pid;

	assert_int_equal(posix_spawn(&pid, "/bin/sleep", NULL, NULL, argv, env), 0);
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	while (n == 0) { /* its image is there a moment before what is in it */
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		assert_true(fd >= 0);
		n = read(fd, &first, 1);
		close(fd);
	}
	return pid;
}

/* The signal that ended it; 0: it lived until now. */
static int end_of(pid_t pid)
{
	int status = 0;

	if (waitpid(pid, &status, WNOHANG) == pid)
		return WTERMSIG(status);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	return WTERMSIG(status) == SIGTERM ? 0 : WTERMSIG(status);
}

static void test_only_commands_of_attempts_in_flight_are_ended(void **state)
{
	static const struct {
		const char *run, *step, *attempt;
		bool ends;
	} rows[] = {
		{"CUTOVER_RUN=" RUN, "CUTOVER_STEP=copy", "CUTOVER_ATTEMPT=2", true},
		{"CUTOVER_RUN=" RUN, "CUTOVER_STEP=copy", "CUTOVER_ATTEMPT=1", false},
		{"CUTOVER_RUN=" RUN, "CUTOVER_STEP=other", "CUTOVER_ATTEMPT=2", false},
		{"CUTOVER_RUN=" RUN "x", "CUTOVER_STEP=copy", "CUTOVER_ATTEMPT=2", false},
		{"XCUTOVER_RUN=" RUN, "CUTOVER_STEP=copy", "CUTOVER_ATTEMPT=2", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = command(rows[i].run, rows[i].step, rows[i].attempt);
		int ended;

		assert_int_equal(end_orphans(NULL), 0);
		ended = end_of(pid);
		if (ended != (rows[i].ends ? SIGKILL : 0))
			fail_msg("row %zu: signal %d", i, ended);
	}
}

static void test_who_cannot_look_does_not_say_that_nobody_is_left(void **state)
{
	pid_t pid = command("CUTOVER_RUN=" RUN, "CUTOVER_STEP=copy", "CUTOVER_ATTEMPT=2");
	struct rlimit before, none;
	int first = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (rlim_t left = 0; left < 2; left++) { /* none for /proc; none for what is in it */
		cut_auto(cut_err) struct cut_err err = {0};

		none = (struct rlimit){(rlim_t)first + left, before.rlim_max};
		close(first);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		assert_int_equal(end_orphans(&err), -EMFILE);
		assert_string_equal(err.what,
				    "cannot look for commands of this run that still run");
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		first = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	close(first);
	assert_int_equal(end_of(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_commands_of_attempts_in_flight_are_ended),
		cmocka_unit_test(test_who_cannot_look_does_not_say_that_nobody_is_left),
	};

	return cmocka_run_group_tests_name("orphans", tests, NULL, NULL);
}
