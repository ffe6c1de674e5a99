/* SPDX-License-Identifier: Apache-2.0 */
/* Starts cutover-host: to serve, or to describe a plugin. */
#include "engine/runtime/hostspawn.h"

#include "engine/base/log.h"
#include "engine/base/rank.h"
#include "engine/base/vec.h"
#include "engine/runtime/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	LINK_FD = 3,
	LOCK_FD = 4,
	ABOVE_FD = 10, /* where descriptors wait until they get their number */
	DESCRIBE_MS = 10000,
	DESCRIPTOR_MAX_BYTES = 4 << 20,
	CHECKED_MAX_BYTES = 64 << 20, /* a reason for each step of a large runbook */
	SAID_MAX_BYTES = 16 * 1024,
};

/* "NAME=value" of the few variables that a host gets; NULL-terminated. */
struct environment {
	char *items[6]; /* owned */
};

static void environment_init(struct environment *env)
{
	static const char *const names[] = {"PATH", "HOME", "LANG", "TZ", CUT_RANK_VARIABLE};
	size_t n = 0;

	for (size_t i = 0; i < CUT_ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);

		if (value)
			env->items[n++] = cut_printf("%s=%s", names[i], value);
		else if (i == 0)
			env->items[n++] = cut_strdup("PATH=/usr/local/bin:/usr/bin:/bin");
	}
}

static void environment_done(struct environment *env)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(env->items); i++)
		free(env->items[i]);
}

/* map: pairs {ours, the child's}, ours < 0: /dev/null. Ours are all above those of the child. */
static int spawn_with(const char *path, char *const *argv, const int (*map)[2], size_t len,
		      pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	struct environment env = {0};
	posix_spawnattr_t attr;
	sigset_t none, all;
	int last = STDERR_FILENO, r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&actions);
	for (size_t i = 0; i < len; i++) {
		if (map[i][0] < 0)
			posix_spawn_file_actions_addopen(&actions, map[i][1], "/dev/null", O_RDWR,
							 0);
		else
			posix_spawn_file_actions_adddup2(&actions, map[i][0], map[i][1]);
		last = map[i][1] > last ? map[i][1] : last;
	}
	posix_spawn_file_actions_addclosefrom_np(&actions, last + 1);
	environment_init(&env);
	r = posix_spawn(ret_pid, path, &actions, &attr, argv, env.items);
	environment_done(&env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -r;
}

static int no_host(struct cut_err *err, int r, const char *path)
{
	return cut_err_sys(err, r,
			   r == -EAGAIN	  ? "see `ulimit -u`: the user's processes are too many"
			   : r == -EMFILE ? "see `ulimit -n`: it is too low"
					  : "install cutover completely",
			   "cannot start the plugin host %s", path);
}

/* What a host gets; -1: not open. Its ends are above the numbers that they will have there. */
struct plumbing {
	int link, words, lock; /* the host's */
	int our_link, our_words;
};

static void close_end(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int lift(int fd)
{
	int above = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_FD);

	close(fd);
	return above;
}

static int plumbing_open(struct plumbing *p, const struct cut_hostlink_options *o)
{
	int link[2], words[2], r = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link) < 0)
		return -errno;
	p->our_link = link[0];
	p->link = lift(link[1]);
	fcntl(p->our_link, F_SETFL, O_NONBLOCK);
	if (o->log_fd >= 0) {
		if (pipe2(words, O_CLOEXEC) < 0)
			return -errno;
		p->our_words = words[0];
		p->words = lift(words[1]);
		fcntl(p->our_words, F_SETFL, O_NONBLOCK);
	}
	if (o->lock_fd >= 0) {
		r = cut_lock_share(o->lock_fd, &p->lock);
		if (r == 0)
			p->lock = lift(p->lock);
	}
	if (p->link < 0 || (o->log_fd >= 0 && p->words < 0) ||
	    (r == 0 && o->lock_fd >= 0 && p->lock < 0))
		return -EMFILE;
	return r;
}

/* Landlock could not let a plugin make files in a folder above one that it must not write. */
static bool can_keep_out(const struct cut_hostlink_options *o)
{
	cut_auto(cut_str) char *runs = NULL, *folder = NULL;
	size_t len;

	if (!o->plugin || !o->keep_out)
		return false;
	runs = realpath(o->keep_out, NULL);
	folder = realpath(o->folder, NULL);
	if (!runs || !folder) {
		cut_log(CUT_LOG_WARN, "runs_not_guarded", "plugin=%s why=\"%s: %s\"", o->plugin,
			runs ? o->folder : o->keep_out, strerror(errno));
		return false;
	}
	len = strlen(folder);
	if (strncmp(runs, folder, len) || (len > 1 && runs[len] && runs[len] != '/'))
		return true;
	cut_log(CUT_LOG_WARN, "runs_not_guarded",
		"plugin=%s why=\"%s lies in the runbook's folder\" next=\"name another with "
		"--state-dir\"",
		o->plugin, runs);
	return false;
}

enum { ARGV_MAX = 6 };

struct cut_hostspawn {
	struct plumbing plumbing;
	int lock_fd;		     /* where its pid is noted, or -1 */
	char *path, *argv[ARGV_MAX]; /* owned */
	pid_t pid;
	int result;
};

static void hostspawn_free(struct cut_hostspawn *spawn)
{
	struct plumbing *p = &spawn->plumbing;

	close_end(p->link);
	close_end(p->words);
	close_end(p->lock);
	close_end(p->our_link);
	close_end(p->our_words);
	for (size_t i = 0; i < ARGV_MAX; i++)
		free(spawn->argv[i]);
	free(spawn->path);
	free(spawn);
}

int cut_hostspawn_prepare(const struct cut_hostlink_options *o, struct cut_hostspawn **ret,
			  struct cut_err *err)
{
	struct cut_hostspawn *spawn = cut_new(struct cut_hostspawn);
	size_t n = 0;
	int r;

	spawn->plumbing = (struct plumbing){-1, -1, -1, -1, -1};
	r = plumbing_open(&spawn->plumbing, o);
	if (r < 0) {
		hostspawn_free(spawn);
		return no_host(err, r, o->host_path);
	}
	spawn->lock_fd = o->lock_fd;
	spawn->path = cut_strdup(o->host_path);
	spawn->argv[n++] = cut_strdup("cutover-host");
	if (can_keep_out(o)) {
		spawn->argv[n++] = cut_strdup("--keep-out");
		spawn->argv[n++] = cut_strdup(o->keep_out);
	}
	if (o->plugin) {
		spawn->argv[n++] = cut_strdup("--plugin");
		spawn->argv[n++] = cut_strdup(o->plugin);
	}
	*ret = spawn;
	return 0;
}

void cut_hostspawn_run(struct cut_hostspawn *spawn)
{
	const struct plumbing *p = &spawn->plumbing;
	const int map[][2] = {
		{-1, 0}, {p->words, 1}, {p->words, 2}, {p->link, LINK_FD}, {p->lock, LOCK_FD}};

	spawn->result = spawn_with(spawn->path, spawn->argv, map,
				   CUT_ARRAY_LEN(map) - (p->lock < 0), &spawn->pid);
}

int cut_hostspawn_finish(struct cut_hostspawn *spawn, struct cut_hostprocess *ret,
			 struct cut_err *err)
{
	struct plumbing *p = &spawn->plumbing;
	int r = spawn->result;

	if (r < 0) {
		no_host(err, r, spawn->path);
	} else {
		if (spawn->lock_fd >= 0)
			cut_lock_note(spawn->lock_fd, "host", spawn->pid);
		*ret = (struct cut_hostprocess){
			.pid = spawn->pid, .link = p->our_link, .words = p->our_words};
		p->our_link = p->our_words = -1;
	}
	hostspawn_free(spawn);
	return r;
}

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* False once fd is at its end. */
static bool take_output(int fd, struct cut_buf *buf)
{
	char part[4096];
	ssize_t n = read(fd, part, sizeof(part));

	if (n > 0)
		cut_buf_add(buf, part, (size_t)n);
	return n > 0 || (n < 0 && errno == EINTR);
}

/* Reads both to their end. False: there was no end in time. */
static bool read_both(const int fds[2], struct cut_buf *const bufs[2])
{
	struct pollfd polls[2] = {{fds[0], POLLIN}, {fds[1], POLLIN}};
	int64_t until = clock_ms() + DESCRIBE_MS;

	while (polls[0].fd >= 0 || polls[1].fd >= 0) {
		int64_t left = until - clock_ms();

		if (left <= 0)
			return false;
		if (poll(polls, 2, (int)left) < 0 && errno != EINTR)
			return false;
		for (int i = 0; i < 2; i++)
			if (polls[i].fd >= 0 && polls[i].revents && !take_output(fds[i], bufs[i]))
				polls[i].fd = -1;
	}
	return true;
}

char *cut_hostspawn_death(const siginfo_t *end)
{
	if (end->si_code == CLD_EXITED)
		return cut_printf("exited with %d", end->si_status);
	return cut_printf("killed by SIG%s (%s)",
			  sigabbrev_np(end->si_status) ? sigabbrev_np(end->si_status) : "?",
			  strsignal(end->si_status));
}

/* What the host itself said on standard error is already what, why and next; else the plugin ended
 * it, and what was said last may tell why. end: NULL where it took too long. */
static int ask_failed(const char *how, const char *plugin, const struct cut_buf *said,
		      const siginfo_t *end, struct cut_err *err)
{
	static const char prefix[] = "cutover-host: ";
	const char *text = strstr(cut_buf_str(said), prefix);
	cut_auto(cut_str) char *died = NULL, *why = NULL;

	if (end && text && end->si_code == CLD_EXITED) {
		text += strlen(prefix);
		return cut_err_set(err, -EPERM, NULL, NULL, "%.*s", (int)strcspn(text, "\n"), text);
	}
	if (end) {
		died = cut_hostspawn_death(end);
		why = cut_printf("its host died: %s%s%.*s", died,
				 said->len ? ", having said: " : "",
				 (int)strcspn(cut_buf_str(said), "\n"), cut_buf_str(said));
	} else {
		why = cut_strdup("no answer within 10 s");
	}
	return cut_err_set(err, end ? -EPERM : -ETIMEDOUT, why, "mend the plugin",
			   "plugin %s could not %s", plugin ? plugin : "core",
			   strcmp(how, "--check") ? "show its tables" : "check the parameters");
}

/* in: what it reads, or -1 */
static int ask_plugin(const char *host_path, const char *how, const char *plugin, int in,
		      struct cut_buf *out, struct cut_err *err)
{
	cut_auto(cut_buf) struct cut_buf said = {.max_bytes = SAID_MAX_BYTES};
	char *argv[] = {"cutover-host", (char *)how, (char *)plugin, NULL};
	int a[2], b[2], r;
	siginfo_t end;
	bool in_time;
	pid_t pid;

	if (pipe2(a, O_CLOEXEC) < 0)
		return no_host(err, -errno, host_path);
	if (pipe2(b, O_CLOEXEC) < 0) {
		r = no_host(err, -errno, host_path);
		close(a[0]);
		close(a[1]);
		return r;
	}
	/* Descriptors 0 to 2 are open in this process, so the pipes are above them. */
	r = spawn_with(host_path, argv, (const int[][2]){{in, 0}, {a[1], 1}, {b[1], 2}}, 3, &pid);
	close(a[1]);
	close(b[1]);
	if (r == 0) {
		in_time =
			read_both((const int[]){a[0], b[0]}, (struct cut_buf *const[]){out, &said});
		if (!in_time)
			kill(-pid, SIGKILL);
		while (waitid(P_PID, (id_t)pid, &end, WEXITED) < 0 && errno == EINTR)
			;
		if (!in_time || end.si_code != CLD_EXITED || end.si_status != 0)
			r = ask_failed(how, plugin, &said, in_time ? &end : NULL, err);
	} else {
		no_host(err, r, host_path);
	}
	close(a[0]);
	close(b[0]);
	return r;
}

int cut_host_describe(const char *host_path, const char *plugin, json_t **ret, struct cut_err *err)
{
	cut_auto(cut_buf) struct cut_buf out = {.max_bytes = DESCRIPTOR_MAX_BYTES};
	int r = ask_plugin(host_path, "--describe", plugin, -1, &out, err);

	if (r < 0)
		return r;
	return cut_json_parse(cut_buf_str(&out), out.len, "the plugin's tables", ret, err);
}

int cut_host_check(const char *host_path, const char *plugin, const json_t *calls, json_t **ret,
		   struct cut_err *err)
{
	cut_auto(cut_buf) struct cut_buf out = {.max_bytes = CHECKED_MAX_BYTES};
	int in = memfd_create("calls", MFD_CLOEXEC), r;

	if (in < 0)
		return no_host(err, -errno, host_path);
	if (json_dumpfd(calls, in, JSON_COMPACT) < 0 || lseek(in, 0, SEEK_SET) < 0)
		r = no_host(err, -EIO, host_path);
	else
		r = ask_plugin(host_path, "--check", plugin, in, &out, err);
	close(in);
	return r < 0 ? r
		     : cut_json_parse(cut_buf_str(&out), out.len, "the plugin's answer", ret, err);
}
