/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/calls.h"

#include "engine/base/log.h"
#include "engine/base/vec.h"
#include "engine/runtime/needs.h"

#include <assert.h>
#include <errno.h>

/* Deaths of a host within this span count towards giving up on it for a while. */
#define RESTART_SPAN  (60 * CUT_SECOND)
#define RESTART_LIMIT 3
#define RESTART_PAUSE (5 * CUT_SECOND)

struct call {
	struct host *host; /* that has it; while waiting: that will */
	struct cut_calls_request request;
	char *op, *step, *key; /* owned copies */
	json_t *params, *saved;
	struct cut_calls_handler handler;
	struct call *prev, *next; /* in host->waiting */
	bool waiting;
};

struct host {
	struct cut_calls *calls;
	const struct cut_catalog_plugin *plugin;
	bool standby, ready, pausing;
	bool changed;			       /* since it was checked: stopped for that */
	struct cut_hostlink *link;	       /* owned; NULL while away */
	json_t *connections, *secrets, *hosts; /* owned */
	struct call *waiting, *waiting_tail;
	cut_time deaths[RESTART_LIMIT]; /* of late, boot-time clock */
	unsigned deaths_len;
	struct cut_bell *start; /* owned; hosts start from the loop only, as they may end calls */
};

struct cut_calls {
	struct cut_calls_options options;
	CUT_VEC(struct host *);
	struct cut_bell *soon;	   /* owned: ready, where there is no host; refusals; quiet */
	struct call *unsendable;   /* by next */
	cut_calls_ready_fn *ready; /* NULL once called */
	void *ready_data;
	void (*quiet)(void *data); /* NULL: nobody asked, or told */
	void *quiet_data;
	size_t not_ready;
	size_t closing;
	size_t open; /* calls that are not done */
	bool stopping;
};

static void host_start(struct host *host);

static const struct cut_world_ops *ops_of(const struct host *host)
{
	return host->calls->options.world->ops;
}

static void call_free(struct call *call)
{
	free(call->op);
	free(call->step);
	free(call->key);
	json_decref(call->params);
	json_decref(call->saved);
	free(call);
}

static void call_end(struct call *call, enum cut_status status, const char *text, json_t *result,
		     bool sent)
{
	struct cut_calls_handler handler = call->handler;
	struct cut_calls *calls = call->host->calls;

	if (--calls->open == 0 && calls->quiet)
		cut_bell_set(calls->soon, CUT_SOON);
	call_free(call);
	handler.done(handler.data, status, text, result, sent);
}

static void waiting_push(struct host *host, struct call *call)
{
	call->waiting = true;
	call->next = NULL;
	call->prev = host->waiting_tail;
	if (call->prev)
		call->prev->next = call;
	else
		host->waiting = call;
	host->waiting_tail = call;
}

static void waiting_remove(struct host *host, struct call *call)
{
	*(call->prev ? &call->prev->next : &host->waiting) = call->next;
	*(call->next ? &call->next->prev : &host->waiting_tail) = call->prev;
	call->waiting = false;
}

static void waiting_fail(struct host *host, const char *text)
{
	while (host->waiting) {
		struct call *call = host->waiting;

		waiting_remove(host, call);
		call_end(call, CUT_FAIL, text, NULL, false);
	}
}

static int call_send(struct call *call)
{
	struct cut_hostcall hostcall = {
		.id = (uintptr_t)call,
		.action = cut_action_bare_name(call->request.action),
		.op = call->op,
		.step = call->step,
		.key = call->key,
		.attempt = call->request.attempt,
		.timeout = call->request.timeout,
		.params = call->params,
		.saved = call->saved,
	};

	return ops_of(call->host)->host_call(call->host->link, &hostcall);
}

/* done must not come from within cut_calls_call. */
static void fail_soon(struct call *call)
{
	struct cut_calls *calls = call->host->calls;

	call->next = calls->unsendable;
	calls->unsendable = call;
	cut_bell_set(calls->soon, CUT_SOON);
}

/* Sends, or lets it wait for the host to come back. */
static void send_or_wait(struct call *call)
{
	struct host *host = call->host;
	int r = host->ready ? call_send(call) : -EPIPE;

	if (r == -EPIPE) {
		host->ready = false; /* gone() comes next, if it has not yet */
		waiting_push(host, call);
	} else if (r < 0) {
		fail_soon(call);
	}
}

static void waiting_send(struct host *host)
{
	while (host->waiting && host->ready) {
		struct call *call = host->waiting;

		waiting_remove(host, call);
		send_or_wait(call);
	}
}

static void report_ready(struct cut_calls *calls, const struct cut_err *err)
{
	cut_calls_ready_fn *ready = calls->ready;

	if (!ready)
		return;
	calls->ready = NULL;
	ready(calls->ready_data, err);
}

static void on_host_ready(void *data, const json_t *descriptor)
{
	struct host *host = data;
	struct cut_calls *calls = host->calls;
	const char *digest = cut_json_str(descriptor, "digest", "");

	host->changed = host->plugin->digest && strcmp(digest, host->plugin->digest) != 0;
	if (host->changed) {
		ops_of(host)->host_stop(host->link);
		return;
	}
	host->ready = true;
	waiting_send(host);
	if (calls->ready && --calls->not_ready == 0)
		report_ready(calls, NULL);
}

static void on_call_done(void *data, uint64_t id, enum cut_status status, const char *text,
			 json_t *result)
{
	call_end((struct call *)(uintptr_t)id, status, text, result, true);
}

static void on_call_save(void *data, uint64_t id, json_t *state)
{
	struct call *call = (struct call *)(uintptr_t)id;

	if (call->handler.save)
		call->handler.save(call->handler.data, state);
	else
		cut_calls_saved(call->host->calls, id, state);
}

static void on_call_progress(void *data, uint64_t id, double fraction, const char *text)
{
	struct call *call = (struct call *)(uintptr_t)id;

	if (call->handler.progress)
		call->handler.progress(call->handler.data, fraction, text);
}

static void on_start(void *data)
{
	struct host *host = data;

	host->pausing = false;
	if (!host->link)
		host_start(host);
}

/* True when the host died so often of late that it gets a pause. */
static bool too_many_deaths(struct host *host)
{
	cut_time now = cut_world_boot(host->calls->options.world);

	if (host->deaths_len < RESTART_LIMIT) {
		host->deaths[host->deaths_len++] = now;
		return false;
	}
	memmove(host->deaths, host->deaths + 1, sizeof(host->deaths) - sizeof(host->deaths[0]));
	host->deaths[RESTART_LIMIT - 1] = now;
	return now - host->deaths[0] < RESTART_SPAN;
}

static void calls_free(struct cut_calls *calls)
{
	cut_bell_free(calls->soon);
	cut_vec_done(calls);
	free(calls);
}

static void release(struct cut_calls *calls)
{
	if (--calls->closing == 0)
		calls_free(calls);
}

static void host_free(struct host *host)
{
	struct cut_calls *calls = host->calls;

	cut_bell_free(host->start);
	json_decref(host->connections);
	json_decref(host->secrets);
	json_decref(host->hosts);
	free(host);
	release(calls);
}

static void host_away(struct host *host, const struct cut_err *why)
{
	struct cut_calls *calls = host->calls;
	cut_auto(cut_str) char *text = cut_err_text(why);

	host->ready = false;
	if (calls->stopping) {
		host_free(host);
		return;
	}
	cut_log(CUT_LOG_WARN, "host_gone", "plugin=%s standby=%d why=\"%s\"", host->plugin->name,
		host->standby, text);
	if (calls->ready) {
		report_ready(calls, why);
		return;
	}
	if (!too_many_deaths(host)) {
		/* A rollback that its standby serves is not disturbed by a start. */
		if (host->standby || host->waiting)
			cut_bell_set(host->start, CUT_SOON);
		return;
	}
	host->pausing = true;
	cut_bell_set(host->start, cut_world_boot(calls->options.world) + RESTART_PAUSE);
	waiting_fail(host, text);
}

static void on_host_gone(void *data, const struct cut_err *why)
{
	struct host *host = data;

	cut_auto(cut_err) struct cut_err changed = {0};
	bool is_changed = host->changed;

	host->link = NULL;
	host->changed = false;
	if (is_changed)
		cut_err_set(&changed, -ESTALE, "its file changed since the runbook was checked",
			    "put it back, or run again to check against the new one",
			    "plugin %s is not the one planned", host->plugin->name);
	host_away(host, is_changed ? &changed : why);
}

static void host_start(struct host *host)
{
	const struct cut_calls_options *o = &host->calls->options;
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_hostlink_options options = {
		.host_path = o->host_path,
		.plugin = host->plugin->path,
		.folder = o->rb->folder,
		.run = o->run,
		.keep_out = o->keep_out,
		.connections = host->connections,
		.secrets = host->secrets,
		.hosts = host->hosts,
		.lock_fd = o->lock_fd,
		.log_fd = o->log_fd,
	};
	struct cut_hostlink_events events = {
		.ready = on_host_ready,
		.done = on_call_done,
		.save = on_call_save,
		.progress = on_call_progress,
		.gone = on_host_gone,
		.data = host,
	};

	if (ops_of(host)->host_start(o->world, &options, &events, &host->link, &err) < 0)
		host_away(host, &err);
}

static void host_add(struct cut_calls *calls, const struct cut_catalog_plugin *plugin, bool standby)
{
	struct host *host = cut_new(struct host);

	host->calls = calls;
	host->plugin = plugin;
	host->standby = standby;
	host->connections = cut_needs_connections(calls->options.rb, plugin->name);
	host->secrets = cut_needs_secrets(calls->options.rb, plugin->name, calls->options.secrets);
	host->hosts = cut_needs_hosts(calls->options.rb, plugin->name);
	host->start = cut_bell_new(calls->options.world, on_start, host);
	cut_bell_set(host->start, CUT_SOON);
	cut_vec_push(calls, host);
}

static void unsendable_fail(struct cut_calls *calls)
{
	while (calls->unsendable) {
		struct call *call = calls->unsendable;

		calls->unsendable = call->next;
		call_end(call, CUT_FAIL, "its parameters are over 1 MiB, or not UTF-8", NULL,
			 false);
	}
}

static void on_soon(void *data)
{
	struct cut_calls *calls = data;

	unsendable_fail(calls);
	if (calls->len == 0)
		report_ready(calls, NULL);
	if (calls->open == 0 && calls->quiet)
		cut_take(calls->quiet)(calls->quiet_data); /* may end the calls */
}

int cut_calls_start(const struct cut_calls_options *options, cut_calls_ready_fn *ready, void *data,
		    struct cut_calls **ret, struct cut_err *err)
{
	struct cut_calls *calls = cut_new(struct cut_calls);
	const struct cut_catalog *catalog = options->rb->catalog;

	calls->options = *options;
	calls->ready = ready;
	calls->ready_data = data;
	calls->soon = cut_bell_new(options->world, on_soon, calls);
	for (size_t i = 0; i < catalog->plugins.len; i++) {
		const struct cut_catalog_plugin *plugin = &catalog->plugins.items[i];
		enum cut_need_of need = cut_needs_plugin(options->rb, plugin->name);

		if (need == CUT_NEED_NOT)
			continue;
		host_add(calls, plugin, false);
		if (options->standby && need == CUT_NEED_ROLLBACK)
			host_add(calls, plugin, true);
	}
	*ret = calls;
	calls->not_ready = calls->len;
	if (calls->len == 0)
		cut_bell_set(calls->soon, CUT_SOON);
	return 0;
}

static struct host *host_for(struct cut_calls *calls, const struct cut_calls_request *request)
{
	struct host *main = NULL, *standby = NULL;

	assert(!calls->stopping);
	cut_vec_foreach (calls, host) {
		if (strcmp((*host)->plugin->name, request->action->plugin) == 0)
			*((*host)->standby ? &standby : &main) = *host;
	}
	assert(main); /* cut_needs_plugin() found every plugin that the runbook uses */
	return request->rollback && standby && standby->ready ? standby : main;
}

uint64_t cut_calls_call(struct cut_calls *calls, const struct cut_calls_request *request,
			const struct cut_calls_handler *handler)
{
	struct call *call = cut_new(struct call);
	struct host *host = host_for(calls, request);

	call->host = host;
	call->request = *request;
	call->op = cut_strdup(request->op);
	call->step = cut_strdup(request->step);
	call->key = cut_strdup(request->key ? request->key : "");
	call->params = request->params ? json_incref((json_t *)request->params) : json_object();
	call->saved = json_incref((json_t *)request->saved);
	call->handler = *handler;
	calls->open++;
	send_or_wait(call);
	if (call->waiting && !host->link && !host->pausing)
		cut_bell_set(host->start, CUT_SOON);
	return (uintptr_t)call;
}

void cut_calls_cancel(struct cut_calls *calls, uint64_t id)
{
	struct call *call = (struct call *)(uintptr_t)id;

	if (call->waiting) {
		waiting_remove(call->host, call);
		call_end(call, CUT_CANCELED, "canceled before it started", NULL, false);
		return;
	}
	ops_of(call->host)->host_cancel(call->host->link, id);
}

static void on_forgotten(void *data, enum cut_status status, const char *text, json_t *result,
			 bool sent)
{
}

void cut_calls_forget(uint64_t id)
{
	((struct call *)(uintptr_t)id)->handler = (struct cut_calls_handler){.done = on_forgotten};
}

void cut_calls_saved(struct cut_calls *calls, uint64_t id, const json_t *first)
{
	struct call *call = (struct call *)(uintptr_t)id;

	if (call->host->link)
		ops_of(call->host)->host_saved(call->host->link, id, first);
}

void cut_calls_when_quiet(struct cut_calls *calls, void (*quiet)(void *data), void *data)
{
	calls->quiet = quiet;
	calls->quiet_data = data;
	if (calls->open == 0)
		cut_bell_set(calls->soon, CUT_SOON);
}

bool cut_calls_stopping(const struct cut_calls *calls)
{
	return calls->stopping;
}

void cut_calls_stop(struct cut_calls *calls)
{
	if (!calls)
		return;
	calls->stopping = true;
	calls->ready = NULL;
	calls->quiet = NULL;
	calls->closing = calls->len + 1; /* the last one is ours */
	unsendable_fail(calls);
	for (size_t i = 0; i < calls->len; i++) {
		struct host *host = calls->items[i];

		waiting_fail(host, "the run is over");
		if (host->link)
			ops_of(host)->host_stop(host->link); /* the rest when it is gone */
		else
			host_free(host);
	}
	release(calls);
}

json_t *cut_calls_describe(const struct cut_calls *calls)
{
	json_t *list = json_array();

	cut_vec_foreach (calls, host) {
		const struct cut_catalog_plugin *p = (*host)->plugin;

		if (!(*host)->standby)
			json_array_append_new(list, json_pack("{s:s, s:s?, s:s?}", "plugin",
							      p->name, "version", p->version,
							      "digest", p->digest));
	}
	return list;
}
