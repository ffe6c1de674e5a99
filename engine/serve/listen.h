/* SPDX-License-Identifier: Apache-2.0 */
/* The unix socket at which a run is heard, and who lets clients in. Used by the control socket.
 * The HTTP server could do so itself, but once it has found no descriptor for a client it takes no
 * other one until one of those leaves that it has, however long that is. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>

#define CUT_CLIENTS_MAX 256u /* at a time; others wait */

struct cut_listener;
struct cut_world;
struct MHD_Daemon;

/* Listens at path, open to everybody (0666): who may what is asked of each request. */
int cut_listener_new(struct cut_world *world, const char *path, struct cut_listener **ret,
		     struct cut_err *err);
/* From now on clients become connections of daemon, which is borrowed. */
void cut_listener_start(struct cut_listener *listener, struct MHD_Daemon *daemon);
/* The path is gone; the memory follows on the loop. */
void cut_listener_free(struct cut_listener *listener);
