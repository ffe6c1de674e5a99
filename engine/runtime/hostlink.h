/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's side of a plugin host: starts `cutover-host`, sends calls, watches that it lives and
 * answers in time. Used by runtime/calls; the frames are those of base/frame. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/time.h"
#include "engine/core/event.h"

struct uv_loop_s;
struct cut_hostlink;

struct cut_hostlink_options {
	const char *host_path; /* the cutover-host executable */
	const char *plugin;    /* path of the .so, or NULL for the built-in `core` */
	const char *folder;    /* the runbook's folder: working folder of commands */
	const char *run;       /* id, for CUTOVER_RUN in the environment of commands */
	const json_t
		*connections; /* name → typed parameters, of this plugin; borrowed during start */
	const json_t *secrets; /* name → value: those that this plugin's parts name */
	const json_t *hosts; /* ["name:port", …]: addresses it looks up and keeps; NULL; borrowed */
	const char *keep_out; /* folder in which a plugin must not write, or NULL */
	int lock_fd;	      /* of which it gets a hold, or -1 */
	int log_fd;	      /* where its standard error goes to, through us; or -1 */
};

/* All on the loop. */
struct cut_hostlink_events {
	void (*ready)(void *data, const json_t *descriptor);
	/* Exactly once a call, also when the host died (status CUT_UNKNOWN, text says what
	 * happened). */
	void (*done)(void *data, uint64_t call, enum cut_status status, const char *text,
		     json_t *result);
	void (*save)(void *data, uint64_t call, json_t *state); /* answer with cut_hostlink_saved */
	void (*progress)(void *data, uint64_t call, double fraction, const char *text);
	void (*gone)(void *data, const struct cut_err *why); /* after the done of all its calls */
	void *data;
};

struct cut_hostcall {
	uint64_t id;	    /* the caller's, unique while in flight */
	const char *action; /* "set_ttl", without the plugin; or a meter's name */
	const char *op;	    /* "plan" "apply" "verify" "observe" "rollback" "sample" */
	const char *step, *key;
	unsigned attempt;
	cut_time timeout;	      /* ms from now; at its end + 0.7 s grace the host is killed */
	const json_t *params, *saved; /* borrowed during the call of cut_hostlink_call */
};

/* Its program is loaded off the loop; where that fails, gone() says so. */
int cut_hostlink_start(struct uv_loop_s *loop, const struct cut_hostlink_options *options,
		       const struct cut_hostlink_events *events, struct cut_hostlink **ret,
		       struct cut_err *err);
/* -EPIPE: it is gone (then done is not called). */
int cut_hostlink_call(struct cut_hostlink *link, const struct cut_hostcall *call);
void cut_hostlink_cancel(struct cut_hostlink *link, uint64_t call);
/* The state is durable (first: what the step has stored, which may be an earlier one). */
void cut_hostlink_saved(struct cut_hostlink *link, uint64_t call, const json_t *first);
/* Kills its process group and reaps; outstanding calls end UNKNOWN; gone is called, then memory
 * goes. */
void cut_hostlink_stop(struct cut_hostlink *link);
pid_t cut_hostlink_pid(const struct cut_hostlink *link); /* 0: it is still being started */

/* Runs `cutover-host --describe [plugin]` and returns its descriptor; blocking, at most 10 s; for
 * validate, plugins and schema, before any loop runs. */
int cut_host_describe(const char *host_path, const char *plugin, json_t **ret, struct cut_err *err);
/* The same way `cutover-host --check`: calls is a list of {action, params}; *ret gets, for each,
 * why the plugin does not take it, or null. */
int cut_host_check(const char *host_path, const char *plugin, const json_t *calls, json_t **ret,
		   struct cut_err *err);
