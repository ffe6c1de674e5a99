/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of hostlink share: its process and clock (hostlink.c), its frames
 * (hostlink_frames.c). Nobody else includes this. */
#pragma once

#include "engine/runtime/hostlink.h"

#include "engine/base/proc.h"
#include "engine/base/vec.h"

#include <uv.h>

enum { HOSTLINK_CALL_GRACE_MS = 1000 }; /* in which a host ends an overdue call by itself */

struct flight {
	uint64_t id;
	cut_time deadline; /* uv_now */
};

struct cut_hostlink {
	uv_loop_t *loop;
	struct cut_hostlink_events events;
	pid_t pid;
	int fd, pidfd;
	cut_time wake; /* uv_now: when the timer fires */
	uv_poll_t poll, exit;
	uv_prepare_t flush; /* once a turn of the loop: several frames, one write */
	uv_timer_t timer;   /* the next of greeting, pong, calls; then burying */
	unsigned handles;
	struct cut_buf in, out;
	bool ready, stuck, burying, reaped;
	cut_time pinged, ponged, closed, buried; /* uv_now; 0: no ping is out, the link is open */
	struct {
		CUT_VEC(struct flight);
	} flights;
	struct cut_proc_hunt hunt; /* burying */
	struct cut_err why;	   /* of the end */
};

/* Ends the link; the first reason stays. what and why as in struct cut_err. */
void hostlink_give_up(struct cut_hostlink *link, int code, const char *why, const char *what);
/* After the nearest of what must happen by some time has changed. */
void hostlink_set_timer(struct cut_hostlink *link);
void hostlink_wake_at(struct cut_hostlink *link, cut_time at);
static inline cut_time hostlink_now(const struct cut_hostlink *link)
{
	return (cut_time)uv_now(link->loop);
}

/* hostlink_frames.c */
int hostlink_say_hello(struct cut_hostlink *link, const struct cut_hostlink_options *options,
		       struct cut_err *err);
void hostlink_say_ping(struct cut_hostlink *link);
void hostlink_take_frames(struct cut_hostlink *link); /* those that are whole */
