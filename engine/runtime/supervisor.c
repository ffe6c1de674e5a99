/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's life: become a session of its own, then start the engine, wait, clear away,
 * start again. It reads no runbook and no journal, so that there is little in it that could fail.
 */
#include "engine/runtime/supervisor.h"

#include "engine/base/log.h"
#include "engine/base/proc.h"
#include "engine/base/vec.h"
#include "engine/runtime/clock.h"
#include "engine/runtime/lock.h"
#include "engine/runtime/secret.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

#define LOOKS_STUCK  5
#define REAP_WAIT    CUT_MINUTE
#define RESTARTS_MAX 16

struct cut_beat {
	_Atomic uint64_t count;
};

struct supervisor {
	const struct cut_supervise_options *options;
	struct cut_beat *beat; /* shared with the engine */
	cut_time look_every, within;
	unsigned restarts;
	cut_time started[RESTARTS_MAX]; /* the latest restarts, a ring */
	unsigned starts;
	char why[96];
};

/* A person's signals are for the run, and that belongs to the engine. */
static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};

void cut_beat(struct cut_beat *beat)
{
	if (beat)
		atomic_fetch_add_explicit(&beat->count, 1, memory_order_relaxed);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Nothing stays open but the run's own and, before the first engine, what is handed to it. */
static void close_others(const struct cut_supervise_options *options, bool with_keep)
{
	struct {
		CUT_VEC(int);
	} open = {0};
	unsigned from = STDERR_FILENO + 1;

	cut_vec_push(&open, options->lock_fd);
	cut_vec_push(&open, options->log_fd);
	for (size_t i = 0; i < options->hold_len; i++)
		cut_vec_push(&open, options->hold[i]);
	for (size_t i = 0; with_keep && i < options->keep_len; i++)
		cut_vec_push(&open, options->keep[i]);
	qsort(open.items, open.len, sizeof(*open.items), by_number);
	cut_vec_foreach (&open, fd) {
		if (*fd > (int)from)
			close_range(from, (unsigned)*fd - 1, 0);
		if (*fd >= (int)from)
			from = (unsigned)*fd + 1;
	}
	close_range(from, ~0u, 0);
	cut_vec_done(&open);
}

static void leave_the_client(const struct cut_supervise_options *options)
{
	int null_fd;

	setsid(); /* fails only for who leads a group already: then it has no terminal to lose */
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd >= 0)
		dup2(null_fd, STDIN_FILENO);
	dup2(options->log_fd, STDOUT_FILENO);
	dup2(options->log_fd, STDERR_FILENO);
	close_others(options, true);
}

/* The sanitizer does so when a process exits, which the engine does not: what is to happen then is
 * the client's, of whom it is a copy. */
static void check_leaks(void)
{
#if defined(__SANITIZE_ADDRESS__)
	__lsan_do_leak_check();
#endif
}

static void run_engine(struct supervisor *s)
{
	struct cut_engine_start start = {
		.restarts = s->starts - 1,
		.why = s->why[0] ? s->why : NULL,
		.lock_fd = s->options->lock_fd,
		.beat = s->beat,
	};
	int code;

	for (size_t i = 0; i < CUT_ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_DFL);
	cut_log_open(s->options->log_fd, CUT_LOG_INFO, "engine");
	cut_lock_note(s->options->lock_fd, "engine", getpid());
	code = s->options->engine(s->options->arg, &start);
	check_leaks();
	_exit(code);
}

/* Orphans that were handed to us and have ended. True: the engine was among them. */
static bool reap_ended(pid_t engine, int *ret_status)
{
	bool is_engine = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == engine) {
			*ret_status = status;
			is_engine = true;
		}
	return is_engine;
}

/* Until the engine has ended; one that is stuck is made to. */
static int await_engine(struct supervisor *s, pid_t engine, bool *ret_stuck)
{
	struct pollfd end = {.fd = pidfd_open(engine, 0), .events = POLLIN};
	uint64_t seen = 0;
	unsigned still = 0;
	int status = 0;

	*ret_stuck = false;
	while (!reap_ended(engine, &status)) {
		uint64_t now = atomic_load_explicit(&s->beat->count, memory_order_relaxed);

		still = now == seen ? still : 0;
		seen = now;
		if (still == LOOKS_STUCK) {
			*ret_stuck = true;
			kill(engine, SIGKILL);
		}
		if (poll(&end, 1, (int)s->look_every) == 0)
			still++; /* looks, not time: a machine that slept is not a stuck loop */
	}
	close(end.fd);
	return status;
}

static void say_why(struct supervisor *s, int status, bool stuck)
{
	if (stuck)
		snprintf(s->why, sizeof(s->why), "its loop was stuck for %d s",
			 (int)(LOOKS_STUCK * s->look_every / CUT_SECOND));
	else if (WIFSIGNALED(status))
		snprintf(s->why, sizeof(s->why), "killed by SIG%s%s",
			 sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?",
			 WCOREDUMP(status) ? " (core dumped)" : "");
	else
		snprintf(s->why, sizeof(s->why), "it exited with %d", WEXITSTATUS(status));
}

static bool may_restart(const struct supervisor *s)
{
	cut_time oldest;

	if (s->starts <= s->restarts)
		return true;
	oldest = s->started[(s->starts - s->restarts) % RESTARTS_MAX];
	return cut_clock_boot() - oldest > s->within;
}

static pid_t start_engine(struct supervisor *s)
{
	pid_t pid;

	s->started[s->starts++ % RESTARTS_MAX] = cut_clock_boot();
	atomic_store(&s->beat->count, 0);
	pid = fork();
	if (pid == 0)
		run_engine(s);
	return pid;
}

/* One engine from start to end. True: it is over or left, with *ret_code. */
static bool attend_engine(struct supervisor *s, int *ret_code)
{
	pid_t pid = start_engine(s);
	bool stuck = false;
	int status;

	if (pid < 0) {
		snprintf(s->why, sizeof(s->why), "cannot fork: %s", strerror(errno));
	} else {
		close_others(s->options, false); /* the client hears of the end by EOF */
		status = await_engine(s, pid, &stuck);
		*ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : CUT_ENGINE_CRASH;
		if (*ret_code == CUT_ENGINE_OVER || *ret_code == CUT_ENGINE_LEAVE)
			return true;
		say_why(s, status, stuck);
	}
	cut_log(CUT_LOG_ERROR, "engine_ended", "pid=%d why=\"%s\"", (int)pid, s->why);
	return false;
}

static int give_up(const char *event, const char *why)
{
	cut_log(CUT_LOG_ERROR, event, "why=\"%s\" next=\"cutover recover\"", why);
	return CUT_ENGINE_LEAVE;
}

static bool is_child(const void *data, const struct cut_proc *proc)
{
	return proc->parent == *(const pid_t *)data;
}

/* Nothing of the last engine may live on beside the next. We adopt orphans, so what forks while we
 * look is found in the next pass, and no child means nobody. -ETIMEDOUT: some hang in the
 * kernel. */
static int end_all_below(cut_time deadline)
{
	pid_t self = getpid();
	struct cut_proc_hunt hunt = {.is_root = is_child, .data = &self, .reap = true};
	useconds_t pause_us = 1000;
	int r = 0;

	while (r == 0 && (cut_proc_hunt(&hunt) != 0 || waitpid(-1, NULL, WNOHANG) >= 0)) {
		if (cut_clock_boot() > deadline)
			r = -ETIMEDOUT;
		usleep(pause_us);
		if (pause_us < 50000)
			pause_us *= 2;
	}
	cut_proc_hunt_done(&hunt);
	return r;
}

static int supervise(struct supervisor *s)
{
	int code = CUT_ENGINE_LEAVE;

	while (!attend_engine(s, &code)) {
		if (end_all_below(cut_clock_boot() + REAP_WAIT) < 0)
			return give_up("engine_not_restarted",
				       "processes of the last engine cannot be killed");
		if (!may_restart(s))
			return give_up("engine_given_up", s->why);
		cut_log(CUT_LOG_WARN, "engine_restarted", "restart=%u", s->starts);
	}
	return code;
}

int cut_supervise(const struct cut_supervise_options *options)
{
	struct supervisor s = {
		.options = options,
		.look_every = options->look_every ? options->look_every : 2 * CUT_SECOND,
		.restarts = options->restarts ? options->restarts : 3,
		.within = options->within ? options->within : CUT_MINUTE,
	};

	assert(s.restarts < RESTARTS_MAX);
	leave_the_client(options);
	cut_secrets_guard(); /* of the engine, too: it is a fork of ours */
	for (size_t i = 0; i < CUT_ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_NAME, "cutover-superv");
	cut_log_open(options->log_fd, CUT_LOG_INFO, "supervisor");
	cut_lock_note(options->lock_fd, "supervisor", getpid());
	s.beat = mmap(NULL, sizeof(*s.beat), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (s.beat == MAP_FAILED)
		return give_up("engine_not_started", "out of memory");
	return supervise(&s);
}
