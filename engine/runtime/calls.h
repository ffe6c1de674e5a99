/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin hosts of a run as one thing to call: a host for each plugin, started when the run is
 * armed and again when it dies, and a standby for those that a rollback needs. Used by the driver,
 * the sampler and the planner. */
#pragma once

#include "engine/runtime/world.h"

struct cut_calls;

struct cut_calls_options {
	struct cut_world *world;      /* borrowed */
	const struct cut_runbook *rb; /* borrowed: whose plugins, connections and actions */
	const char *host_path;	      /* the cutover-host executable; borrowed */
	const char *run;	      /* id; borrowed */
	const char *keep_out;  /* folder in which plugins must not write, or NULL; borrowed */
	const json_t *secrets; /* name → value; borrowed */
	int lock_fd, log_fd;   /* inherited by the hosts; -1: none */
	bool standby;	       /* start the rollback's standby hosts too */
};

/* Every host is up, or one is not (err set): called once, from the loop. */
typedef void cut_calls_ready_fn(void *data, const struct cut_err *err);

struct cut_calls_request {
	const struct cut_catalog_action *action; /* or a meter */
	const char *op;				 /* "apply" … "sample" */
	const char *step, *key;
	unsigned attempt;
	cut_time timeout;
	const json_t *params, *saved; /* counted by the call */
	bool rollback;		      /* the standby may serve it while the host is away */
};

struct cut_calls_handler {
	/* Exactly once; result is borrowed. sent: it reached a host, so it may have had an effect.
	 */
	void (*done)(void *data, enum cut_status status, const char *text, json_t *result,
		     bool sent);
	void (*save)(void *data, json_t *state); /* answer with cut_calls_saved; may be NULL */
	void (*progress)(void *data, double fraction, const char *text); /* may be NULL */
	void *data;
};

int cut_calls_start(const struct cut_calls_options *options, cut_calls_ready_fn *ready, void *data,
		    struct cut_calls **ret, struct cut_err *err);
/* Returns the call's id. done may come only later, from the loop. */
uint64_t cut_calls_call(struct cut_calls *calls, const struct cut_calls_request *request,
			const struct cut_calls_handler *handler);
void cut_calls_cancel(struct cut_calls *calls, uint64_t id);
/* Whoever asked goes away: the handler is not called any more, the call ends as it may. */
void cut_calls_forget(uint64_t id);
void cut_calls_saved(struct cut_calls *calls, uint64_t id, const json_t *first);
/* quiet is called once, from the loop, when no call is open, pages included. */
void cut_calls_when_quiet(struct cut_calls *calls, void (*quiet)(void *data), void *data);
/* Once stopped: then nothing may be asked any more. */
bool cut_calls_stopping(const struct cut_calls *calls);
/* Ends every host; outstanding calls end UNKNOWN first. */
void cut_calls_stop(struct cut_calls *calls);
/* One line a host for `armed`: [{"plugin", "version", "digest"}], new reference. */
json_t *cut_calls_describe(const struct cut_calls *calls);
