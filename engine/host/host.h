/* SPDX-License-Identifier: Apache-2.0 */
/* The process `cutover-host`: one loaded plugin, its calls in flight and the link to the engine.
 * Shared by the files of host/ only; everything happens on one loop in one thread.
 *
 *	main.c      what the process is, its limits
 *	load.c      which files are loaded      describe.c  tables → JSON
 *	link.c      frames ↔ calls              call.c      the life of a call
 *	service_*.c what the calls are given    names.c     addresses looked up at the start */
#pragma once

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/host/list.h"
#include "cutover/plugin.h"

#include <stdbool.h>
#include <uv.h>

struct host_http; /* service_http.c */

enum { HOST_ENDED_KEPT = 64 };

struct host;
typedef void host_names_fn(struct host *host);

struct host {
	uv_loop_t loop;
	const struct cut_plugin *plugin;	  /* never unloaded */
	void *self;				  /* what init() made */
	json_t *descriptor;			  /* owned */
	char *run;				  /* owned; NULL until hello */
	json_t *connections, *secrets;		  /* owned: name → object, name → text */
	struct list_node *calls;		  /* host_call.in_host */
	struct host_call *ended[HOST_ENDED_KEPT]; /* owned: the last that ended */
	unsigned ended_next;
	struct host_http *http;	    /* owned; made at the first request */
	json_t *addresses;	    /* owned: "name:port" → address, kept from the start */
	unsigned lookups;	    /* of names, under way */
	host_names_fn *names_ready; /* NULL: nobody waits for them */
	uv_timer_t names_timer;
	struct list_node *children; /* service_spawn.c: commands that run or are being ended */

	int fd; /* the link */
	uv_poll_t poll;
	uv_prepare_t flush; /* once a turn of the loop: several frames, one write */
	struct cut_buf in, out;
	bool greeting; /* frames wait until the names are looked up */
	bool wiped;    /* in, of the secrets of hello */
	bool stuck;    /* the engine does not read fast enough: wait until it does */
	bool failed;   /* given up: to be closed */
	bool closing;
	int exit_code;
};

struct host_call {
	struct cut_call
		pub; /* first: plugins see this; params and saved are borrowed from frames */
	struct host *host;
	uint64_t id;
	const char *name;		 /* of the action or meter; borrowed from frame */
	const struct cut_action *action; /* one of these two */
	const struct cut_meter *meter;
	json_t *frame, *saved_frame; /* owned */
	uv_timer_t timer;	     /* the deadline, or the end of a cancel's grace */
	cut_saved_fn *then;	     /* a save is on its way */
	bool canceled, overdue;	     /* asked to end; its time is up */
	bool background;	     /* the plugin's own: the engine knows nothing of it */
	bool ended;		     /* done() was called */
	struct list_node in_host, *timers, *requests, *children;
};

/* load.c: *ret_plugin is for the life of the process; path NULL: the built-in steps. *ret_digest is
 * owned by the caller. */
int host_load(const char *path, const struct cut_plugin **ret_plugin, char **ret_digest,
	      struct cut_err *err);

/* describe.c: the JSON that base/descriptor.h documents. path NULL: built in. */
int host_check(const struct cut_plugin *plugin, FILE *out); /* exit code */
json_t *host_describe(const struct cut_plugin *plugin, const char *path, const char *digest);

/* link.c */
int host_link_open(struct host *host, int fd);
/* A frame on its way out: open, members by cut_jw, send. -E2BIG: over 1 MiB, nothing is sent. */
struct host_frame {
	struct cut_jw w;
	size_t begin;
};
void host_frame_open(struct host *host, struct host_frame *frame, const char *kind);
int host_frame_send(struct host_frame *frame);
/* Tells the engine why and ends the process's work: nothing that was in flight has an answer. */
void host_link_fail(struct host *host, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void host_link_refuse(int fd, const char *text); /* before there is a host */

/* names.c: keys are "name:port"; ready once all are looked up, or 3 s later. False: at once. */
bool host_names_start(struct host *host, const json_t *keys, host_names_fn *ready);
void host_names_stop(struct host *host);
const char *host_kept_address(const struct host *host, const char *name, const char *port);

/* call.c */
void host_call_start(struct host *host, json_t *frame); /* steals */
void host_call_cancel(struct host *host, uint64_t id, int64_t grace_ms);
void host_call_saved(struct host *host, json_t *frame); /* steals */
void host_calls_hurry(struct host *host);		/* those whose time is up */
void host_calls_end(struct host *host); /* the link is gone: kill what they started */
/* The call that a plugin means; ends the process when there is no such call any more. */
struct host_call *host_call_of(struct cut_call *pub);
int64_t host_call_left(const struct host_call *call); /* ms to its deadline, never negative */
extern const struct cut_host_api host_api;

/* services: starting, and what becomes of them when their call ends or must end */
int64_t host_now(void);
int64_t service_now(struct cut_call *pub);
int service_after(struct cut_call *pub, int64_t ms, cut_timer_fn *fn);
void service_timers_drop(struct host_call *call);
int service_spawn(struct cut_call *pub, const struct cut_child *child, cut_child_fn *fn);
void service_children_kill(struct host_call *call, int sig); /* SIGTERM asks, SIGKILL ends */
void service_children_drop(struct host_call *call);	     /* killed, reaped, nobody told */
void service_reap_orphans(struct host *host);
int service_http(struct cut_call *pub, const struct cut_http_request *request, cut_http_fn *fn);
void service_requests_abort(struct host_call *call, int error, const char *text);
void service_requests_drop(struct host_call *call);
void service_http_done(struct host *host);
const char *service_secret(struct cut_call *pub, const char *name);
const json_t *service_connection(struct cut_call *pub, const char *name);
void host_secrets_set(struct host *host, json_t *secrets); /* steals */
/* True when text holds a secret (not changed). */
bool host_has_secret(const struct host *host, const char *text);
/* The same value with all secrets in its texts as ***; steals value, may return it. */
json_t *host_redact(const struct host *host, json_t *value);
