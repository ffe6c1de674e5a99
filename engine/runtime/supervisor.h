/* SPDX-License-Identifier: Apache-2.0 */
/* The small process above an engine: holds the run's lock, starts the engine, and when it is dead
 * or stuck clears away everything below it and starts it again on the journal. Called by run and
 * recover in a process they have forked. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/time.h"

/* The engine's loop shows that it turns: at least once in 2 s. Shared memory, so it costs nothing.
 */
struct cut_beat;
void cut_beat(struct cut_beat *beat); /* NULL-safe */

struct cut_engine_start {
	unsigned restarts;     /* 0: the first engine of this supervisor */
	const char *why;       /* how the one before ended, for the record `resumed`; NULL: none */
	int lock_fd;	       /* for the hosts to inherit; close-on-exec */
	struct cut_beat *beat; /* borrowed */
};

enum {
	CUT_ENGINE_OVER = 0,  /* the run ended or was refused: no more to do */
	CUT_ENGINE_LEAVE = 3, /* it cannot go on (corrupt journal): for a person, no restart */
	CUT_ENGINE_CRASH = 4, /* anything else, and any signal, is a crash */
};

struct cut_supervise_options {
	int lock_fd;	 /* from cut_lock_take */
	int log_fd;	 /* engine.log: standard output and error of all */
	const int *hold; /* other locks of the run, held by the supervisor and each engine */
	size_t hold_len;
	const int *keep; /* handed to the first engine only: its line to the client */
	size_t keep_len;
	/* Runs in a child of its own; what it returns is one of the above. */
	int (*engine)(void *arg, const struct cut_engine_start *start);
	void *arg;
	cut_time look_every; /* 0: 2 s; an engine without a beat for five looks is stuck */
	unsigned restarts;   /* 0: 3 … */
	cut_time within;     /* … in this time; 0: 60 s */
};

/* Makes the calling process the supervisor: new session, standard streams and other descriptors
 * given up, so that neither the terminal nor the client's pipes stay open. Returns when the engine
 * is over (CUT_ENGINE_OVER) or given up (CUT_ENGINE_LEAVE), for the caller to exit with. */
int cut_supervise(const struct cut_supervise_options *options);
