/* SPDX-License-Identifier: Apache-2.0 */
/* How far green is behind blue, told without anybody's word for it: a row that we write on blue and
 * look for on green, timed on our own clock. Used by the lag, the wait and the compare.
 *
 *	create table cutover_heartbeat (id integer primary key, seq bigint not null,
 *	                                ts timestamptz not null);
 *
 * The table is on both sides and replicated; the role may select and update it on blue. What was
 * sent and not yet seen is kept between operations, so the lag grows while nothing arrives. */
#pragma once

#include "sync/sync.h"

struct heartbeat; /* what is known of one pair */

struct beat;
/* failed is NULL where the step was done. */
typedef void beat_fn(struct beat *beat, const struct pg_reply *failed);

struct beat {
	struct pair *pair;
	struct heartbeat *memory; /* borrowed from the plugin */
	char id[24];		  /* the row's */
	int64_t token;		  /* its seq after the beat */
	bool seen;		  /* green has it */
	int64_t until_us, pause_ms;
	beat_fn *fn;
	void *owner;
	bool inserted;
};

void beat_init(struct beat *beat, struct pair *pair, void *owner);
/* Writes the row on blue: sets token. */
void beat_send(struct beat *beat, beat_fn *fn);
/* Looks on green until it shows the token, for at most wait_ms: sets seen. */
void beat_watch(struct beat *beat, int64_t wait_ms, beat_fn *fn);
/* Never 0: while a beat is missing, the time since the oldest missing one, else what the last one
 * took. */
double beat_lag_s(const struct beat *beat);

void heartbeats_free(struct heartbeats *heartbeats);
