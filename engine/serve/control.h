/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket of a run: HTTP/1.1 with JSON over a unix socket, on the engine's loop. Routes:
 * GET /v1/status, GET /v1/events (server-sent events, Last-Event-ID; its last
 * is `fault` where the journal cannot be written any more), POST /v1/orders, POST /v1/eval.
 * Who asks is told by the socket's peer credentials. */
#pragma once

#include "engine/runtime/driver.h"

struct cut_control;

/* Listens at path (mode 0666; each request is authorised by uid). driver is borrowed. */
int cut_control_start(const char *path, struct cut_driver *driver, struct cut_control **ret,
		      struct cut_err *err);
/* Records up to seq are durable: answers orders that wait for it, feeds event streams. */
void cut_control_synced(struct cut_control *control, uint64_t seq);
/* No more records will be: streams are told why, and who waits for one is refused with it. */
void cut_control_broken(struct cut_control *control, const struct cut_err *why);
/* The run has ended: event streams end once they have sent everything. */
void cut_control_ended(struct cut_control *control);
/* Calls fn, once and not from within, when there is no event stream (any more). */
void cut_control_when_heard(struct cut_control *control, void (*fn)(void *data), void *data);
void cut_control_stop(struct cut_control *control);
