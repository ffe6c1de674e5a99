/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: their first descriptors; and the table of all, to end everything that a dead or
 * overdue one has left below it. Used by both programs, host/service_spawn (a command's
 * descendants), runtime/hostlink (commands of a dead host) and the supervisor. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* 0, 1 and 2 are there for sure, so that no lock, pipe or socket ever gets one of these numbers.
 * What is printed where there was none fails, as it would have. */
void cut_proc_open_standard(void);

struct cut_proc {
	pid_t pid, parent, group, session;
	unsigned long long born; /* ticks since boot: tells two of the same pid apart */
	char state;		 /* as in proc(5): 'Z' is dead and waits to be reaped */
};

typedef bool cut_proc_fn(const void *data, const struct cut_proc *proc);

/* What is to be ended; {0} but for the first three. */
struct cut_proc_hunt {
	cut_proc_fn *is_root;
	const void *data;
	bool reap;	       /* also reap those that are, or became, children of the caller */
	struct cut_proc *prey; /* owned: found by an earlier pass and not yet gone */
	size_t len, cap;
};

/* One pass: sends SIGKILL to each process that is_root picks, to its whole process group where it
 * leads one, and to everything that descends from it. Never to the caller. Returns how many of them
 * are still to go, so that 0 means: all gone; or negative errno when /proc cannot be read. Reads
 * the whole process table, some 20 us a process: no work for a loop; from any thread. */
int cut_proc_hunt(struct cut_proc_hunt *hunt);
/* Keeps the descriptors of a hunt aside, so that one is possible when there is no other left. */
void cut_proc_keep_descriptors(void);
void cut_proc_hunt_done(struct cut_proc_hunt *hunt);
