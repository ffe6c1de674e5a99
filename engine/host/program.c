/* SPDX-License-Identifier: Apache-2.0 */
/* By vfork, whose cost does not grow with the heap, as fork's does; posix_spawn is the same, but
 * maps a stack each time and asks the kernel about every signal there is: a twentieth of what
 * a small command costs. Between vfork and exec the child lives in our memory, and we stand still:
 * it calls the kernel, and writes nothing but *error. */
#include "engine/host/program.h"

#include "engine/base/alloc.h"
#include "engine/base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* As exec looks at it, from this process's folder, whatever the child's is. */
static int absolute(const char *path, char **ret)
{
	cut_auto(cut_str) char *folder = NULL;

	if (path[0] != '/' && !(folder = getcwd(NULL, 0)))
		return -errno;
	*ret = folder ? cut_printf("%s/%s", folder, path) : cut_strdup(path);
	return 0;
}

static int try_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0 || access(path, X_OK) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? 0 : -EACCES;
}

/* The first program of that name in PATH. What is there and may not be run is told of only where
 * there is no other. */
static int search(const char *name, char **ret)
{
	const char *path = getenv("PATH");
	int r = -ENOENT;

	for (const char *dir = path ? path : "/bin:/usr/bin", *end; dir;
	     dir = *end ? end + 1 : NULL) {
		cut_auto(cut_str) char *candidate = NULL;
		int tried;

		end = strchrnul(dir, ':');
		candidate = end == dir ? cut_strdup(name)
				       : cut_printf("%.*s/%s", (int)(end - dir), dir, name);
		tried = try_program(candidate);
		if (tried == 0)
			return absolute(candidate, ret);
		if (tried == -EACCES)
			r = tried;
	}
	return r;
}

static int find_program(const char *name, char **ret)
{
	if (!strchr(name, '/'))
		return *name ? search(name, ret) : -ENOENT;
	return absolute(name, ret);
}

/* --- in the child --- */

static int take_descriptors(const struct plumbing *p)
{
	int in = p->in[0] >= 0 ? p->in[0] : open("/dev/null", O_RDONLY);

	if (in < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(p->out[1], STDOUT_FILENO) < 0 ||
	    dup2(p->err[1], STDERR_FILENO) < 0)
		return -errno;
	/* Everything else here is O_CLOEXEC, but a plugin's own libraries may be less careful. */
	return close_range(STDERR_FILENO + 1, ~0U, 0) < 0 ? -errno : 0;
}

/* What this host or who started it may have ignored; the rest exec resets. */
static void reset_signals(void)
{
	static const int ignorable[] = {SIGPIPE, SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
					SIGUSR1, SIGUSR2, SIGCHLD, SIGALRM};
	sigset_t none;

	for (size_t i = 0; i < CUT_ARRAY_LEN(ignorable); i++)
		signal(ignorable[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(const char *path, const struct cut_child *spec,
			     const struct plumbing *plumbing, volatile int *error)
{
	int r;

	setpgid(0, 0);
	r = take_descriptors(plumbing);
	if (r == 0 && spec->cwd && chdir(spec->cwd) < 0)
		r = -errno;
	if (r == 0) {
		reset_signals();
		execve(path, (char *const *)spec->argv,
		       spec->env ? (char *const *)spec->env : environ);
		r = -errno;
	}
	*error = r;
	_exit(127);
}

/* --- in the host --- */

/* A function of its own: what lives across vfork may be clobbered by the child. */
static __attribute__((noinline)) pid_t start(const char *path, const struct cut_child *spec,
					     const struct plumbing *plumbing, volatile int *error)
{
	pid_t pid = vfork();

	if (pid == 0)
		become(path, spec, plumbing, error);
	return pid;
}

int program_start(const struct cut_child *spec, const struct plumbing *plumbing, pid_t *ret_pid)
{
	cut_auto(cut_str) char *path = NULL;
	volatile int error = 0;
	sigset_t all, before;
	pid_t pid;
	int r;

	r = find_program(spec->argv[0], &path);
	if (r < 0)
		return r;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before); /* no handler of ours is to run in the child */
	pid = start(path, spec, plumbing, &error);
	if (pid < 0)
		error = -errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (error) {
		if (pid > 0)
			waitpid(pid, NULL, 0);
		return error;
	}
	*ret_pid = pid;
	return 0;
}
