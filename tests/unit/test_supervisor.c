/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor over engines that are real processes and die real deaths. Each engine appends a
 * word to a file, so that the test sees which ones have run. */
#include "engine/runtime/supervisor.h"

#include "engine/runtime/clock.h"
#include "engine/runtime/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LOOK_MS = 200 };

struct world {
	char dir[64];
	char story[96], lock[96], log[96]; /* files */
	int (*engine)(void *arg, const struct cut_engine_start *start);
	int keep;
};

static char *read_text(const char *path)
{
	char *text = cut_malloc(8192);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, 8191);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static void tell(const struct world *w, const char *word, int number)
{
	int fd = open(w->story, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	dprintf(fd, "%s %d\n", word, number);
	close(fd);
}

/* Forks the supervisor as the client does. */
static pid_t supervise(struct world *w)
{
	struct cut_supervise_options options = {.engine = w->engine,
						.arg = w,
						.look_every = LOOK_MS,
						.keep = &w->keep,
						.keep_len = w->keep >= 0};
	pid_t pid = fork();

	if (pid)
		return pid;
	options.log_fd = open(w->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (cut_lock_take(w->lock, &options.lock_fd, NULL) < 0)
		_exit(99);
	_exit(cut_supervise(&options));
}

static int wait_code(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void expect_story(const struct world *w, const char *want)
{
	cut_auto(cut_str) char *story = read_text(w->story);

	assert_string_equal(story, want);
}

static void expect_logged(const struct world *w, const char *part)
{
	cut_auto(cut_str) char *log = read_text(w->log);

	if (!strstr(log, part))
		fail_msg("no \"%s\" in:\n%s", part, log);
}

/* Waits until the story has the word, and returns its number. */
static int await_word(const struct world *w, const char *word)
{
	cut_time end = cut_clock_boot() + CUT_MINUTE;

	while (cut_clock_boot() < end) {
		cut_auto(cut_str) char *story = read_text(w->story);
		const char *at = strstr(story, word);

		if (at && strchr(at, '\n'))
			return (int)strtol(at + strlen(word), NULL, 10);
		usleep(5000);
	}
	fail_msg("no %s within a minute", word);
	return 0;
}

static bool is_alive(pid_t pid)
{
	return kill(pid, 0) == 0;
}

static int engine_that_ends(void *arg, const struct cut_engine_start *start)
{
	tell(arg, "engine", (int)start->restarts);
	return CUT_ENGINE_OVER;
}

static void test_an_engine_that_is_over_ends_the_supervisor(void **state)
{
	struct world *w = *state;
	cut_auto(cut_str) char *lines = NULL;

	w->engine = engine_that_ends;
	assert_int_equal(wait_code(supervise(w)), CUT_ENGINE_OVER);
	expect_story(w, "engine 0\n");
	lines = read_text(w->lock);
	assert_non_null(strstr(lines, "supervisor "));
	assert_non_null(strstr(lines, "engine "));
}

static int engine_that_crashes_once(void *arg, const struct cut_engine_start *start)
{
	tell(arg, "engine", (int)start->restarts);
	if (start->restarts == 0)
		raise(SIGKILL);
	tell(arg, start->why ? start->why : "no reason", 0);
	return CUT_ENGINE_OVER;
}

static void test_a_killed_engine_is_started_again_and_told_why(void **state)
{
	struct world *w = *state;

	w->engine = engine_that_crashes_once;
	assert_int_equal(wait_code(supervise(w)), CUT_ENGINE_OVER);
	expect_story(w, "engine 0\nengine 1\nkilled by SIGKILL 0\n");
	expect_logged(w, "engine_restarted");
}

static int engine_that_always_aborts(void *arg, const struct cut_engine_start *start)
{
	tell(arg, "engine", (int)start->restarts);
	signal(SIGABRT, SIG_DFL);
	prctl(PR_SET_DUMPABLE, 0);
	raise(SIGABRT);
	return CUT_ENGINE_OVER;
}

static void test_the_fourth_crash_in_a_minute_gives_up(void **state)
{
	struct world *w = *state;

	w->engine = engine_that_always_aborts;
	assert_int_equal(wait_code(supervise(w)), CUT_ENGINE_LEAVE);
	expect_story(w, "engine 0\nengine 1\nengine 2\nengine 3\n");
	expect_logged(w, "engine_given_up");
	expect_logged(w, "cutover recover");
}

static int engine_that_leaves(void *arg, const struct cut_engine_start *start)
{
	tell(arg, "engine", (int)start->restarts);
	return CUT_ENGINE_LEAVE;
}

static void test_an_engine_that_cannot_go_on_is_not_started_again(void **state)
{
	struct world *w = *state;

	w->engine = engine_that_leaves;
	assert_int_equal(wait_code(supervise(w)), CUT_ENGINE_LEAVE);
	expect_story(w, "engine 0\n");
}

static int engine_that_gets_stuck(void *arg, const struct cut_engine_start *start)
{
	tell(arg, "engine", (int)start->restarts);
	if (start->restarts)
		return CUT_ENGINE_OVER;
	for (int i = 0; i < 40; i++) { /* lively for longer than a stuck one may live */
		cut_beat(start->beat);
		usleep(30000);
	}
	tell(arg, "stuck", 1);
	pause();
	return CUT_ENGINE_OVER;
}

static void test_a_stuck_engine_is_killed_a_lively_one_is_not(void **state)
{
	struct world *w = *state;
	pid_t supervisor;
	cut_time since;

	w->engine = engine_that_gets_stuck;
	supervisor = supervise(w);
	await_word(w, "stuck ");
	since = cut_clock_boot();
	assert_int_equal(wait_code(supervisor), CUT_ENGINE_OVER);
	assert_true(cut_clock_boot() - since <
		    20 * CUT_SECOND); /* five looks, and a slow machine */
	expect_story(w, "engine 0\nstuck 1\nengine 1\n");
	expect_logged(w, "stuck");
}

/* Children in sessions of their own, orphaned, stopped, and deaf to what can be ignored. */
static int engine_with_stray_grandchildren(void *arg, const struct cut_engine_start *start)
{
	if (start->restarts) {
		tell(arg, "engine", (int)start->restarts);
		return CUT_ENGINE_OVER;
	}
	for (int i = 0; i < 3; i++)
		if (fork() == 0) {
			setsid();
			signal(SIGTERM, SIG_IGN);
			if (fork() == 0) {
				setsid();
				tell(arg, "stray", (int)getpid());
				if (i == 1)
					raise(SIGSTOP);
				for (;;)
					pause();
			}
			if (i == 2)
				_exit(0);
			for (;;)
				pause();
		}
	while (true) {
		cut_auto(cut_str) char *story = read_text(((struct world *)arg)->story);
		int strays = 0;

		for (const char *at = story; (at = strstr(at, "stray")); at++)
			strays++;
		if (strays == 3)
			break;
		usleep(2000);
	}
	raise(SIGKILL);
	return CUT_ENGINE_OVER;
}

static void test_nothing_of_a_crashed_engine_lives_when_the_next_starts(void **state)
{
	struct world *w = *state;
	cut_auto(cut_str) char *story = NULL;
	int strays = 0;

	w->engine = engine_with_stray_grandchildren;
	assert_int_equal(wait_code(supervise(w)), CUT_ENGINE_OVER);
	story = read_text(w->story);
	for (const char *at = story; (at = strstr(at, "stray ")); at++, strays++)
		assert_false(is_alive((pid_t)strtol(at + 6, NULL, 10)));
	assert_int_equal(strays, 3);
	assert_non_null(strstr(story, "engine 1\n"));
}

static int engine_that_waits_for_a_word(void *arg, const struct cut_engine_start *start)
{
	struct world *w = arg;

	tell(w, "engine", (int)getpid());
	while (access(w->dir, F_OK) == 0) {
		cut_auto(cut_str) char *story = read_text(w->story);

		if (strstr(story, "end 0"))
			break;
		cut_beat(start->beat);
		usleep(5000);
	}
	tell(w, "over", 0);
	return CUT_ENGINE_OVER;
}

static void test_the_engine_and_its_lock_live_on_when_the_supervisor_dies(void **state)
{
	struct world *w = *state;
	cut_auto(cut_lock_holder) struct cut_lock_holder holder = {0};
	pid_t supervisor, engine;

	w->engine = engine_that_waits_for_a_word;
	supervisor = supervise(w);
	engine = await_word(w, "engine ");
	kill(supervisor, SIGKILL);
	assert_int_equal(wait_code(supervisor), -SIGKILL);
	usleep(50000);
	assert_true(is_alive(engine));
	assert_int_equal(cut_lock_query(w->lock, &holder, NULL), 0);
	assert_true(holder.live);
	assert_int_equal(cut_lock_pid(&holder, "engine"), engine);
	tell(w, "end", 0);
	await_word(w, "over ");
}

static void test_signals_of_people_do_not_end_the_supervisor(void **state)
{
	struct world *w = *state;
	pid_t supervisor;

	w->engine = engine_that_waits_for_a_word;
	supervisor = supervise(w);
	await_word(w, "engine ");
	kill(supervisor, SIGTERM);
	kill(supervisor, SIGINT);
	kill(supervisor, SIGHUP);
	usleep(50000);
	assert_true(is_alive(supervisor));
	assert_int_equal(getsid(supervisor), supervisor);
	tell(w, "end", 0);
	assert_int_equal(wait_code(supervisor), CUT_ENGINE_OVER);
}

static int engine_that_looks_at_its_descriptors(void *arg, const struct cut_engine_start *start)
{
	struct world *w = arg;

	if (start->restarts == 0) {
		if (write(w->keep, "hello", 5) != 5)
			return CUT_ENGINE_LEAVE;
		raise(SIGKILL);
	}
	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0 && fd != start->lock_fd)
			tell(w, "open", fd == w->keep ? -1 : 1);
	return CUT_ENGINE_OVER;
}

static void test_only_the_first_engine_has_the_line_to_the_client(void **state)
{
	struct world *w = *state;
	cut_auto(cut_str) char *story = NULL;
	int line[2], other[2];
	char text[16] = {0};
	pid_t supervisor;

	assert_int_equal(pipe(line), 0);
	assert_int_equal(pipe(other), 0); /* one that nobody mentioned */
	w->engine = engine_that_looks_at_its_descriptors;
	w->keep = line[1];
	supervisor = supervise(w);
	close(line[1]);
	close(other[1]);
	assert_int_equal(read(line[0], text, sizeof(text)), 5);
	assert_string_equal(text, "hello");
	assert_int_equal(read(line[0], text, sizeof(text)),
			 0); /* the end, though the run goes on */
	assert_int_equal(read(other[0], text, sizeof(text)), 0);
	assert_int_equal(wait_code(supervisor), CUT_ENGINE_OVER);
	story = read_text(w->story);
	assert_string_equal(story, "open 1\n"); /* the log */
	close(line[0]);
	close(other[0]);
}

static int setup(void **state)
{
	struct world *w = cut_new(struct world);

	snprintf(w->dir, sizeof(w->dir), "/tmp/cut-test-supervisor-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->story, sizeof(w->story), "%s/story", w->dir);
	snprintf(w->lock, sizeof(w->lock), "%s/lock", w->dir);
	snprintf(w->log, sizeof(w->log), "%s/engine.log", w->dir);
	w->keep = -1;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	unlink(w->story);
	unlink(w->lock);
	unlink(w->log);
	rmdir(w->dir);
	free(w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		T(test_an_engine_that_is_over_ends_the_supervisor),
		T(test_a_killed_engine_is_started_again_and_told_why),
		T(test_the_fourth_crash_in_a_minute_gives_up),
		T(test_an_engine_that_cannot_go_on_is_not_started_again),
		T(test_a_stuck_engine_is_killed_a_lively_one_is_not),
		T(test_nothing_of_a_crashed_engine_lives_when_the_next_starts),
		T(test_the_engine_and_its_lock_live_on_when_the_supervisor_dies),
		T(test_signals_of_people_do_not_end_the_supervisor),
		T(test_only_the_first_engine_has_the_line_to_the_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
