/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the driver share: events and effects (driver.c), the journal
 * (driver_journal.c). Nobody else includes this. */
#pragma once

#include "engine/runtime/driver.h"

#include "engine/core/live.h"
#include "engine/runtime/operation.h"
#include "engine/runtime/pager.h"
#include "engine/runtime/queue.h"
#include "engine/runtime/sampler.h"

struct cut_driver {
	struct cut_world *world; /* borrowed */
	struct cut_driver_options options;
	struct cut_driver_events events;
	struct cut_operations *operations;
	struct cut_sampler *sampler;
	struct cut_pager *pager;
	struct cut_live live;
	struct cut_bell *alarm;
	struct cut_wallwatch *wallwatch;
	struct cut_bell *more; /* work is left for the next turn */
	struct cut_queue queue;
	struct {
		CUT_VEC(struct saved_wait {
			uint32_t step;
			uint64_t seq;
		});
	} saves; /* plugins that wait until their state is on disk */
	struct cut_effects fx;
	struct cut_watch_events watched;
	struct cut_buf record;
	uint64_t durable_seq; /* of the newest record that calls must wait for */
	unsigned refusals;    /* journaled ones */
	cut_time end_t;	      /* run clock, of the final record */
	bool feeding, started, ending, ended, broken;
	struct cut_err fault; /* owned: why it is broken */
};

/* driver.c */
void driver_maybe_end(struct cut_driver *d); /* tells the end, where nothing is missing to it */

/* driver_journal.c */
void driver_journal_listen(struct cut_driver *d);
/* The event, and what of d->fx is a record. */
void driver_journal_event(struct cut_driver *d, const struct cut_event *ev);
/* An order or a vote that was not obeyed: no input of a replay. Its sequence, or 0: no more of
 * these are written down. */
uint64_t driver_journal_refusal(struct cut_driver *d, struct cut_event *ev,
				const struct cut_err *err);
