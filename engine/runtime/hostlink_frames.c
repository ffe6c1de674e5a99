/* SPDX-License-Identifier: Apache-2.0 */
/* The frames between engine and host, as the engine writes and reads them. They are listed in
 * docs/plugins.md. */
#include "engine/runtime/hostlink_internal.h"

#include "engine/base/frame.h"
#include "engine/base/log.h"

#include <errno.h>
#include <string.h>

enum {
	CANCEL_GRACE_S = 30,
	FRAME_BYTES = 64, /* of a note in the log, beside its text */
};

#define TIMEOUT_MAX_MS (365 * CUT_DAY) /* a call without a limit of its own */

static const char *const status_names[] = {
	[CUT_OK] = "ok",	   [CUT_FAIL] = "fail",
	[CUT_RETRY] = "retry",	   [CUT_CANCELED] = "canceled",
	[CUT_UNKNOWN] = "unknown",
};

static int status_named(const char *name)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(status_names); i++)
		if (!strcmp(status_names[i], name))
			return (int)i;
	return -1;
}

static void on_ready(struct cut_hostlink *link, const json_t *frame)
{
	const json_t *descriptor = json_object_get(frame, "descriptor");

	if (link->ready || !json_is_object(descriptor)) {
		hostlink_give_up(link, -EPROTO, "ready twice, or without a descriptor",
				 "plugin host killed");
		return;
	}
	link->ready = true;
	link->ponged = hostlink_now(link);
	hostlink_set_timer(link);
	if (link->events.ready)
		link->events.ready(link->events.data, descriptor);
}

static void on_failed(struct cut_hostlink *link, const json_t *frame)
{
	hostlink_give_up(link, -EPROTO, cut_json_str(frame, "text", "no reason given"),
			 "the plugin host gave up");
}

static void on_pong(struct cut_hostlink *link, const json_t *frame)
{
	link->pinged = 0;
	link->ponged = hostlink_now(link);
	hostlink_set_timer(link);
}

static struct flight *find_flight(struct cut_hostlink *link, const json_t *frame)
{
	const json_t *id = json_object_get(frame, "id");

	cut_vec_foreach (&link->flights, f)
		if (json_is_integer(id) && f->id == (uint64_t)json_integer_value(id))
			return f;
	hostlink_give_up(link, -EPROTO, "it spoke of a call that is not in flight",
			 "plugin host killed");
	return NULL;
}

static void on_done(struct cut_hostlink *link, const json_t *frame)
{
	int status = status_named(cut_json_str(frame, "status", ""));
	struct flight *f = find_flight(link, frame);
	json_t *data = json_object_get(frame, "data");
	uint64_t id;

	if (!f)
		return;
	if (status < 0 || !(json_is_object(data) || json_is_null(data))) {
		hostlink_give_up(link, -EPROTO,
				 "a call ended without a known status, or with odd data",
				 "plugin host killed");
		return;
	}
	id = f->id;
	cut_vec_remove(&link->flights, (size_t)(f - link->flights.items));
	link->events.done(link->events.data, id, (enum cut_status)status,
			  cut_json_str(frame, "text", NULL), json_is_object(data) ? data : NULL);
}

static void on_save(struct cut_hostlink *link, const json_t *frame)
{
	json_t *state = json_object_get(frame, "state");
	struct flight *f = find_flight(link, frame);

	if (!f)
		return;
	if (!json_is_object(state) || f->saves) {
		hostlink_give_up(link, -EPROTO, "it saves twice, or what is not an object",
				 "plugin host killed");
		return;
	}
	f->saves = true;
	link->events.save(link->events.data, f->id, state);
}

static void on_progress(struct cut_hostlink *link, const json_t *frame)
{
	struct flight *f = find_flight(link, frame);
	const char *text = cut_json_str(frame, "text", NULL);

	if (f && hostlink_may_say(link, FRAME_BYTES + (text ? strlen(text) : 0)) &&
	    link->events.progress)
		link->events.progress(link->events.data, f->id, cut_json_real(frame, "fraction", 0),
				      text);
}

static void on_note(struct cut_hostlink *link, const json_t *frame)
{
	int64_t level = cut_json_int(frame, "level", CUT_LOG_INFO);
	const char *text = cut_json_str(frame, "text", "");

	if (level < CUT_LOG_DEBUG || level > CUT_LOG_ERROR)
		level = CUT_LOG_INFO;
	if (hostlink_may_say(link, FRAME_BYTES + strlen(text)))
		cut_log((enum cut_log_level)level, "plugin_note", "call=%lld text=%s",
			(long long)cut_json_int(frame, "id", 0), text);
}

static void take_frame(struct cut_hostlink *link, const json_t *frame)
{
	static const struct {
		const char *name;
		void (*fn)(struct cut_hostlink *, const json_t *);
	} kinds[] = {
		{"done", on_done}, {"failed", on_failed},     {"note", on_note},
		{"pong", on_pong}, {"progress", on_progress}, {"ready", on_ready},
		{"save", on_save},
	};
	const char *name = cut_json_str(frame, "t", "");

	for (size_t i = 0; i < CUT_ARRAY_LEN(kinds); i++) {
		if (!strcmp(kinds[i].name, name)) {
			kinds[i].fn(link, frame);
			return;
		}
	}
	hostlink_give_up(link, -EPROTO, "it sent a frame of an unknown kind", "plugin host killed");
}

void hostlink_take_frames(struct cut_hostlink *link)
{
	cut_auto(cut_err) struct cut_err err = {0};

	while (!link->burying) {
		cut_auto(cut_json) json_t *frame = NULL;
		int r = cut_frame_read(&link->in, &frame, &err);

		if (r < 0)
			hostlink_give_up(link, r, err.what, "plugin host killed: it sent garbage");
		if (r <= 0)
			return;
		take_frame(link, frame);
	}
}

int hostlink_say_hello(struct cut_hostlink *link, const struct cut_hostlink_options *o,
		       struct cut_err *err)
{
	cut_auto(cut_json) json_t *hello = json_pack(
		"{s:s, s:s, s:s, s:O?, s:O?, s:O?}", "t", "hello", "run", o->run, "folder",
		o->folder, "connections", o->connections, "secrets", o->secrets, "hosts", o->hosts);

	if (!hello || cut_frame_write(&link->out, hello) < 0)
		return cut_err_set(err, -E2BIG,
				   "connections and secrets are over 1 MiB, or not UTF-8", NULL,
				   "cannot greet the plugin host");
	return 0;
}

void hostlink_say_ping(struct cut_hostlink *link)
{
	cut_auto(cut_json) json_t *ping = json_pack("{s:s}", "t", "ping");

	cut_frame_write(&link->out, ping);
}

/* The frame that is written most often: straight into the buffer. */
static int write_call(struct cut_hostlink *link, const struct cut_hostcall *call, cut_time timeout)
{
	size_t begin = cut_frame_begin(&link->out);
	struct cut_jw w = {.out = &link->out};

	cut_jw_open(&w, NULL, '{');
	cut_jw_str(&w, "t", "call");
	cut_jw_int(&w, "id", (int64_t)call->id);
	cut_jw_str(&w, "op", call->op);
	cut_jw_str(&w, "action", call->action);
	cut_jw_str(&w, "step", call->step);
	cut_jw_str(&w, "key", call->key);
	cut_jw_int(&w, "attempt", call->attempt);
	cut_jw_seconds(&w, "timeout_s", timeout);
	cut_jw_json(&w, "params", call->params);
	cut_jw_json(&w, "saved", call->saved);
	cut_jw_close(&w);
	return cut_frame_end(&link->out, begin);
}

int cut_hostlink_call(struct cut_hostlink *link, const struct cut_hostcall *call)
{
	cut_time timeout = call->timeout < TIMEOUT_MAX_MS ? call->timeout : TIMEOUT_MAX_MS;
	struct flight flight = {.id = call->id};
	int r;

	if (link->burying)
		return -EPIPE;
	r = write_call(link, call, timeout);
	if (r < 0)
		return r;
	uv_update_time(link->loop);
	flight.deadline = hostlink_now(link) + timeout + HOSTLINK_CALL_GRACE_MS;
	cut_vec_push(&link->flights, flight);
	if (flight.deadline < link->wake)
		hostlink_wake_at(link, flight.deadline);
	return 0;
}

void cut_hostlink_cancel(struct cut_hostlink *link, uint64_t call)
{
	cut_auto(cut_json) json_t *frame = json_pack("{s:s, s:I, s:i}", "t", "cancel", "id",
						     (json_int_t)call, "grace_s", CANCEL_GRACE_S);
	cut_time latest = hostlink_now(link) + CANCEL_GRACE_S * CUT_SECOND + HOSTLINK_CALL_GRACE_MS;

	if (link->burying)
		return;
	cut_vec_foreach (&link->flights, f) {
		if (f->id != call)
			continue;
		if (latest < f->deadline)
			f->deadline = latest;
		cut_frame_write(&link->out, frame);
		hostlink_set_timer(link);
	}
}

void cut_hostlink_saved(struct cut_hostlink *link, uint64_t call, const json_t *first)
{
	cut_auto(cut_json) json_t *frame =
		json_pack("{s:s, s:I, s:O}", "t", "saved", "id", (json_int_t)call, "state", first);

	if (!link->burying)
		cut_frame_write(&link->out, frame);
}
