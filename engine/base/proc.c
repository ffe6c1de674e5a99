/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over /proc, then the closure over parents. */
#include "engine/base/proc.h"

#include "engine/base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct entry {
	struct cut_proc proc;
	bool doomed;
};

struct table {
	CUT_VEC(struct entry);
};

/* "pid (any text, even with ")") S ppid pgrp session …" */
static bool parse_stat(const char *text, struct cut_proc *proc)
{
	const char *end = strrchr(text, ')');
	int parent, group, session;
	char state;

	if (!end || sscanf(end + 1, " %c %d %d %d", &state, &parent, &group, &session) != 4)
		return false;
	proc->state = state;
	proc->parent = parent;
	proc->group = group;
	proc->session = session;
	return true;
}

static bool read_stat(int proc_dir, const char *name, struct cut_proc *proc)
{
	char path[64], text[1024];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%.32s/stat", name);
	fd = openat(proc_dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return parse_stat(text, proc);
}

static int read_table(struct table *table)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;

	if (!dir)
		return -errno;
	while ((d = readdir(dir))) {
		struct entry entry = {0};
		char *end;

		entry.proc.pid = (pid_t)strtol(d->d_name, &end, 10);
		if (*end || entry.proc.pid <= 1 || entry.proc.pid == getpid())
			continue;
		if (read_stat(dirfd(dir), d->d_name, &entry.proc))
			cut_vec_push(table, entry);
	}
	closedir(dir);
	return 0;
}

static bool is_doomed(struct table *table, pid_t pid)
{
	cut_vec_foreach (table, e)
		if (e->doomed && e->proc.pid == pid)
			return true;
	return false;
}

static void doom_descendants(struct table *table)
{
	bool more = true;

	while (more) {
		more = false;
		cut_vec_foreach (table, e) {
			if (e->doomed)
				continue;
			e->doomed =
				is_doomed(table, e->proc.parent) || is_doomed(table, e->proc.group);
			more = more || e->doomed;
		}
	}
}

static bool is_prey(const struct cut_proc_hunt *hunt, pid_t pid)
{
	for (size_t i = 0; i < hunt->len; i++)
		if (hunt->prey[i] == pid)
			return true;
	return false;
}

/* True when it is gone, or dead and somebody else's to reap. */
static bool end_process(const struct cut_proc_hunt *hunt, const struct cut_proc *proc)
{
	bool dead = proc->state == 'Z' || proc->state == 'X';

	/* The group first: it also holds those born since the table was read. */
	if (proc->group == proc->pid)
		kill(-proc->pid, SIGKILL);
	kill(proc->pid, SIGKILL);
	if (hunt->reap && dead && proc->parent == getpid())
		return waitpid(proc->pid, NULL, WNOHANG) != 0;
	return dead;
}

int cut_proc_hunt(struct cut_proc_hunt *hunt)
{
	struct {
		CUT_VEC(pid_t);
	} left = {0};
	struct table table = {0};
	int r;

	r = read_table(&table);
	if (r < 0)
		return r;
	cut_vec_foreach (&table, e)
		e->doomed = hunt->is_root(hunt->data, &e->proc) || is_prey(hunt, e->proc.pid);
	doom_descendants(&table);
	cut_vec_foreach (&table, e)
		if (e->doomed && !end_process(hunt, &e->proc))
			cut_vec_push(&left, e->proc.pid);
	cut_vec_done(&table);
	free(hunt->prey);
	hunt->prey = left.items;
	hunt->len = left.len;
	hunt->cap = left.cap;
	return (int)left.len;
}

void cut_proc_hunt_done(struct cut_proc_hunt *hunt)
{
	free(hunt->prey);
	hunt->prey = NULL;
	hunt->len = hunt->cap = 0;
}
