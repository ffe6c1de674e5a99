/* SPDX-License-Identifier: Apache-2.0 */
/* Starts programs. Used by service_spawn.c. */
#pragma once

#include "cutover/plugin.h"

#include <sys/types.h>

/* Descriptors of the child, before it runs. -1 where there is none. */
struct plumbing {
	int in[2], out[2], err[2];
};

/* 0 with a process that leads a group of its own and has loaded its program, or negative errno and
 * no process. */
int program_start(const struct cut_child *spec, const struct plumbing *plumbing, pid_t *ret_pid);
