/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/launch.h"

#include "engine/base/log.h"
#include "engine/runtime/clock.h"
#include "engine/runtime/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_log(const char *dir, struct cut_err *err)
{
	cut_auto(cut_str) char *path = cut_printf("%s/engine.log", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? cut_err_sys(err, -errno, NULL, "cannot write %s", path) : fd;
}

/* The child's child: an orphan of the client from the start. Never returns. */
static void supervise(const struct cut_launch *launch, int log_fd, int client)
{
	struct cut_engine_options engine = launch->engine;
	struct cut_supervise_options options = {
		.lock_fd = launch->lock_fd,
		.log_fd = log_fd,
		.hold = launch->named_locks,
		.hold_len = launch->named_locks_len,
		.keep = &client,
		.keep_len = 1,
		.engine = cut_engine_run,
		.arg = &engine,
	};

	engine.client_fd = client;
	engine.log_fd = log_fd;
	_exit(cut_supervise(&options));
}

int cut_launch(const struct cut_launch *launch, int *ret_client, struct cut_err *err)
{
	int log_fd = open_log(launch->engine.dir, err), pair[2] = {-1, -1};
	pid_t pid;

	if (log_fd < 0)
		return log_fd;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		close(log_fd);
		return cut_err_sys(err, -errno, NULL, "cannot start the engine");
	}
	cut_secrets_hide_env(launch->engine.rb);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		if (fork() == 0)
			supervise(launch, log_fd, pair[1]);
		_exit(0);
	}
	close(log_fd);
	close(launch->lock_fd); /* the supervisor has its own now */
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return cut_err_sys(err, -errno, NULL, "cannot start the engine");
	}
	waitpid(pid, NULL, 0);
	*ret_client = pair[0];
	return 0;
}

static int not_ready(const char *dir, int code, const char *why, struct cut_err *err)
{
	cut_auto(cut_str) char *next = cut_printf("see %s/engine.log", dir);

	return cut_err_set(err, code, why, next, "the engine did not get ready");
}

int cut_launch_message(int client, const char *dir, cut_time timeout, struct cut_buf *in,
		       json_t **ret, struct cut_err *err)
{
	cut_time until = cut_clock_boot() + timeout;

	for (;;) {
		const char *end = in->len ? memchr(in->data, '\n', in->len) : NULL;
		struct pollfd pfd = {.fd = client, .events = POLLIN};
		cut_time left = until - cut_clock_boot();
		char *at;
		ssize_t n;

		if (end) {
			size_t len = (size_t)(end - in->data);
			json_t *message = json_loadb(in->data, len, 0, NULL);

			cut_buf_consume(in, len + 1);
			if (!message)
				return cut_err_set(err, -EIO, "it is not JSON", NULL,
						   "the engine's message");
			*ret = message;
			return 0;
		}
		if (left <= 0 || poll(&pfd, 1, (int)left) == 0)
			return not_ready(dir, -ETIMEDOUT, "it says nothing", err);
		at = cut_buf_reserve(in, 1 << 16);
		n = read(client, at, 1 << 16);
		if (n == 0 || (n < 0 && errno != EINTR))
			return not_ready(dir, -EPIPE, "it ended", err);
		if (n > 0)
			in->len += (size_t)n;
	}
}

int cut_launch_refusal(const json_t *message, struct cut_err *err)
{
	const json_t *error = json_object_get(message, "error");

	if (strcmp(cut_json_str(message, "type", ""), "refused") != 0)
		return 0;
	return cut_err_set(err, -(int)cut_json_int(message, "errno", EPERM),
			   cut_json_str(error, "why", NULL), cut_json_str(error, "next", NULL),
			   "%s", cut_json_str(error, "what", "refused"));
}
