/* SPDX-License-Identifier: Apache-2.0 */
/* Kill and reap, over and over: what forks while we look is found in the next round, and whoever
 * loses its parent becomes our child. */
#include "engine/runtime/reap.h"

#include "engine/base/vec.h"
#include "engine/runtime/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
	pid_t pid, parent;
	bool below;
};

struct processes {
	CUT_VEC(struct process);
};

/* The parent of pid, or 0 where it is gone. */
static pid_t parent_of(pid_t pid)
{
	char path[32], stat[512];
	const char *after_name;
	int fd, parent;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, stat, sizeof(stat) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	stat[n] = '\0';
	after_name = strrchr(stat, ')'); /* the name may hold anything */
	if (!after_name || sscanf(after_name, ") %*c %d", &parent) != 1)
		return 0;
	return parent;
}

static void list_processes(struct processes *all)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		return;
	while ((entry = readdir(proc))) {
		struct process p = {.pid = (pid_t)strtol(entry->d_name, NULL, 10)};

		if (p.pid > 0)
			p.parent = parent_of(p.pid);
		if (p.parent > 0)
			cut_vec_push(all, p);
	}
	closedir(proc);
}

/* Marks children of children until there are no more; returns how many there are. */
static size_t mark_below(struct processes *all, pid_t top)
{
	size_t found = 0, before;

	do {
		before = found;
		cut_vec_foreach (all, p) {
			bool is_child = p->parent == top;

			cut_vec_foreach (all, above)
				is_child |= above->below && above->pid == p->parent;
			if (is_child && !p->below) {
				p->below = true;
				found++;
			}
		}
	} while (found > before);
	return found;
}

/* By a descriptor, after a second look: the number may belong to somebody else by now. */
static void kill_process(const struct process *p)
{
	int fd = pidfd_open(p->pid, 0);

	if (fd < 0)
		return;
	if (parent_of(p->pid) == p->parent)
		pidfd_send_signal(fd, SIGKILL, NULL, 0);
	close(fd);
}

static size_t kill_below(void)
{
	struct processes all = {0};
	size_t found;

	list_processes(&all);
	found = mark_below(&all, getpid());
	cut_vec_foreach (&all, p)
		if (p->below)
			kill_process(p);
	cut_vec_done(&all);
	return found;
}

int cut_reap_below(cut_time deadline)
{
	useconds_t pause_us = 1000;

	for (;;) {
		size_t found = kill_below();
		pid_t reaped;

		while ((reaped = waitpid(-1, NULL, WNOHANG)) > 0)
			continue;
		if (found == 0 && reaped < 0 && errno == ECHILD)
			return 0;
		if (cut_clock_boot() > deadline)
			return -ETIMEDOUT;
		usleep(pause_us);
		if (pause_us < 50000)
			pause_us *= 2;
	}
}
