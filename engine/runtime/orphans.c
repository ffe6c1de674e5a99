/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/orphans.h"

#include "engine/base/buf.h"
#include "engine/base/log.h"
#include "engine/runtime/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define ENVIRON_MAX_BYTES (1 << 20)
#define LOOK_US		  5000

struct hunt {
	const char *run;
	cut_orphan_fn *in_flight;
	void *data;
};

static int read_environ(pid_t pid, struct cut_buf *out)
{
	cut_auto(cut_str) char *path = cut_printf("/proc/%d/environ", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (n > 0) {
		char *at = cut_buf_reserve(out, 4096);

		n = at ? read(fd, at, 4096) : -1;
		if (n > 0)
			out->len += (size_t)n;
	}
	close(fd);
	cut_buf_add_char(out, '\0');
	return n < 0 ? -EIO : 0;
}

/* The value of a variable, or "". */
static const char *variable(const struct cut_buf *env, const char *name)
{
	size_t len = strlen(name);

	for (size_t at = 0; at < env->len; at += strlen(env->data + at) + 1) {
		const char *entry = env->data + at;

		if (strncmp(entry, name, len) == 0 && entry[len] == '=')
			return entry + len + 1;
	}
	return "";
}

/* 1: it is; 0: it is not, or is not ours to look at; negative: it could be. */
static int is_orphan(const struct hunt *hunt, pid_t pid)
{
	cut_auto(cut_buf) struct cut_buf env = {.max_bytes = ENVIRON_MAX_BYTES};
	unsigned long attempt;
	int r = pid == getpid() ? -ESRCH : read_environ(pid, &env);

	if (r == -EMFILE || r == -ENFILE)
		return r;
	if (r < 0 || strcmp(variable(&env, "CUTOVER_RUN"), hunt->run) != 0)
		return 0;
	attempt = strtoul(variable(&env, "CUTOVER_ATTEMPT"), NULL, 10);
	return hunt->in_flight(hunt->data, variable(&env, "CUTOVER_STEP"), (unsigned)attempt);
}

/* By a descriptor, after a second look: the number may belong to somebody else by now. */
static void end_orphan(const struct hunt *hunt, pid_t pid)
{
	int fd = pidfd_open(pid, 0);

	if (fd < 0)
		return;
	if (is_orphan(hunt, pid) > 0 && pidfd_send_signal(fd, SIGKILL, NULL, 0) == 0)
		cut_log(CUT_LOG_WARN, "orphan_ended", "pid=%d", (int)pid);
	close(fd);
}

/* One of those that were still there, or 0; negative errno: there may be more. */
static pid_t end_all(const struct hunt *hunt)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	pid_t one = 0;

	if (!proc)
		return -errno;
	while (one >= 0 && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		int r = pid > 0 ? is_orphan(hunt, pid) : 0;

		if (r > 0)
			end_orphan(hunt, pid);
		if (r != 0)
			one = r < 0 ? r : pid;
	}
	closedir(proc);
	return one;
}

int cut_orphans_end(const char *run, cut_orphan_fn *in_flight, void *data, cut_time deadline,
		    struct cut_err *err)
{
	struct hunt hunt = {run, in_flight, data};
	pid_t left;

	while ((left = end_all(&hunt)) > 0) {
		if (cut_clock_boot() > deadline)
			return cut_err_set(err, -ETIMEDOUT, "it hangs in the kernel",
					   "end it, then `cutover recover`",
					   "process %d, a command of this run, cannot be ended",
					   (int)left);
		usleep(LOOK_US);
	}
	return left == 0 ? 0
			 : cut_err_sys(err, left, "mend that, then `cutover recover`",
				       "cannot look for commands of this run that still run");
}
