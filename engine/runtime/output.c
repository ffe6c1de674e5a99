/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/output.h"

#include "engine/runtime/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int spawn(const json_t *argv, const char *folder, int out_fd, pid_t *ret)
{
	size_t len = json_array_size(argv);
	char **args = cut_new_array(char *, len + 1);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	for (size_t i = 0; i < len; i++)
		args[i] = (char *)json_string_value(json_array_get(argv, i));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addchdir_np(&actions, folder);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	r = posix_spawnp(ret, args[0], &actions, &attr, args, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	free(args);
	return -r;
}

/* 0 at the end of the output, or -ETIMEDOUT, -E2BIG. */
static int read_until_end(int fd, cut_time until, struct cut_buf *out)
{
	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		cut_time left = until - cut_clock_boot();
		ssize_t n;
		char *at;

		if (left <= 0 || poll(&pfd, 1, (int)left) == 0)
			return -ETIMEDOUT;
		at = cut_buf_reserve(out, 4096);
		if (!at)
			return -E2BIG;
		n = read(fd, at, 4096);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			out->len += (size_t)n;
			out->data[out->len] = '\0';
		}
	}
}

/* 0 when it ended, -ETIMEDOUT when it lives on with its output closed. */
static int wait_until_dead(pid_t pid, cut_time until)
{
	struct pollfd pfd = {.events = POLLIN};
	cut_time left = until - cut_clock_boot();
	int n;

	pfd.fd = pidfd_open(pid, 0);
	if (pfd.fd < 0)
		return -errno;
	n = poll(&pfd, 1, left > 0 ? (int)left : 0);
	close(pfd.fd);
	return n > 0 ? 0 : -ETIMEDOUT;
}

int cut_command_output(const json_t *argv, const char *folder, cut_time timeout,
		       struct cut_buf *out, struct cut_err *err)
{
	const char *name = json_string_value(json_array_get(argv, 0));
	cut_time until = cut_clock_boot() + timeout;
	int fds[2], status = 0, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return cut_err_sys(err, -errno, NULL, "cannot run %s", name);
	r = spawn(argv, folder, fds[1], &pid);
	close(fds[1]);
	if (r < 0) {
		close(fds[0]);
		return cut_err_sys(err, r, "check its path and that it may be executed",
				   "cannot run %s", name);
	}
	r = read_until_end(fds[0], until, out);
	if (r == 0)
		r = wait_until_dead(pid, until);
	close(fds[0]);
	if (r < 0)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == -ETIMEDOUT)
		return cut_err_set(err, r, "it gave no answer in 10 s", "run it by hand",
				   "%s was ended", name);
	if (r < 0)
		return cut_err_sys(err, r, NULL, "cannot read the output of %s", name);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return cut_err_set(err, -EIO, "it ended with an error", "run it by hand",
				   "%s failed (status %d)", name,
				   WIFEXITED(status) ? WEXITSTATUS(status)
						     : 128 + WTERMSIG(status));
	return 0;
}
