/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a real program under valgrind 3.19, which does not know the calls for descriptors
 * of processes: one is an eventfd, told by a thread that waits for the child. A plugin's host,
 * which gets few variables, is given those that preload this. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC visibility push(default)

enum { FDS = 1024, ABOVE_FD = 512, VARIABLES = 32 };

static pid_t pids[FDS];

/* data: the child, and a descriptor of our own, as the other is closed by whoever asked for it. */
static void *watch_child(void *data)
{
	id_t pid = (id_t)((uintptr_t)data >> 32);
	int fd = (int)(uint32_t)(uintptr_t)data;
	siginfo_t end;

	while (waitid(P_PID, pid, &end, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	eventfd_write(fd, 1);
	close(fd);
	return NULL;
}

/* Of one that is no child only the number is kept: nobody waits for those. */
int pidfd_open(pid_t pid, unsigned flags)
{
	int fd = kill(pid, 0) < 0 && errno == ESRCH ? -1 : eventfd(0, EFD_CLOEXEC);
	sigset_t all, before;
	siginfo_t end;
	pthread_t thread;
	uint32_t own;

	if (fd < 0 || fd >= FDS)
		return -1;
	pids[fd] = pid;
	if (waitid(P_PID, (id_t)pid, &end, WEXITED | WNOWAIT | WNOHANG) < 0)
		return fd;
	own = (uint32_t)fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_FD);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, watch_child, (void *)((uintptr_t)pid << 32 | own)) == 0)
		pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return fd;
}

int pidfd_send_signal(int fd, int number, siginfo_t *info, unsigned flags)
{
	return kill(pids[fd], number);
}

int posix_spawn(pid_t *ret, const char *path, const posix_spawn_file_actions_t *actions,
		const posix_spawnattr_t *attr, char *const argv[], char *const env[])
{
	static int (*real)(pid_t *, const char *, const posix_spawn_file_actions_t *,
			   const posix_spawnattr_t *, char *const[], char *const[]);
	char *more[VARIABLES] = {0};
	size_t n = 0;

	if (!real)
		real = dlsym(RTLD_NEXT, "posix_spawn");
	if (access(path, X_OK) < 0)
		return errno; /* valgrind forks, and so is not told */
	if (!strstr(path, "cutover-host"))
		return real(ret, path, actions, attr, argv, env);
	while (n < VARIABLES - 2 && env[n]) {
		more[n] = env[n];
		n++;
	}
	more[n] = getenv("CUT_TEST_PRELOAD"); /* LD_PRELOAD=… */
	return real(ret, path, actions, attr, argv, more);
}
