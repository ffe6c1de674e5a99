/* SPDX-License-Identifier: Apache-2.0 */
/* The host's end of the link: frames in become calls, what calls say becomes frames out. Anything
 * that is not understood gives the link up: the engine then observes what was in flight. */
#include "engine/host/host.h"

#include "engine/base/frame.h"
#include "engine/base/frameio.h"
#include "engine/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static void link_close(struct host *host, int exit_code)
{
	if (host->closing)
		return;
	host->closing = true;
	host->exit_code = exit_code;
	cut_frame_flush(host->fd, &host->out);
	uv_close((uv_handle_t *)&host->poll, NULL);
	uv_close((uv_handle_t *)&host->flush, NULL);
	close(host->fd);
	host_calls_end(host);
	host_names_stop(host);
	service_http_done(host);
}

void host_frame_open(struct host *host, struct host_frame *frame, const char *kind)
{
	*frame = (struct host_frame){.w.out = &host->out, .begin = cut_frame_begin(&host->out)};
	cut_jw_open(&frame->w, NULL, '{');
	cut_jw_str(&frame->w, "t", kind);
}

int host_frame_send(struct host_frame *frame)
{
	cut_jw_close(&frame->w);
	return cut_frame_end(frame->w.out, frame->begin);
}

void host_link_fail(struct host *host, const char *fmt, ...)
{
	cut_auto(cut_buf) struct cut_buf text = {.max_bytes = 4096};
	struct host_frame frame;
	va_list ap;

	va_start(ap, fmt);
	cut_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (text.data)
		cut_log_redact(text.data);
	cut_log(CUT_LOG_ERROR, "link_given_up", "why=%s", cut_buf_str(&text));
	if (host->closing || host->failed)
		return;
	host->failed = true; /* closed before the next poll: a call may be using us right now */
	host_frame_open(host, &frame, "failed");
	cut_jw_str(&frame.w, "text", cut_buf_str(&text));
	host_frame_send(&frame);
	cut_frame_flush(host->fd, &host->out);
}

void host_link_refuse(int fd, const char *text)
{
	struct host host = {.fd = fd};

	host_link_fail(&host, "%s", text);
	cut_buf_done(&host.out);
}

static void take_frames(struct host *host);

static void on_names_ready(struct host *host)
{
	struct host_frame ready;
	int r = host->plugin->init ? host->plugin->init(&host_api, &host->loop, &host->self) : 0;

	if (r < 0) {
		host_link_fail(host, "plugin %s could not start: %s", host->plugin->name,
			       strerror(-r));
		return;
	}
	host_frame_open(host, &ready, "ready");
	cut_jw_json(&ready.w, "descriptor", host->descriptor);
	if (host_frame_send(&ready) < 0)
		host_link_fail(host, "the tables of plugin %s are over 1 MiB", host->plugin->name);
	if (host->greeting) {
		host->greeting = false;
		take_frames(host); /* that came meanwhile */
	}
}

static void on_hello(struct host *host, json_t *frame)
{
	const char *folder = cut_json_str(frame, "folder", NULL);
	const char *run = cut_json_str(frame, "run", NULL);

	if (host->run || !run || !folder) {
		host_link_fail(host, "hello twice, or without run and folder");
		return;
	}
	if (chdir(folder) < 0) {
		host_link_fail(host, "cannot enter the runbook's folder %s: %s", folder,
			       strerror(errno));
		return;
	}
	host->run = cut_strdup(run);
	host->connections = json_incref(json_object_get(frame, "connections"));
	host_secrets_set(host, json_incref(json_object_get(frame, "secrets")));
	host->greeting = host_names_start(host, json_object_get(frame, "hosts"), on_names_ready);
}

static void on_call(struct host *host, json_t *frame)
{
	host_call_start(host, json_incref(frame));
}

static void on_cancel(struct host *host, json_t *frame)
{
	host_call_cancel(host, (uint64_t)cut_json_int(frame, "id", 0),
			 (int64_t)(cut_json_real(frame, "grace_s", 0) * 1000));
}

static void on_saved(struct host *host, json_t *frame)
{
	host_call_saved(host, json_incref(frame));
}

static void on_ping(struct host *host, json_t *frame)
{
	struct host_frame pong;

	service_reap_orphans(host);
	host_calls_hurry(host);
	host_frame_open(host, &pong, "pong");
	host_frame_send(&pong);
}

static void take_frame(struct host *host, json_t *frame)
{
	static const struct {
		const char *name;
		void (*fn)(struct host *, json_t *);
	} kinds[] = {
		{"call", on_call}, {"cancel", on_cancel}, {"hello", on_hello},
		{"ping", on_ping}, {"saved", on_saved},
	};
	const char *name = cut_json_str(frame, "t", "");

	if (!host->run && strcmp(name, "hello")) {
		host_link_fail(host, "a frame %s came before hello", name);
		return;
	}
	for (size_t i = 0; i < CUT_ARRAY_LEN(kinds); i++) {
		if (!strcmp(kinds[i].name, name)) {
			kinds[i].fn(host, frame);
			return;
		}
	}
	host_link_fail(host, "an unknown frame %s came", name);
}

static void take_frames(struct host *host)
{
	cut_auto(cut_err) struct cut_err err = {0};

	while (!host->closing && !host->failed && !host->greeting) {
		cut_auto(cut_json) json_t *frame = NULL;
		int r = cut_frame_read(&host->in, &frame, &err);

		if (r < 0)
			host_link_fail(host, "%s", err.what);
		if (r <= 0)
			break;
		take_frame(host, frame);
	}
	if (!host->in.len && host->run && !host->wiped) {
		explicit_bzero(host->in.data, host->in.cap); /* hello held the secrets */
		host->wiped = true;
	}
}

/* The engine is done with us, or dead: it closed its end, with or without unread frames of ours. */
static bool engine_left(int r)
{
	return r == -EPIPE || r == -ECONNRESET;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct host *host = cut_container(poll, struct host, poll);
	int r = status < 0 ? status : 1;

	if (r > 0 && events & UV_READABLE)
		r = cut_frame_fill(host->fd, &host->in);
	if (r < 0)
		link_close(host, engine_left(r) ? 0 : 1);
	else
		take_frames(host);
}

/* Runs before the loop sleeps. Changing what is polled for costs system calls: only when needed. */
static void on_flush(uv_prepare_t *prepare)
{
	struct host *host = cut_container(prepare, struct host, flush);
	int r = host->out.len ? cut_frame_flush(host->fd, &host->out) : 1;

	if (r < 0 || host->failed) {
		link_close(host, !host->failed && engine_left(r) ? 0 : 1);
		return;
	}
	if (host->stuck == !r)
		return;
	host->stuck = !r;
	uv_poll_start(&host->poll, r ? UV_READABLE : UV_READABLE | UV_WRITABLE, on_readable);
}

int host_link_open(struct host *host, int fd)
{
	int r;

	host->fd = fd;
	r = uv_poll_init(&host->loop, &host->poll, fd);
	if (r < 0)
		return r;
	uv_prepare_init(&host->loop, &host->flush);
	uv_prepare_start(&host->flush, on_flush);
	return uv_poll_start(&host->poll, UV_READABLE, on_readable);
}
