/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of hostlink share: its process and clock (hostlink.c), its frames
 * (hostlink_frames.c), what it says to people (hostlink_words.c). Nobody else includes this. */
#pragma once

#include "engine/runtime/hostlink.h"

#include "engine/base/proc.h"
#include "engine/base/vec.h"
#include "engine/runtime/hostspawn.h"

#include <uv.h>

enum { HOSTLINK_CALL_GRACE_MS = 700 }; /* in which a host ends an overdue call by itself */

struct flight {
	uint64_t id;
	cut_time deadline; /* uv_now */
	bool saves;	   /* it has asked to save, which it may once */
};

struct cut_hostlink {
	uv_loop_t *loop;
	struct cut_hostlink_events events;
	pid_t pid;
	int fd, pidfd;
	bool plugin;   /* nothing that it started may outlive it */
	cut_time wake; /* uv_now: when the timer fires */
	uv_poll_t poll, exit;
	uv_prepare_t flush; /* once a turn of the loop: several frames, one write */
	uv_timer_t timer;   /* the next of greeting, pong, calls; then pass of the burial */
	unsigned handles;
	struct cut_buf in, out;
	bool starting, ready, stuck, burying, reaped, told; /* told: of the end */
	cut_time pinged, ponged, closed, buried; /* uv_now; 0: no ping is out, the link is open */
	struct {
		CUT_VEC(struct flight);
	} flights;
	struct {
		int fd, log_fd; /* its standard error; where that goes to. -1: nowhere */
		uv_poll_t poll;
		int64_t left; /* bytes it may say now */
		cut_time filled;
		uint64_t left_out;
	} words;
	struct {
		uv_work_t job; /* off the loop; while it runs, only it touches the spawn */
		struct cut_hostspawn *spawn;
	} start;
	struct {
		uv_work_t pass; /* off the loop; while it runs, only it touches the hunt */
		struct cut_proc_hunt hunt;
		int running; /* found by the last pass */
	} burial;
	struct cut_err why; /* of the end */
};

/* Ends the link; the first reason stays. what and why as in struct cut_err. */
void hostlink_give_up(struct cut_hostlink *link, int code, const char *why, const char *what);
/* After the nearest of what must happen by some time has changed. */
void hostlink_set_timer(struct cut_hostlink *link);
void hostlink_wake_at(struct cut_hostlink *link, cut_time at);
void hostlink_close_handle(struct cut_hostlink *link, uv_handle_t *handle);
static inline cut_time hostlink_now(const struct cut_hostlink *link)
{
	return (cut_time)uv_now(link->loop);
}

/* hostlink_words.c */
void hostlink_words_open(struct cut_hostlink *link);
void hostlink_words_close(struct cut_hostlink *link);
/* Whether so many bytes for people may go on; who talks for ever is given up. */
bool hostlink_may_say(struct cut_hostlink *link, size_t len);

/* hostlink_frames.c */
int hostlink_say_hello(struct cut_hostlink *link, const struct cut_hostlink_options *options,
		       struct cut_err *err);
void hostlink_say_ping(struct cut_hostlink *link);
void hostlink_take_frames(struct cut_hostlink *link); /* those that are whole */
