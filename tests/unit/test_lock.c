/* SPDX-License-Identifier: Apache-2.0 */
/* The run's lock, held by processes that really exist. */
#include "engine/runtime/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static int setup(void **state)
{
	snprintf(path, sizeof(path), "/tmp/cut-test-lock-%d", (int)getpid());
	unlink(path);
	return 0;
}

static int teardown(void **state)
{
	return unlink(path) == 0 || errno == ENOENT ? 0 : -1;
}

static bool is_live(void)
{
	cut_auto(cut_lock_holder) struct cut_lock_holder holder = {0};

	assert_int_equal(cut_lock_query(path, &holder, NULL), 0);
	return holder.live;
}

static void test_a_lock_that_nobody_has_made_is_not_live(void **state)
{
	assert_false(is_live());
}

static void test_a_second_taker_is_refused_and_told_who_holds_it(void **state)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_str) char *want =
		cut_printf("held by supervisor %d, engine %d", (int)getpid(), (int)getpid());
	int fd = -1, other = -1;

	assert_int_equal(cut_lock_take(path, &fd, &err), 0);
	assert_int_equal(cut_lock_note(fd, "supervisor", getpid()), 0);
	assert_int_equal(cut_lock_note(fd, "engine", getpid()), 0);
	assert_int_equal(cut_lock_take(path, &other, &err), -EBUSY);
	assert_string_equal(err.why, want);
	assert_int_equal(other, -1);
	close(fd);
	/* Nothing stays of who had it before. */
	assert_int_equal(cut_lock_take(path, &fd, &err), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	close(fd);
}

static void test_a_query_takes_nothing_and_names_the_newest_of_a_role(void **state)
{
	cut_auto(cut_lock_holder) struct cut_lock_holder holder = {0};
	struct stat st;
	int fd = -1;

	assert_int_equal(cut_lock_take(path, &fd, NULL), 0);
	assert_int_equal(write(fd, "engine 7\nhost 8\nengine 9\n", 25), 25);
	assert_int_equal(cut_lock_query(path, &holder, NULL), 0);
	assert_true(holder.live);
	assert_int_equal(cut_lock_pid(&holder, "engine"), 9);
	assert_int_equal(cut_lock_pid(&holder, "host"), 8);
	assert_int_equal(cut_lock_pid(&holder, "supervisor"), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(fd);
	assert_false(is_live());
}

static void test_the_lock_lasts_as_long_as_any_heir_of_the_descriptor(void **state)
{
	int fd = -1, go[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(go), 0);
	assert_int_equal(cut_lock_take(path, &fd, NULL), 0);
	child = fork();
	if (child == 0) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(go[0]);
	close(fd);
	assert_true(is_live());
	assert_int_equal(cut_lock_take(path, &fd, NULL), -EBUSY);
	close(go[1]);
	waitpid(child, NULL, 0);
	assert_false(is_live());
	assert_int_equal(cut_lock_take(path, &fd, NULL), 0);
	close(fd);
}

static void test_a_share_keeps_takers_out_and_frees_nothing_but_itself(void **state)
{
	struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
	int fd = -1, share = -1, other = -1;

	assert_int_equal(cut_lock_take(path, &fd, NULL), 0);
	assert_int_equal(cut_lock_share(fd, &share), 0);
	assert_int_equal(write(share, "engine 1\n", 9), -1);
	assert_int_equal(fcntl(share, F_OFD_SETLK, &all), 0); /* as a malicious holder would */
	assert_true(is_live());
	close(share);
	assert_true(is_live());

	assert_int_equal(cut_lock_share(fd, &share), 0);
	assert_int_equal(cut_lock_share(fd, &other), 0);
	close(other);
	close(fd);
	assert_true(is_live());
	assert_int_equal(cut_lock_take(path, &fd, NULL), -EBUSY);
	close(share);
	assert_false(is_live());
}

static void test_a_killed_holder_leaves_the_lock_free(void **state)
{
	int ready[2], fd = -1;
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (cut_lock_take(path, &fd, NULL) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_true(is_live());
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_false(is_live());
	close(ready[0]);
	close(ready[1]);
}

static void test_an_executed_program_does_not_inherit_it_by_accident(void **state)
{
	int fd = -1;

	assert_int_equal(cut_lock_take(path, &fd, NULL), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void test_a_symbolic_link_is_not_followed(void **state)
{
	int fd = -1;

	assert_int_equal(symlink("/tmp/cut-test-lock-elsewhere", path), 0);
	assert_int_equal(cut_lock_take(path, &fd, NULL), -ELOOP);
	assert_int_equal(access("/tmp/cut-test-lock-elsewhere", F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		T(test_a_lock_that_nobody_has_made_is_not_live),
		T(test_a_second_taker_is_refused_and_told_who_holds_it),
		T(test_a_query_takes_nothing_and_names_the_newest_of_a_role),
		T(test_the_lock_lasts_as_long_as_any_heir_of_the_descriptor),
		T(test_a_share_keeps_takers_out_and_frees_nothing_but_itself),
		T(test_a_killed_holder_leaves_the_lock_free),
		T(test_an_executed_program_does_not_inherit_it_by_accident),
		T(test_a_symbolic_link_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
