/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over /proc, then the closure over parents and groups. */
#include "engine/base/proc.h"

#include "engine/base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct entry {
	struct cut_proc proc;
	bool doomed;
};

/* Sorted by pid. */
struct table {
	CUT_VEC(struct entry);
};

void cut_proc_open_standard(void)
{
	int fd = open("/dev/null", O_RDONLY);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = dup(fd);
	if (fd > STDERR_FILENO)
		close(fd);
}

static int compare_pids(const void *a, const void *b)
{
	pid_t first = ((const struct entry *)a)->proc.pid;
	pid_t second = ((const struct entry *)b)->proc.pid;

	return (first > second) - (first < second);
}

/* "pid (any text, even with ")") S ppid pgrp session …" */
static bool parse_stat(const char *text, struct cut_proc *proc)
{
	const char *end = strrchr(text, ')');
	int parent, group, session;
	unsigned long long born; /* the 22nd */
	char state;

	if (!end || sscanf(end + 1,
			   " %c %d %d %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			   "%*s %llu",
			   &state, &parent, &group, &session, &born) != 5)
		return false;
	proc->state = state;
	proc->parent = parent;
	proc->group = group;
	proc->session = session;
	proc->born = born;
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

/* Negative errno where it is not us who may not see somebody. */
static int read_table(DIR *dir, struct table *table)
{
	struct dirent *d;

	while ((d = readdir(dir))) {
		struct entry entry = {0};
		char *end;

		entry.proc.pid = (pid_t)strtol(d->d_name, &end, 10);
		if (*end || entry.proc.pid <= 1 || entry.proc.pid == getpid())
			continue;
		if (read_stat(dirfd(dir), d->d_name, &entry.proc))
			cut_vec_push(table, entry);
		else if (errno == EMFILE || errno == ENFILE)
			return -errno;
	}
	if (table->len)
		qsort(table->items, table->len, sizeof(*table->items), compare_pids);
	return 0;
}

static bool is_doomed(const struct table *table, pid_t pid)
{
	struct entry wanted = {.proc = {.pid = pid}};
	const struct entry *e = NULL;

	if (table->len)
		e = bsearch(&wanted, table->items, table->len, sizeof(*table->items), compare_pids);
	return e && e->doomed;
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

static bool is_same(const struct cut_proc *a, const struct cut_proc *b)
{
	return a->pid == b->pid && a->born == b->born;
}

static bool is_prey(const struct cut_proc_hunt *hunt, const struct cut_proc *proc)
{
	for (size_t i = 0; i < hunt->len; i++)
		if (is_same(&hunt->prey[i], proc))
			return true;
	return false;
}

/* By a descriptor, after a second look: the number may belong to somebody else by now. */
static void kill_process(int proc_dir, const struct cut_proc *proc)
{
	struct cut_proc now = {.pid = proc->pid};
	char name[16];
	int fd = pidfd_open(proc->pid, 0);

	if (fd < 0)
		return;
	snprintf(name, sizeof(name), "%d", (int)proc->pid);
	if (read_stat(proc_dir, name, &now) && is_same(&now, proc)) {
		/* The group first: it also holds those born since the table was read. */
		if (now.group == now.pid)
			kill(-now.pid, SIGKILL);
		pidfd_send_signal(fd, SIGKILL, NULL, 0);
	}
	close(fd);
}

/* True when it is gone, or dead and of a parent that lives on and is to reap it. */
static bool end_process(const struct cut_proc_hunt *hunt, const struct table *table, int proc_dir,
			const struct cut_proc *proc)
{
	bool dead = proc->state == 'Z' || proc->state == 'X';

	kill_process(proc_dir, proc);
	if (hunt->reap && dead && proc->parent == getpid())
		return waitpid(proc->pid, NULL, WNOHANG) != 0;
	return dead && !is_doomed(table, proc->parent);
}

/* For the table, one process of it, and that process itself. -1: not kept. */
static int kept[] = {-1, -1, -1};
static bool keeps;

static void give_descriptors(void)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(kept); i++) {
		if (kept[i] >= 0)
			close(kept[i]);
		kept[i] = -1;
	}
}

static void take_descriptors(void)
{
	for (size_t i = 0; keeps && i < CUT_ARRAY_LEN(kept); i++)
		kept[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void cut_proc_keep_descriptors(void)
{
	keeps = true;
	take_descriptors();
}

static int hunt_once(struct cut_proc_hunt *hunt)
{
	struct {
		CUT_VEC(struct cut_proc);
	} left = {0};
	struct table table = {0};
	DIR *dir = opendir("/proc");
	int r;

	if (!dir)
		return -errno;
	r = read_table(dir, &table);
	if (r < 0) {
		cut_vec_done(&table);
		closedir(dir);
		return r;
	}
	cut_vec_foreach (&table, e)
		e->doomed = hunt->is_root(hunt->data, &e->proc) || is_prey(hunt, &e->proc);
	doom_descendants(&table);
	cut_vec_foreach (&table, e)
		if (e->doomed && !end_process(hunt, &table, dirfd(dir), &e->proc))
			cut_vec_push(&left, e->proc);
	cut_vec_done(&table);
	closedir(dir);
	free(hunt->prey);
	hunt->prey = left.items;
	hunt->len = left.len;
	hunt->cap = left.cap;
	return (int)left.len;
}

int cut_proc_hunt(struct cut_proc_hunt *hunt)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER; /* for what is kept */
	int r;

	pthread_mutex_lock(&one_at_a_time);
	give_descriptors();
	r = hunt_once(hunt);
	take_descriptors();
	pthread_mutex_unlock(&one_at_a_time);
	return r;
}

void cut_proc_hunt_done(struct cut_proc_hunt *hunt)
{
	free(hunt->prey);
	hunt->prey = NULL;
	hunt->len = hunt->cap = 0;
}
