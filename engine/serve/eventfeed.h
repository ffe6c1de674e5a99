/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a run as server-sent events, piece by piece, as far as they are durable (WHATWG
 * HTML, "Server-sent events"): id is the sequence number, data the record; the last is an event
 * `fault` where the journal cannot be written any more. Read by the control socket. */
#pragma once

#include "engine/base/json.h"

#include <sys/types.h>

struct cut_event_feed;

/* Of the journal in dir, what comes after the record of that number. */
struct cut_event_feed *cut_event_feed_new(const char *dir, uint64_t after);
void cut_event_feed_free(struct cut_event_feed *feed); /* NULL-safe */

/* What an engine knows of its records. */
struct cut_event_feed_state {
	uint64_t synced;
	const json_t *fault; /* why there will be no more; or NULL */
	bool ended;	     /* there will be no more */
};

/* How many bytes were put into buf. 0: none for now; -ENODATA: none ever again; -EIO: the journal
 * cannot be read. */
ssize_t cut_event_feed_read(struct cut_event_feed *feed, const struct cut_event_feed_state *state,
			    char *buf, size_t max);
