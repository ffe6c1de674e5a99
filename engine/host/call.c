/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a call: started by a frame, ended by exactly one done(), hurried by a cancel or its
 * deadline. What it started (timers, requests, commands) never outlives it. */
#include "engine/host/host.h"

#include "engine/base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

enum {
	TEXT_MAX_BYTES = 16 * 1024,
	OVERDUE_MS = 300, /* an operation ends by itself when its time is up; then it is canceled */
};

static const char *const status_names[] = {
	[CUT_OK] = "ok",	   [CUT_FAIL] = "fail",
	[CUT_RETRY] = "retry",	   [CUT_CANCELED] = "canceled",
	[CUT_UNKNOWN] = "unknown",
};

/* A terminal would take control characters, which a server may have sent, as orders. U+0080 to
 * U+009F are some as well: c2 80 to c2 9f. */
static void take_out_controls(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if ((*c < 0x20 && *c != '\n' && *c != '\t') || *c == 0x7f)
			*c = '?';
		else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			*c = c[1] = '?';
	}
}

/* What a plugin says to people: without secrets; NULL stays NULL. Bytes that are not UTF-8 are
 * replaced where the frame is written. */
static char *clean_text(const struct host *host, const char *text)
{
	char *clean = text ? cut_strndup(text, strnlen(text, TEXT_MAX_BYTES)) : NULL;

	if (clean)
		take_out_controls(clean);
	if (clean && json_object_size(host->secrets))
		cut_log_redact(clean);
	return clean;
}

struct host_call *host_call_of(struct cut_call *pub)
{
	struct host_call *call = cut_container(pub, struct host_call, pub);

	if (call->ended) {
		host_link_fail(call->host, "the plugin used a call of %s after its done()",
			       call->name);
		abort(); /* its memory cannot be trusted any more */
	}
	return call;
}

int64_t host_call_left(const struct host_call *call)
{
	int64_t left = call->pub.deadline - host_now();

	return left > 0 ? left : 0;
}

static struct host_call *find_call(const struct host *host, uint64_t id)
{
	for (struct list_node *n = host->calls; n; n = n->next) {
		struct host_call *call = cut_container(n, struct host_call, in_host);

		if (call->id == id && !call->background)
			return call;
	}
	return NULL;
}

/* Freed late, so that a second done() finds the mark of the first. */
static void on_timer_closed(uv_handle_t *handle)
{
	struct host_call *call = cut_container(handle, struct host_call, timer);
	struct host *host = call->host;
	struct host_call **slot = &host->ended[host->ended_next++ % HOST_ENDED_KEPT];

	json_decref(call->frame);
	json_decref(call->saved_frame);
	call->frame = call->saved_frame = NULL;
	call->name = "(ended)";
	free(*slot);
	*slot = call;
}

static void call_close(struct host_call *call)
{
	call->ended = true;
	list_remove(&call->in_host);
	service_timers_drop(call);
	service_requests_drop(call);
	service_children_drop(call);
	uv_close((uv_handle_t *)&call->timer, on_timer_closed);
}

/* It ended without an answer that can be used: what it did may have landed, or may yet. One that
 * only reads has failed, but for an observe, where that would mean a conflict. */
static enum cut_status unanswered_status(const struct host_call *call)
{
	bool changes = call->action &&
		       (!strcmp(call->pub.op, "apply") || !strcmp(call->pub.op, "rollback"));

	if (!strcmp(call->pub.op, "observe"))
		return CUT_UNKNOWN;
	return changes && !(call->action->effects & CUT_READ) ? CUT_UNKNOWN : CUT_FAIL;
}

static void open_frame(struct host_call *call, struct host_frame *frame, const char *kind)
{
	host_frame_open(call->host, frame, kind);
	cut_jw_int(&frame->w, "id", (int64_t)call->id);
}

static int send_done(struct host_call *call, enum cut_status status, const char *text,
		     const json_t *data)
{
	struct host_frame frame;

	open_frame(call, &frame, "done");
	cut_jw_str(&frame.w, "status", status_names[status]);
	cut_jw_str(&frame.w, "text", text);
	cut_jw_json(&frame.w, "data", data);
	return host_frame_send(&frame);
}

static void api_done(struct cut_call *pub, enum cut_status status, const char *text, json_t *data)
{
	struct host_call *call = host_call_of(pub);
	cut_auto(cut_str) char *said = NULL;
	struct host *host = call->host;

	if (call->background) {
		json_decref(data);
		call_close(call);
		return;
	}
	if ((unsigned)status >= CUT_ARRAY_LEN(status_names)) {
		host_link_fail(host, "%s ended with the unknown status %d", call->name,
			       (int)status);
		status = CUT_UNKNOWN;
	}
	if (status == CUT_CANCELED && call->overdue && !call->canceled) {
		status = unanswered_status(call);
		text = "its time was up before it was done";
	}
	said = clean_text(host, text);
	data = host_redact(host, data);
	if (send_done(call, status, said, data) < 0)
		send_done(call, unanswered_status(call), "the plugin's answer is over 1 MiB", NULL);
	json_decref(data);
	call_close(call);
}

static void on_saved_before(struct cut_call *pub)
{
	struct host_call *call = host_call_of(pub);
	cut_saved_fn *then = call->then;

	call->then = NULL;
	then(pub);
}

static int api_save(struct cut_call *pub, json_t *state, cut_saved_fn *then)
{
	__attribute__((unused)) cut_auto(cut_json) json_t *owned = state;
	struct host_call *call = host_call_of(pub);
	cut_auto(cut_str) char *text = NULL;
	struct host_frame frame;
	int r;

	if (!json_is_object(state) || !then || call->background)
		return -EINVAL;
	if (call->then)
		return -EBUSY;
	text = json_dumps(state, JSON_COMPACT);
	if (!text)
		return -EINVAL;
	if (host_has_secret(call->host, text))
		return -EPERM; /* the journal is no place for it */
	if (!pub->saved) {
		open_frame(call, &frame, "save");
		cut_jw_json(&frame.w, "state", state);
		r = host_frame_send(&frame);
		if (r == -E2BIG) /* whose text is of arguments */
			r = -EMSGSIZE;
	} else {
		r = service_after(pub, 0, on_saved_before);
	}
	if (r == 0)
		call->then = then;
	return r;
}

static void api_progress(struct cut_call *pub, double fraction, const char *text)
{
	struct host_call *call = host_call_of(pub);
	cut_auto(cut_str) char *said = clean_text(call->host, text);
	struct host_frame frame;

	if (call->background)
		return;
	open_frame(call, &frame, "progress");
	cut_jw_real(&frame.w, "fraction", fraction);
	cut_jw_str(&frame.w, "text", said);
	host_frame_send(&frame);
}

__attribute__((format(printf, 3, 4))) static void api_note(struct cut_call *pub, int level,
							   const char *fmt, ...)
{
	struct host_call *call = host_call_of(pub);
	cut_auto(cut_buf) struct cut_buf text = {.max_bytes = TEXT_MAX_BYTES};
	cut_auto(cut_str) char *said = NULL;
	struct host_frame frame;
	va_list ap;

	va_start(ap, fmt);
	cut_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (call->background)
		return;
	said = clean_text(call->host, cut_buf_str(&text));
	open_frame(call, &frame, "note");
	cut_jw_int(&frame.w, "level", level);
	cut_jw_str(&frame.w, "text", said);
	host_frame_send(&frame);
}

static struct uv_loop_s *api_loop(struct cut_call *pub)
{
	return &host_call_of(pub)->host->loop;
}

static struct cut_call *api_background(struct cut_call *pub, void *data)
{
	struct host *host = host_call_of(pub)->host;
	struct host_call *call = cut_new(struct host_call);

	call->host = host;
	call->name = "(background)";
	call->background = true;
	call->pub = (struct cut_call){
		.api = &host_api,
		.plugin = host->self,
		.data = data,
		.run = host->run,
		.step = "",
		.op = "background",
		.key = "",
		.deadline = INT64_MAX,
	};
	uv_timer_init(&host->loop, &call->timer);
	list_add(&host->calls, &call->in_host);
	return &call->pub;
}

const struct cut_host_api host_api = {
	.size = sizeof(struct cut_host_api),
	.done = api_done,
	.save = api_save,
	.progress = api_progress,
	.note = api_note,
	.now = service_now,
	.after = service_after,
	.http = service_http,
	.spawn = service_spawn,
	.connection = service_connection,
	.secret = service_secret,
	.loop = api_loop,
	.background = api_background,
};

static const struct cut_action *find_action(const struct cut_plugin *plugin, const char *name)
{
	for (const struct cut_action *const *a = plugin->actions; a && *a; a++)
		if (!strcmp((*a)->name, name))
			return *a;
	return NULL;
}

static const struct cut_meter *find_meter(const struct cut_plugin *plugin, const char *name)
{
	for (const struct cut_meter *const *m = plugin->meters; m && *m; m++)
		if (!strcmp((*m)->name, name))
			return *m;
	return NULL;
}

/* `check` is a function of the parameters, here made an operation like the others. */
static void run_check(struct cut_call *pub)
{
	const struct cut_action *action = host_call_of(pub)->action;
	char why[512] = "";

	if (action->check(pub->params, why, sizeof(why)) < 0)
		pub->api->done(pub, CUT_FAIL, why, NULL);
	else
		pub->api->done(pub, CUT_OK, NULL, NULL);
}

static cut_op_fn *find_op(const struct host_call *call)
{
	const struct cut_action *a = call->action;
	const struct {
		const char *name;
		cut_op_fn *fn;
	} ops[] = {
		{"apply", a ? a->apply : NULL},
		{"check", a && a->check ? run_check : NULL},
		{"observe", a ? a->observe : NULL},
		{"plan", a ? a->plan : NULL},
		{"rollback", a ? a->rollback : NULL},
		{"sample", call->meter ? call->meter->sample : NULL},
		{"verify", a ? a->verify : NULL},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(ops); i++)
		if (!strcmp(ops[i].name, call->pub.op))
			return ops[i].fn;
	return NULL;
}

static cut_op_fn *cancel_of(const struct host_call *call)
{
	if (call->background)
		return NULL;
	return call->action ? call->action->cancel : call->meter->cancel;
}

/* The time or the grace is over: whatever it waits for ends now. */
static void end_work(struct host_call *call)
{
	service_children_kill(call, SIGKILL);
	service_requests_abort(call, call->canceled ? -ECANCELED : -ETIMEDOUT,
			       call->canceled ? "canceled" : "no answer in time");
}

static void on_ignored(uv_timer_t *timer)
{
	struct host_call *call = cut_container(timer, struct host_call, timer);

	if (!call->canceled && cancel_of(call))
		cancel_of(call)(&call->pub);
}

static void on_overdue(uv_timer_t *timer)
{
	struct host_call *call = cut_container(timer, struct host_call, timer);

	call->overdue = true;
	end_work(call);
	uv_timer_start(timer, on_ignored, OVERDUE_MS, 0);
}

/* libuv's timers stand still while the machine sleeps; the time of a call does not. */
void host_calls_hurry(struct host *host)
{
	for (struct list_node *n = host->calls; n; n = n->next) {
		struct host_call *call = cut_container(n, struct host_call, in_host);

		if (!call->canceled && !call->overdue && !host_call_left(call))
			on_overdue(&call->timer);
	}
}

static void on_grace_over(uv_timer_t *timer)
{
	end_work(cut_container(timer, struct host_call, timer));
}

static struct host_call *call_new(struct host *host, json_t *frame)
{
	struct host_call *call = cut_new(struct host_call);
	double timeout_s = cut_json_real(frame, "timeout_s", 0);
	const json_t *saved = json_object_get(frame, "saved");

	call->host = host;
	call->frame = frame;
	call->id = (uint64_t)cut_json_int(frame, "id", 0);
	call->name = cut_json_str(frame, "action", "");
	call->pub = (struct cut_call){
		.api = &host_api,
		.plugin = host->self,
		.run = host->run,
		.step = cut_json_str(frame, "step", ""),
		.op = cut_json_str(frame, "op", ""),
		.key = cut_json_str(frame, "key", ""),
		.attempt = (unsigned)cut_json_int(frame, "attempt", 1),
		.deadline = host_now() + (int64_t)(timeout_s * 1000),
		.params = json_object_get(frame, "params"),
		.saved = json_is_object(saved) ? saved : NULL,
	};
	if (!strcmp(call->pub.op, "sample"))
		call->meter = find_meter(host->plugin, call->name);
	else
		call->action = find_action(host->plugin, call->name);
	uv_timer_init(&host->loop, &call->timer);
	list_add(&host->calls, &call->in_host);
	return call;
}

void host_call_start(struct host *host, json_t *frame)
{
	struct host_call *call;
	cut_op_fn *op;

	if (!json_is_integer(json_object_get(frame, "id")) ||
	    !json_is_object(json_object_get(frame, "params")) ||
	    cut_json_real(frame, "timeout_s", -1) <= 0 ||
	    find_call(host, (uint64_t)cut_json_int(frame, "id", 0))) {
		host_link_fail(host, "a call without id, params or timeout_s, or an id in use");
		json_decref(frame);
		return;
	}
	call = call_new(host, frame);
	op = find_op(call);
	if (!op) {
		cut_auto(cut_str) char *why = cut_printf(
			"%s.%s has no operation %s", host->plugin->name, call->name, call->pub.op);

		api_done(&call->pub, CUT_FAIL, why, NULL);
		return;
	}
	uv_update_time(&host->loop);
	uv_timer_start(&call->timer, on_overdue, (uint64_t)host_call_left(call), 0);
	op(&call->pub);
}

void host_call_cancel(struct host *host, uint64_t id, int64_t grace_ms)
{
	struct host_call *call = find_call(host, id);

	if (!call || call->canceled)
		return; /* its done crossed the cancel on the way */
	call->canceled = true;
	uv_update_time(&host->loop);
	if (grace_ms < host_call_left(call))
		uv_timer_start(&call->timer, on_grace_over, (uint64_t)grace_ms, 0);
	service_children_kill(call, SIGTERM);
	if (cancel_of(call))
		cancel_of(call)(&call->pub);
}

void host_call_saved(struct host *host, json_t *frame)
{
	struct host_call *call = find_call(host, (uint64_t)cut_json_int(frame, "id", 0));
	const json_t *state = json_object_get(frame, "state");
	cut_saved_fn *then = call ? call->then : NULL;

	if (!then || !json_is_object(state) || call->saved_frame) {
		json_decref(frame);
		if (call)
			host_link_fail(host, "a saved frame that nobody waits for");
		return;
	}
	call->saved_frame = frame;
	call->pub.saved = state;
	call->then = NULL;
	then(&call->pub);
}

void host_calls_end(struct host *host)
{
	while (host->calls) {
		struct host_call *call = cut_container(host->calls, struct host_call, in_host);
		cut_op_fn *cancel = call->canceled ? NULL : cancel_of(call);

		call->canceled = true;
		if (cancel)
			cancel(&call->pub); /* it may free what it has; nobody hears its answer */
		if (!call->ended)
			call_close(call);
	}
}
