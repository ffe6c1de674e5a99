/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the program cutover-host with nothing but what it needs. Used by runtime/hostlink. */
#pragma once

#include "engine/base/err.h"
#include "engine/runtime/hostlink.h"

#include <signal.h>

struct cut_hostspawn;

struct cut_hostprocess {
	pid_t pid;
	int link;  /* our end, non-blocking */
	int words; /* its standard output and error, to be read, non-blocking; -1: nobody listens */
};

/* Starts a host in a session of its own: the link is its descriptor 3, a hold of the lock 4; PATH,
 * HOME, LANG and TZ its environment. In three steps, as the middle one waits until the new process
 * has had a processor and loaded its program: any thread may take it, the others are the loop's. */
int cut_hostspawn_prepare(const struct cut_hostlink_options *options, struct cut_hostspawn **ret,
			  struct cut_err *err);
void cut_hostspawn_run(struct cut_hostspawn *spawn);
/* Gives up spawn; of a host that runs, or the error. */
int cut_hostspawn_finish(struct cut_hostspawn *spawn, struct cut_hostprocess *ret,
			 struct cut_err *err);
/* "exited with 1", "killed by SIGSEGV (Segmentation fault)"; owned by the caller. */
char *cut_hostspawn_death(const siginfo_t *end);
