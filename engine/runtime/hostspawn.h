/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the program cutover-host with nothing but what it needs. Used by runtime/hostlink. */
#pragma once

#include "engine/base/err.h"
#include "engine/runtime/hostlink.h"

/* Starts a host in a session of its own: the link is its descriptor 3 (the other end, non-blocking,
 * in *ret_fd), the lock 4, standard error the log; PATH, HOME, LANG and TZ its environment. */
int cut_hostspawn(const struct cut_hostlink_options *options, pid_t *ret_pid, int *ret_fd,
		  struct cut_err *err);
