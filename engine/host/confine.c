/* SPDX-License-Identifier: Apache-2.0 */
/* The measures that keep a plugin from harming the engine, the machine and the run, one a row. The
 * built-in steps are our own code and run operators' commands, which may use sudo, need memory and
 * leave daemons behind: most rows are not for them. */
#include "engine/host/confine.h"

#include "engine/base/log.h"
#include "engine/base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define MEMORY_BYTES ((rlim_t)4 << 30)
#define FILES	     1024
#define PROCESSES    4096 /* of the user, so not for root: the kernel does not count root's */

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_SANITIZER 1 /* it needs its address space, and to trace itself for leaks */
#else
#define UNDER_SANITIZER 0
#endif

static int lower(int resource, rlim_t most)
{
	struct rlimit now, want = {most, most};

	if (getrlimit(resource, &now) < 0)
		return -errno;
	if (now.rlim_max < most)
		want.rlim_cur = want.rlim_max = now.rlim_max;
	return setrlimit(resource, &want) < 0 ? -errno : 0;
}

static int no_core(const char *keep_out)
{
	return lower(RLIMIT_CORE, 0);
}

static int adopt_orphans(const char *keep_out)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ? -errno : 0;
}

/* When memory runs out it is the plugin that goes, not the engine that must roll back. */
static int die_first(const char *keep_out)
{
	static const char score[] = "500";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, score, strlen(score)) < 0)
		r = -errno;
	close(fd);
	return r;
}

static int less_memory(const char *keep_out)
{
	return lower(RLIMIT_AS, MEMORY_BYTES);
}

static int few_files(const char *keep_out)
{
	return lower(RLIMIT_NOFILE, FILES);
}

static int few_processes(const char *keep_out)
{
	return lower(RLIMIT_NPROC, PROCESSES);
}

static int no_new_privileges(const char *keep_out)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* Secrets stay away from debuggers and from whoever reads /proc. */
static int not_dumpable(const char *keep_out)
{
	return prctl(PR_SET_DUMPABLE, 0) < 0 ? -errno : 0;
}

/* In this order: files of /proc/self are root's once we are not dumpable; Landlock and seccomp need
 * that no privileges can be gained. */
static const struct {
	const char *what;
	bool for_steps, under_sanitizer;
	int (*take)(const char *keep_out);
} measures[] = {
	{"no core dumps", true, true, no_core},
	{"orphans stay ours", true, true, adopt_orphans},
	{"first to go when memory runs out", false, true, die_first},
	{"a limit of memory", false, false, less_memory},
	{"a limit of descriptors", false, true, few_files},
	{"a limit of processes", false, true, few_processes},
	{"no new privileges", false, true, no_new_privileges},
	{"not dumpable", true, false, not_dumpable},
	{"no writing to runs, no signals to others (Landlock)", false, true, confine_files},
	{"no leaving the session, no reaching into others (seccomp)", false, false, confine_calls},
};

void host_confine(bool is_plugin, const char *keep_out)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(measures); i++) {
		int r;

		if ((!is_plugin && !measures[i].for_steps) ||
		    (UNDER_SANITIZER && !measures[i].under_sanitizer))
			continue;
		r = measures[i].take(keep_out);
		if (r < 0)
			cut_log(CUT_LOG_WARN, "not_confined", "what=\"%s\" why=\"%s\"",
				measures[i].what, strerror(-r));
	}
}
