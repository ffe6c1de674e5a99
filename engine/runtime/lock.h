/* SPDX-License-Identifier: Apache-2.0 */
/* The lock that makes one writer of a run, held through an open descriptor by the supervisor and
 * the engine that inherits it, and kept from others by the holds of the hosts. Used by run, recover
 * and the supervisor (take), by status, list and refusals (query). */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Creates path (0600) if it is missing and locks it. *ret_fd is close-on-exec: a process that is to
 * hold the lock gets it by fork or a duplicate without that flag, and the lock lasts until the last
 * of them has closed it. The lines of earlier holders are gone. -EBUSY: held, err says by whom. */
int cut_lock_take(const char *path, int *ret_fd, struct cut_err *err);
/* A hold for a process that is not trusted with the lock itself: it cannot write the file nor free
 * anything but its own hold, and nobody can take the lock while it lasts. Close-on-exec, as above.
 */
int cut_lock_share(int fd, int *ret_fd);
/* Adds the line "<role> <pid>" of a process that holds it too. */
int cut_lock_note(int fd, const char *role, pid_t pid);

struct cut_lock_holder {
	bool live;
	struct cut_buf lines; /* owned: the file's text, also that of dead holders */
};
/* Who holds it, without taking it. 0, also where the file is missing (not live). */
int cut_lock_query(const char *path, struct cut_lock_holder *ret, struct cut_err *err);
/* The pid in the last line of that role; 0: none. */
pid_t cut_lock_pid(const struct cut_lock_holder *holder, const char *role);
void cut_lock_holder_done(struct cut_lock_holder *holder);

static inline void cut_lock_holder_cleanup(struct cut_lock_holder *holder)
{
	cut_lock_holder_done(holder);
}
