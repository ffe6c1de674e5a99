/* SPDX-License-Identifier: Apache-2.0 */
/* One plugin host as the engine sees it: a process, a socket and the calls in flight.
 *
 *	greeting ─ ready ─► serving ─ death, garbage, silence, overdue ─► burying ─ nobody left ─► gone
 *
 * Burying kills the host and every command that it was running, reaps them, and only then tells the
 * calls' end, so that what is observed next stands still. */
#include "engine/runtime/hostlink.h"

#include "engine/base/frame.h"
#include "engine/base/frameio.h"
#include "engine/base/log.h"
#include "engine/base/proc.h"
#include "engine/base/vec.h"
#include "engine/runtime/hostspawn.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

enum {
	GREETING_MS = 10000,
	CALL_GRACE_MS = 1000, /* a host ends an overdue call by itself in this time, or is killed */
	PING_MS = 5000,
	PONG_MS = 10000,
	CLOSED_MS = 500, /* from the end of the link to the end of the process */
	BURY_POLL_MS = 2,
	BURY_MS = 5000, /* then it is said that something could not be killed */
	CANCEL_GRACE_S = 30,
};

#define TIMEOUT_MAX_MS (365 * CUT_DAY) /* a call without a limit of its own */

struct flight {
	uint64_t id;
	cut_time deadline; /* uv_now */
};

struct cut_hostlink {
	uv_loop_t *loop;
	struct cut_hostlink_events events;
	pid_t pid;
	int fd, pidfd;
	cut_time wake; /* uv_now: when the timer fires */
	uv_poll_t poll, exit;
	uv_prepare_t flush; /* once a turn of the loop: several frames, one write */
	uv_timer_t timer;   /* the next of greeting, pong, calls; then burying */
	unsigned handles;
	struct cut_buf in, out;
	bool ready, stuck, burying, reaped;
	cut_time pinged, ponged, closed, buried; /* uv_now; 0: no ping is out, the link is open */
	struct { CUT_VEC(struct flight); } flights;
	struct cut_proc_hunt hunt; /* burying */
	struct cut_err why; /* of the end */
};

static const char *const status_names[] = {
	[CUT_OK] = "ok",
	[CUT_FAIL] = "fail",
	[CUT_RETRY] = "retry",
	[CUT_CANCELED] = "canceled",
	[CUT_UNKNOWN] = "unknown",
};

static int status_named(const char *name)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(status_names); i++)
		if (!strcmp(status_names[i], name))
			return (int)i;
	return -1;
}

static void on_timer(uv_timer_t *timer);

static void on_closed(uv_handle_t *handle)
{
	struct cut_hostlink *link = handle->data;

	if (--link->handles)
		return;
	cut_buf_done(&link->in);
	cut_buf_done(&link->out);
	cut_vec_done(&link->flights);
	cut_proc_hunt_done(&link->hunt);
	cut_err_done(&link->why);
	free(link);
}

static void close_handle(struct cut_hostlink *link, uv_handle_t *handle)
{
	handle->data = link;
	uv_close(handle, on_closed);
}

static cut_time now(const struct cut_hostlink *link)
{
	return (cut_time)uv_now(link->loop);
}

static void wake_at(struct cut_hostlink *link, cut_time at)
{
	cut_time in = at - now(link);

	link->wake = at;
	uv_timer_start(&link->timer, on_timer, in > 0 ? (uint64_t)in : 0, 0);
}

/* Wakes at the nearest of what must happen by some time. */
static void set_timer(struct cut_hostlink *link)
{
	cut_time next = link->pinged ? link->pinged + PONG_MS : link->ponged + PING_MS;

	if (!link->ready)
		next = link->ponged + GREETING_MS;
	if (link->closed)
		next = link->closed + CLOSED_MS;
	cut_vec_foreach (&link->flights, f)
		if (f->deadline < next)
			next = f->deadline;
	wake_at(link, next);
}

static bool is_command(const void *data, const struct cut_proc *proc)
{
	const struct cut_hostlink *link = data;

	/* The host made a session; in it each command it runs leads a group. What has no leader any
	 * more was left behind by a command that ended before, on purpose. */
	return proc->session == link->pid && proc->group == proc->pid && proc->pid != link->pid;
}

static void tell_end(struct cut_hostlink *link)
{
	cut_auto(cut_str) char *text = cut_err_text(&link->why);

	uv_timer_stop(&link->timer);
	while (link->flights.len) {
		struct flight f = cut_vec_pop(&link->flights);

		link->events.done(link->events.data, f.id, CUT_UNKNOWN, text, NULL);
	}
	link->events.gone(link->events.data, &link->why);
	close_handle(link, (uv_handle_t *)&link->timer);
}

static void on_burying(uv_timer_t *timer)
{
	struct cut_hostlink *link = cut_container(timer, struct cut_hostlink, timer);
	int running;

	/* The host first: once it is gone, what it ran is ours to find and to reap. */
	if (!link->reaped && waitpid(link->pid, NULL, WNOHANG) == link->pid)
		link->reaped = true;
	running = cut_proc_hunt(&link->hunt);
	if (link->reaped && running == 0) {
		tell_end(link);
	} else if (now(link) - link->buried > BURY_MS) {
		cut_log(CUT_LOG_ERROR, "host_not_buried", "pid=%d running=%d", (int)link->pid,
		        running);
		tell_end(link);
	}
}

/* Ends the link. The first reason stays. */
static void bury(struct cut_hostlink *link)
{
	if (link->burying)
		return;
	link->burying = true;
	kill(-link->pid, SIGKILL);
	close_handle(link, (uv_handle_t *)&link->poll);
	close_handle(link, (uv_handle_t *)&link->exit);
	close_handle(link, (uv_handle_t *)&link->flush);
	close(link->fd);
	close(link->pidfd);
	link->fd = link->pidfd = -1;
	uv_update_time(link->loop);
	link->buried = now(link);
	link->hunt = (struct cut_proc_hunt){.is_root = is_command, .data = link, .reap = true};
	uv_timer_start(&link->timer, on_burying, 0, BURY_POLL_MS);
}

static void give_up(struct cut_hostlink *link, int code, const char *why, const char *what)
{
	if (link->burying)
		return;
	if (!link->why.what)
		cut_err_set(&link->why, code, why, NULL, "%s", what);
	cut_log(CUT_LOG_WARN, "host_given_up", "pid=%d what=%s why=%s", (int)link->pid,
	        link->why.what, link->why.why ? link->why.why : "-");
	bury(link);
}

static void on_timer(uv_timer_t *timer)
{
	struct cut_hostlink *link = cut_container(timer, struct cut_hostlink, timer);
	cut_auto(cut_json) json_t *ping = NULL;

	if (!link->ready && now(link) >= link->ponged + GREETING_MS) {
		give_up(link, -ETIMEDOUT, "it did not get ready within 10 s", "plugin host killed");
		return;
	}
	if (link->closed && now(link) >= link->closed + CLOSED_MS) {
		give_up(link, -EPIPE, "it closed the link and did not end", "plugin host killed");
		return;
	}
	if (link->pinged && now(link) >= link->pinged + PONG_MS) {
		give_up(link, -ETIMEDOUT, "it hangs: no answer to a ping within 10 s",
		        "plugin host killed");
		return;
	}
	cut_vec_foreach (&link->flights, f) {
		if (now(link) >= f->deadline) {
			give_up(link, -ETIMEDOUT, "a call did not end when its time was up",
			        "plugin host killed");
			return;
		}
	}
	if (link->ready && !link->pinged && now(link) >= link->ponged + PING_MS) {
		ping = json_pack("{s:s}", "t", "ping");
		cut_frame_write(&link->out, ping);
		link->pinged = now(link);
	}
	set_timer(link);
}

static void on_ready(struct cut_hostlink *link, const json_t *frame)
{
	const json_t *descriptor = json_object_get(frame, "descriptor");

	if (link->ready || !json_is_object(descriptor)) {
		give_up(link, -EPROTO, "ready twice, or without a descriptor", "plugin host killed");
		return;
	}
	link->ready = true;
	link->ponged = now(link);
	set_timer(link);
	if (link->events.ready)
		link->events.ready(link->events.data, descriptor);
}

static void on_failed(struct cut_hostlink *link, const json_t *frame)
{
	give_up(link, -EPROTO, cut_json_str(frame, "text", "no reason given"),
	        "the plugin host gave up");
}

static void on_pong(struct cut_hostlink *link, const json_t *frame)
{
	link->pinged = 0;
	link->ponged = now(link);
	set_timer(link);
}

static struct flight *find_flight(struct cut_hostlink *link, const json_t *frame)
{
	const json_t *id = json_object_get(frame, "id");

	cut_vec_foreach (&link->flights, f)
		if (json_is_integer(id) && f->id == (uint64_t)json_integer_value(id))
			return f;
	give_up(link, -EPROTO, "it spoke of a call that is not in flight", "plugin host killed");
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
		give_up(link, -EPROTO, "a call ended without a known status, or with odd data",
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
	if (json_is_object(state))
		link->events.save(link->events.data, f->id, state);
	else
		give_up(link, -EPROTO, "it saves what is not an object", "plugin host killed");
}

static void on_progress(struct cut_hostlink *link, const json_t *frame)
{
	struct flight *f = find_flight(link, frame);

	if (f && link->events.progress)
		link->events.progress(link->events.data, f->id,
		                      cut_json_real(frame, "fraction", 0),
		                      cut_json_str(frame, "text", NULL));
}

static void on_note(struct cut_hostlink *link, const json_t *frame)
{
	int64_t level = cut_json_int(frame, "level", CUT_LOG_INFO);

	if (level < CUT_LOG_DEBUG || level > CUT_LOG_ERROR)
		level = CUT_LOG_INFO;
	cut_log((enum cut_log_level)level, "plugin_note", "call=%lld text=%s",
	        (long long)cut_json_int(frame, "id", 0), cut_json_str(frame, "text", ""));
}

static void take_frame(struct cut_hostlink *link, const json_t *frame)
{
	static const struct {
		const char *name;
		void (*fn)(struct cut_hostlink *, const json_t *);
	} kinds[] = {
		{"done", on_done},         {"failed", on_failed}, {"note", on_note}, {"pong", on_pong},
		{"progress", on_progress}, {"ready", on_ready},   {"save", on_save},
	};
	const char *name = cut_json_str(frame, "t", "");

	for (size_t i = 0; i < CUT_ARRAY_LEN(kinds); i++) {
		if (!strcmp(kinds[i].name, name)) {
			kinds[i].fn(link, frame);
			return;
		}
	}
	give_up(link, -EPROTO, "it sent a frame of an unknown kind", "plugin host killed");
}

static void take_frames(struct cut_hostlink *link)
{
	cut_auto(cut_err) struct cut_err err = {0};

	while (!link->burying) {
		cut_auto(cut_json) json_t *frame = NULL;
		int r = cut_frame_read(&link->in, &frame, &err);

		if (r < 0)
			give_up(link, r, err.what, "plugin host killed: it sent garbage");
		if (r <= 0)
			return;
		take_frame(link, frame);
	}
}

/* Most likely it is dying: then the pidfd will say how. */
static void close_link(struct cut_hostlink *link)
{
	uv_poll_stop(&link->poll);
	link->closed = now(link);
	set_timer(link);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct cut_hostlink *link = cut_container(poll, struct cut_hostlink, poll);
	int r = status < 0 ? status : 1;

	if (r > 0 && events & UV_READABLE)
		r = cut_frame_fill(link->fd, &link->in);
	if (r > 0)
		take_frames(link);
	else if (r < 0)
		close_link(link);
}

/* "exited with 1", "killed by SIGSEGV (Segmentation fault)" */
static char *death_text(const siginfo_t *end)
{
	if (end->si_code == CLD_EXITED)
		return cut_printf("exited with %d", end->si_status);
	return cut_printf("killed by SIG%s (%s)",
	                  sigabbrev_np(end->si_status) ? sigabbrev_np(end->si_status) : "?",
	                  strsignal(end->si_status));
}

static void on_exit_seen(uv_poll_t *poll, int status, int events)
{
	struct cut_hostlink *link = cut_container(poll, struct cut_hostlink, exit);
	cut_auto(cut_str) char *text = NULL;
	siginfo_t end = {0};

	/* Its last words first: answers that it gave are answers. */
	while (!link->burying && cut_frame_fill(link->fd, &link->in) > 0)
		take_frames(link);
	if (link->burying)
		return;
	if (waitid(P_PID, (id_t)link->pid, &end, WEXITED | WNOHANG | WNOWAIT) < 0)
		text = cut_printf("its end was seen by somebody else");
	else if (!end.si_pid)
		return;
	else
		text = death_text(&end);
	give_up(link, -EPIPE, text,
	        link->in.len ? "the plugin host died with half a frame sent"
	                     : "the plugin host died");
}

static void on_flush(uv_prepare_t *prepare)
{
	struct cut_hostlink *link = cut_container(prepare, struct cut_hostlink, flush);
	int r;

	if (!link->out.len)
		return;
	r = cut_frame_flush(link->fd, &link->out);
	if (r < 0) {
		cut_buf_reset(&link->out); /* it is dying: the pidfd tells how */
		return;
	}
	if (link->stuck == !r)
		return;
	link->stuck = !r;
	if (!link->closed)
		uv_poll_start(&link->poll, r ? UV_READABLE : UV_READABLE | UV_WRITABLE, on_readable);
}

static void watch(struct cut_hostlink *link)
{
	uv_poll_init(link->loop, &link->poll, link->fd);
	uv_poll_start(&link->poll, UV_READABLE, on_readable);
	uv_poll_init(link->loop, &link->exit, link->pidfd);
	uv_poll_start(&link->exit, UV_READABLE, on_exit_seen);
	uv_prepare_init(link->loop, &link->flush);
	uv_prepare_start(&link->flush, on_flush);
	uv_unref((uv_handle_t *)&link->flush);
	uv_timer_init(link->loop, &link->timer);
	link->handles = 4;
	uv_update_time(link->loop);
	link->ponged = now(link);
	set_timer(link);
}

static int say_hello(struct cut_hostlink *link, const struct cut_hostlink_options *o,
                     struct cut_err *err)
{
	cut_auto(cut_json) json_t *hello = json_pack(
		"{s:s, s:s, s:s, s:O?, s:O?}", "t", "hello", "run", o->run, "folder", o->folder,
		"connections", o->connections, "secrets", o->secrets);

	if (!hello || cut_frame_write(&link->out, hello) < 0)
		return cut_err_set(err, -E2BIG, "connections and secrets are over 1 MiB, or not UTF-8",
		                   NULL, "cannot greet the plugin host");
	return 0;
}

int cut_hostlink_start(struct uv_loop_s *loop, const struct cut_hostlink_options *options,
                       const struct cut_hostlink_events *events, struct cut_hostlink **ret,
                       struct cut_err *err)
{
	struct cut_hostlink *link = cut_new(struct cut_hostlink);
	int r;

	link->loop = loop;
	link->events = *events;
	r = say_hello(link, options, err);
	if (r == 0)
		r = cut_hostspawn(options, &link->pid, &link->fd, err);
	if (r < 0) {
		cut_buf_done(&link->out);
		free(link);
		return r;
	}
	link->pidfd = (int)syscall(SYS_pidfd_open, link->pid, 0);
	assert(link->pidfd >= 0);
	watch(link);
	*ret = link;
	return 0;
}

int cut_hostlink_call(struct cut_hostlink *link, const struct cut_hostcall *call)
{
	cut_time timeout = call->timeout < TIMEOUT_MAX_MS ? call->timeout : TIMEOUT_MAX_MS;
	cut_auto(cut_json) json_t *frame = NULL;
	struct flight flight = {.id = call->id};
	int r;

	if (link->burying)
		return -EPIPE;
	frame = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:i, s:f, s:O, s:O?}", "t", "call", "id",
	                  (json_int_t)call->id, "op", call->op, "action", call->action, "step",
	                  call->step, "key", call->key, "attempt", (int)call->attempt, "timeout_s",
	                  (double)timeout / 1000, "params", call->params, "saved", call->saved);
	if (!frame)
		return -EINVAL;
	r = cut_frame_write(&link->out, frame);
	if (r < 0)
		return r;
	uv_update_time(link->loop);
	flight.deadline = now(link) + timeout + CALL_GRACE_MS;
	cut_vec_push(&link->flights, flight);
	if (flight.deadline < link->wake)
		wake_at(link, flight.deadline);
	return 0;
}

void cut_hostlink_cancel(struct cut_hostlink *link, uint64_t call)
{
	cut_auto(cut_json) json_t *frame = json_pack("{s:s, s:I, s:i}", "t", "cancel", "id",
	                                             (json_int_t)call, "grace_s", CANCEL_GRACE_S);
	cut_time latest = now(link) + CANCEL_GRACE_S * CUT_SECOND + CALL_GRACE_MS;

	if (link->burying)
		return;
	cut_vec_foreach (&link->flights, f) {
		if (f->id != call)
			continue;
		if (latest < f->deadline)
			f->deadline = latest;
		cut_frame_write(&link->out, frame);
		set_timer(link);
	}
}

void cut_hostlink_saved(struct cut_hostlink *link, uint64_t call, const json_t *first)
{
	cut_auto(cut_json) json_t *frame = json_pack("{s:s, s:I, s:O}", "t", "saved", "id",
	                                             (json_int_t)call, "state", first);

	if (!link->burying)
		cut_frame_write(&link->out, frame);
}

void cut_hostlink_stop(struct cut_hostlink *link)
{
	if (link->burying)
		return;
	cut_err_set(&link->why, -ECANCELED, NULL, NULL, "the plugin host was stopped");
	bury(link);
}

pid_t cut_hostlink_pid(const struct cut_hostlink *link)
{
	return link->pid;
}
