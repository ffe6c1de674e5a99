/* SPDX-License-Identifier: Apache-2.0 */
/* Hunts of real processes: those below a child, whatever group and session they have fled to. */
#include "engine/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CHAIN	 4
#define PASSES	 20000
#define PAUSE_US 1000

/* What the processes of a chain have told of themselves; shared with them. */
struct chain {
	volatile pid_t pids[CHAIN];
	volatile int ready;
};

static struct chain *chain_new(void)
{
	struct chain *c =
		mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(c != MAP_FAILED);
	return c;
}

/* Each forks the next: one in a group of its own, one in a session of its own, the last stopped. */
static void be_chain(struct chain *c)
{
	int at = 0;

	do {
		if (at == 1)
			setpgid(0, 0);
		if (at == 2)
			setsid();
		c->pids[at] = getpid();
	} while (at + 1 < CHAIN && fork() == 0 && ++at);
	if (at + 1 == CHAIN) {
		c->ready = 1;
		raise(SIGSTOP);
	}
	for (;;)
		pause();
}

static pid_t chain_start(struct chain *c)
{
	pid_t pid = fork();

	if (pid == 0)
		be_chain(c);
	for (int i = 0; i < PASSES && !c->ready; i++)
		usleep(PAUSE_US);
	assert_true(c->ready);
	return pid;
}

static bool is_pid(const void *data, const struct cut_proc *proc)
{
	return proc->pid == *(const pid_t *)data;
}

static bool is_child(const void *data, const struct cut_proc *proc)
{
	return proc->parent == *(const pid_t *)data;
}

/* Passes until all are gone; returns what the last one said. */
static int hunt_down(struct cut_proc_hunt *hunt)
{
	int r = cut_proc_hunt(hunt);

	for (int i = 0; i < PASSES && r != 0; i++) {
		usleep(PAUSE_US);
		r = cut_proc_hunt(hunt);
	}
	cut_proc_hunt_done(hunt);
	return r;
}

static void assert_none_lives(const struct chain *c)
{
	for (int i = 0; i < CHAIN; i++)
		assert_true(kill(c->pids[i], 0) < 0 && errno == ESRCH);
	assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void test_all_below_a_child_end_and_are_reaped(void **state)
{
	struct chain *c = chain_new();
	pid_t pid = chain_start(c);
	struct cut_proc_hunt hunt = {.is_root = is_pid, .data = &pid, .reap = true};

	assert_int_equal(cut_proc_hunt(&hunt), CHAIN);
	assert_int_equal(hunt_down(&hunt), 0);
	assert_none_lives(c);
}

static void test_one_pass_kills_all_though_parents_die_on_the_way(void **state)
{
	struct chain *c = chain_new();
	pid_t pid = chain_start(c);
	struct cut_proc_hunt hunt = {.is_root = is_pid, .data = &pid};

	assert_int_equal(cut_proc_hunt(&hunt), CHAIN);
	cut_proc_hunt_done(&hunt);
	for (int left = CHAIN; left; left--)
		assert_true(waitpid(-1, NULL, 0) > 0);
	assert_none_lives(c);
}

static void test_prey_stays_prey_when_its_root_has_ended(void **state)
{
	struct chain *c = chain_new();
	pid_t pid = chain_start(c);
	struct cut_proc_hunt hunt = {.is_root = is_pid, .data = &pid, .reap = true};

	cut_proc_hunt(&hunt);
	waitpid(pid, NULL, 0); /* its orphans are ours by now, and no root's */
	assert_int_equal(hunt_down(&hunt), 0);
	assert_none_lives(c);
}

static void test_others_live_on(void **state)
{
	struct chain *c = chain_new();
	struct chain *other = chain_new();
	pid_t pid = chain_start(c), other_pid = chain_start(other), self = getpid();
	struct cut_proc_hunt hunt = {.is_root = is_pid, .data = &pid, .reap = true};
	struct cut_proc_hunt rest = {.is_root = is_child, .data = &self, .reap = true};

	assert_int_equal(hunt_down(&hunt), 0);
	for (int i = 0; i < CHAIN; i++)
		assert_int_equal(kill(other->pids[i], 0), 0);
	assert_int_equal(waitpid(other_pid, NULL, WNOHANG), 0);
	assert_int_equal(hunt_down(&rest), 0);
	assert_none_lives(other);
}

static void test_a_pid_that_went_to_somebody_else_is_no_prey(void **state)
{
	struct chain *c = chain_new();
	pid_t pid = chain_start(c), none = 0;
	struct cut_proc old = {.pid = pid, .born = 1};
	struct cut_proc_hunt hunt = {.is_root = is_pid, .data = &none, .reap = true};

	hunt.prey = malloc(sizeof(old));
	assert_non_null(hunt.prey);
	hunt.prey[0] = old;
	hunt.len = hunt.cap = 1;
	assert_int_equal(cut_proc_hunt(&hunt), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	hunt.data = &pid;
	assert_int_equal(hunt_down(&hunt), 0);
	assert_none_lives(c);
}

static void test_a_dead_process_that_another_must_reap_is_not_waited_for(void **state)
{
	struct chain *c = chain_new();
	pid_t pid = chain_start(c), dead = c->pids[CHAIN - 1];
	struct cut_proc_hunt hunt = {.is_root = is_pid, .data = &dead, .reap = true};

	assert_int_equal(hunt_down(&hunt), 0); /* its parent sleeps and never reaps */
	assert_int_equal(kill(dead, 0), 0);
	hunt = (struct cut_proc_hunt){.is_root = is_pid, .data = &pid, .reap = true};
	assert_int_equal(hunt_down(&hunt), 0);
	while (waitpid(-1, NULL, 0) > 0) /* the dead one was adopted by us */
		continue;
	assert_none_lives(c);
}

/* In a child, whose limit it is. 0: the hunt failed for want of descriptors; 1: it killed all. */
static int hunt_without_descriptors(pid_t prey, bool kept)
{
	struct cut_proc_hunt hunt = {.is_root = is_pid, .data = &prey};
	struct rlimit few = {64, 64};

	if (kept)
		cut_proc_keep_descriptors();
	setrlimit(RLIMIT_NOFILE, &few);
	while (open("/dev/null", O_RDONLY) >= 0)
		continue;
	return cut_proc_hunt(&hunt) == -EMFILE ? 0 : 1;
}

static void test_a_hunt_needs_no_descriptor_but_the_kept_ones(void **state)
{
	for (int kept = 0; kept < 2; kept++) {
		struct chain *c = chain_new();
		pid_t pid = chain_start(c), hunter = fork();
		struct cut_proc_hunt hunt = {.is_root = is_pid, .data = &pid, .reap = true};
		int status;

		if (hunter == 0)
			_exit(hunt_without_descriptors(pid, kept));
		assert_int_equal(waitpid(hunter, &status, 0), hunter);
		assert_int_equal(WEXITSTATUS(status), kept);
		assert_int_equal(hunt_down(&hunt), 0);
		while (waitpid(-1, NULL, 0) > 0) /* whom the hunter killed, we adopted */
			continue;
		assert_none_lives(c);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_below_a_child_end_and_are_reaped),
		cmocka_unit_test(test_one_pass_kills_all_though_parents_die_on_the_way),
		cmocka_unit_test(test_prey_stays_prey_when_its_root_has_ended),
		cmocka_unit_test(test_others_live_on),
		cmocka_unit_test(test_a_pid_that_went_to_somebody_else_is_no_prey),
		cmocka_unit_test(test_a_hunt_needs_no_descriptor_but_the_kept_ones),
		cmocka_unit_test(test_a_dead_process_that_another_must_reap_is_not_waited_for),
	};

	prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of a chain are ours to count */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
