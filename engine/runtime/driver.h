/* SPDX-License-Identifier: Apache-2.0 */
/* Drives the pure machine against the world: event → feed → journal → disk → effects. Owned by the
 * engine process; serve/ hands it orders and looks on. */
#pragma once

#include "engine/base/rank.h"
#include "engine/core/status.h"
#include "engine/runtime/calls.h"
#include "engine/runtime/journal.h"

struct cut_driver;

struct cut_driver_options {
	struct cut_world *world;
	const struct cut_runbook *rb; /* all borrowed, outliving the driver */
	const struct cut_graph *graph;
	struct cut_run *run;
	struct cut_watch *watch;
	struct cut_journal *journal;
	struct cut_calls *calls;
	const char *dir, *run_id, *socket;
	cut_time zero_boot; /* the run clock's zero on the boot-time clock */
	unsigned epoch;
	enum cut_rank rank; /* of the loop, for the status */
};

/* Told from the loop. synced: up to seq the journal is on disk; failed: it cannot be written, for
 * good or until there is room, and the driver may be freed; last: the run is over, and what is to
 * be the journal's last record may be appended (told again where something came after it); end: all
 * of it is on disk and no call is in flight; broken: nothing can be recorded any more, the engine
 * must leave so that `recover` can go on from the journal. */
struct cut_driver_events {
	void (*synced)(void *data, uint64_t seq);
	void (*failed)(void *data, const struct cut_err *err);
	void (*last)(void *data);
	void (*end)(void *data);
	void (*broken)(void *data, const struct cut_err *why);
	void *data;
};

int cut_driver_new(const struct cut_driver_options *options, const struct cut_driver_events *events,
		   struct cut_driver **ret, struct cut_err *err);
void cut_driver_free(struct cut_driver *driver);

/* Feeds one event; t and wall are filled in here. What it borrows must live during the call only.
 * Called from within a feed it is kept and fed afterwards. Refusals of orders and votes are
 * journaled. ret_seq (may be NULL): sequence of its record, to wait for. */
int cut_driver_feed(struct cut_driver *driver, struct cut_event *ev, uint64_t *ret_seq,
		    struct cut_err *err);
/* Journals an order that whoever gave it had no right to; returns the record's sequence, or 0 when
 * there have been so many refusals that no more are written down. */
uint64_t cut_driver_refuse(struct cut_driver *driver, struct cut_event *ev,
			   const struct cut_err *err);
/* Appends a record that no machine made, and returns its sequence. It waits for the next sync. */
uint64_t cut_driver_append(struct cut_driver *driver, const char *type, const struct cut_buf *body);
/* Starts the clocks: samples, wake-ups. After the armed or resumed event was fed. */
void cut_driver_start(struct cut_driver *driver);
/* A sample of a metric arrived (runtime/sampler). */
void cut_driver_sample(struct cut_driver *driver, uint32_t metric, const struct cut_sample *sample);

cut_time cut_driver_now(const struct cut_driver *driver); /* run clock */
json_t *cut_driver_status(struct cut_driver *driver);	  /* all but `steps`; new reference */
/* Names that only a live run knows (metrics, triggers), as cut_run_check and cut_run_env want them.
 */
struct cut_expr_env cut_driver_live(struct cut_driver *driver);
struct cut_run *cut_driver_run(struct cut_driver *driver);
const struct cut_driver_options *cut_driver_options(const struct cut_driver *driver);
uint64_t cut_driver_synced(const struct cut_driver *driver);
