/* SPDX-License-Identifier: Apache-2.0 */
/* One plugin host as the engine sees it: a process, a socket and the calls in flight.
 *
 *	starting ─► greeting ─ ready ─► serving ─ death, garbage, silence ─► burying ─► gone
 *
 * Burying kills the host and every command that it was running, reaps them, and only then tells the
 * calls' end, so that what is observed next stands still. */
#include "engine/runtime/hostlink_internal.h"

#include "engine/base/frameio.h"
#include "engine/base/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	GREETING_MS = 10000,
	PING_MS = 5000,
	PONG_MS = 10000,
	CLOSED_MS = 500, /* from the end of the link to the end of the process */
	HEAR_READS = 32, /* far more than a socket holds, and not for ever */
	BURY_POLL_MS = 2,
	BURY_MS = 5000, /* then it is said that something could not be killed */
};

static void on_timer(uv_timer_t *timer);

static void link_free(struct cut_hostlink *link)
{
	cut_buf_done(&link->in);
	cut_buf_done(&link->out);
	cut_vec_done(&link->flights);
	cut_proc_hunt_done(&link->burial.hunt);
	cut_err_done(&link->why);
	free(link);
}

static void on_closed(uv_handle_t *handle)
{
	struct cut_hostlink *link = handle->data;

	if (--link->handles == 0)
		link_free(link);
}

void hostlink_close_handle(struct cut_hostlink *link, uv_handle_t *handle)
{
	handle->data = link;
	uv_close(handle, on_closed);
}

void hostlink_wake_at(struct cut_hostlink *link, cut_time at)
{
	cut_time in = at - hostlink_now(link);

	link->wake = at;
	uv_timer_start(&link->timer, on_timer, in > 0 ? (uint64_t)in : 0, 0);
}

/* Wakes at the nearest of what must happen by some time. */
void hostlink_set_timer(struct cut_hostlink *link)
{
	cut_time next = link->pinged ? link->pinged + PONG_MS : link->ponged + PING_MS;

	if (!link->ready)
		next = link->ponged + GREETING_MS;
	if (link->closed)
		next = link->closed + CLOSED_MS;
	cut_vec_foreach (&link->flights, f)
		if (f->deadline < next)
			next = f->deadline;
	hostlink_wake_at(link, next);
}

static bool is_to_go(const void *data, const struct cut_proc *proc)
{
	const struct cut_hostlink *link = data;

	/* A plugin cannot leave the host's session, and nothing of it is to stay. */
	if (link->plugin)
		return proc->session == link->pid;
	/* Of the built-in steps each command leads a group. What has no leader any more was left
	 * behind by a command that ended before, on purpose. */
	return proc->session == link->pid && proc->group == proc->pid && proc->pid != link->pid;
}

/* Once. The link goes on to clear away what there is of the host. */
static void tell_end(struct cut_hostlink *link)
{
	cut_auto(cut_str) char *text = cut_err_text(&link->why);

	if (link->told)
		return;
	link->told = true;
	while (link->flights.len) {
		struct flight f = cut_vec_pop(&link->flights);

		link->events.done(link->events.data, f.id, CUT_UNKNOWN, text, NULL);
	}
	link->events.gone(link->events.data, &link->why);
}

static void end(struct cut_hostlink *link)
{
	uv_timer_stop(&link->timer);
	tell_end(link);
	hostlink_close_handle(link, (uv_handle_t *)&link->timer);
}

static void on_burying(uv_timer_t *timer);

static void run_pass(uv_work_t *work)
{
	struct cut_hostlink *link = cut_container(work, struct cut_hostlink, burial.pass);

	link->burial.running = cut_proc_hunt(&link->burial.hunt);
}

static void on_passed(uv_work_t *work, int status)
{
	struct cut_hostlink *link = cut_container(work, struct cut_hostlink, burial.pass);

	(void)status; /* it is never cancelled */
	if (!link->reaped)
		kill(-link->pid, SIGKILL);
	if (link->reaped && link->burial.running == 0) {
		end(link);
	} else if (hostlink_now(link) - link->buried > BURY_MS) {
		cut_log(CUT_LOG_ERROR, "host_not_buried", "pid=%d running=%d", (int)link->pid,
			link->burial.running);
		end(link);
	} else {
		uv_timer_start(&link->timer, on_burying, BURY_POLL_MS, 0);
	}
}

static void on_burying(uv_timer_t *timer)
{
	struct cut_hostlink *link = cut_container(timer, struct cut_hostlink, timer);

	/* Once the host is gone, what it ran is ours to find and to reap. */
	if (!link->reaped && waitpid(link->pid, NULL, WNOHANG) != 0)
		link->reaped = true; /* by us, or by the hunt */
	uv_queue_work(link->loop, &link->burial.pass, run_pass, on_passed);
}

static void bury(struct cut_hostlink *link)
{
	link->burying = true;
	if (link->starting)
		return;	   /* on_started goes on from here */
	if (!link->plugin) /* else the hunt first looks who descends from it */
		kill(-link->pid, SIGKILL);
	hostlink_words_close(link);
	hostlink_close_handle(link, (uv_handle_t *)&link->poll);
	hostlink_close_handle(link, (uv_handle_t *)&link->exit);
	hostlink_close_handle(link, (uv_handle_t *)&link->flush);
	close(link->fd);
	close(link->pidfd);
	link->fd = link->pidfd = -1;
	uv_update_time(link->loop);
	link->buried = hostlink_now(link);
	link->burial.hunt = (struct cut_proc_hunt){.is_root = is_to_go, .data = link, .reap = true};
	uv_timer_start(&link->timer, on_burying, 1, 0); /* by then it is dead, mostly */
}

void hostlink_give_up(struct cut_hostlink *link, int code, const char *why, const char *what)
{
	if (link->burying)
		return;
	if (!link->why.what)
		cut_err_set(&link->why, code, why, NULL, "%s", what);
	cut_log(CUT_LOG_WARN, "host_given_up", "pid=%d what=%s why=%s", (int)link->pid,
		link->why.what, link->why.why ? link->why.why : "-");
	bury(link);
}

/* What it said, and we have not read yet, counts. */
static void hear(struct cut_hostlink *link)
{
	for (int i = 0; i < HEAR_READS && !link->burying; i++) {
		if (cut_frame_fill(link->fd, &link->in) <= 0)
			return;
		hostlink_take_frames(link);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct cut_hostlink *link = cut_container(timer, struct cut_hostlink, timer);

	if (!link->starting && !link->closed) { /* this process may have stood still */
		hear(link);
		if (link->burying)
			return;
	}
	if (!link->ready && hostlink_now(link) >= link->ponged + GREETING_MS) {
		hostlink_give_up(link, -ETIMEDOUT, "it did not get ready within 10 s",
				 "plugin host killed");
		if (link->starting) /* its program cannot be read: who knows until when */
			tell_end(link);
		return;
	}
	if (link->closed && hostlink_now(link) >= link->closed + CLOSED_MS) {
		hostlink_give_up(link, -EPIPE, "it closed the link and did not end",
				 "plugin host killed");
		return;
	}
	if (link->pinged && hostlink_now(link) >= link->pinged + PONG_MS) {
		hostlink_give_up(link, -ETIMEDOUT, "it hangs: no answer to a ping within 10 s",
				 "plugin host killed");
		return;
	}
	cut_vec_foreach (&link->flights, f) {
		if (hostlink_now(link) >= f->deadline) {
			hostlink_give_up(link, -ETIMEDOUT,
					 "a call did not end when its time was up",
					 "plugin host killed");
			return;
		}
	}
	if (link->ready && !link->pinged && hostlink_now(link) >= link->ponged + PING_MS) {
		hostlink_say_ping(link);
		link->pinged = hostlink_now(link);
	}
	hostlink_set_timer(link);
}

/* Most likely it is dying: then the pidfd will say how. */
static void close_link(struct cut_hostlink *link)
{
	uv_poll_stop(&link->poll);
	link->closed = hostlink_now(link);
	hostlink_set_timer(link);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct cut_hostlink *link = cut_container(poll, struct cut_hostlink, poll);
	int r = status < 0 ? status : 1;

	if (r > 0 && events & UV_READABLE)
		r = cut_frame_fill(link->fd, &link->in);
	if (r > 0)
		hostlink_take_frames(link);
	else if (r < 0)
		close_link(link);
}

static void on_exit_seen(uv_poll_t *poll, int status, int events)
{
	struct cut_hostlink *link = cut_container(poll, struct cut_hostlink, exit);
	cut_auto(cut_str) char *text = NULL;
	siginfo_t end = {0};

	hear(link);
	if (link->burying)
		return;
	if (waitid(P_PID, (id_t)link->pid, &end, WEXITED | WNOHANG | WNOWAIT) < 0)
		text = cut_printf("its end was seen by somebody else");
	else if (!end.si_pid)
		return;
	else
		text = cut_hostspawn_death(&end);
	hostlink_give_up(link, -EPIPE, text,
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
	if (!link->ready && r > 0)
		explicit_bzero(link->out.data, link->out.cap); /* hello held the secrets */
	if (r < 0) {
		cut_buf_reset(&link->out); /* it is dying: the pidfd tells how */
		return;
	}
	if (link->stuck == !r)
		return;
	link->stuck = !r;
	if (!link->closed)
		uv_poll_start(&link->poll, r ? UV_READABLE : UV_READABLE | UV_WRITABLE,
			      on_readable);
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
	link->handles += 3;
	uv_update_time(link->loop);
	hostlink_words_open(link);
	link->ponged = hostlink_now(link);
	hostlink_set_timer(link);
}

static int take_process(struct cut_hostlink *link, struct cut_err *err)
{
	struct cut_hostprocess started;
	int r = cut_hostspawn_finish(link->start.spawn, &started, err);

	if (r < 0)
		return r;
	link->pid = started.pid;
	link->fd = started.link;
	link->words.fd = started.words;
	link->pidfd = pidfd_open(link->pid, 0);
	if (link->pidfd >= 0)
		return 0;
	r = cut_err_sys(err, -errno, NULL, "cannot watch the plugin host");
	kill(-link->pid, SIGKILL);
	waitpid(link->pid, NULL, 0);
	close(link->fd);
	if (link->words.fd >= 0)
		close(link->words.fd);
	return r;
}

static void run_start(uv_work_t *work)
{
	cut_hostspawn_run(cut_container(work, struct cut_hostlink, start.job)->start.spawn);
}

static void on_started(uv_work_t *work, int status)
{
	struct cut_hostlink *link = cut_container(work, struct cut_hostlink, start.job);
	cut_auto(cut_err) struct cut_err err = {0};

	(void)status; /* it is never cancelled */
	link->starting = false;
	if (take_process(link, &err) < 0) {
		if (!link->why.what)
			cut_err_set(&link->why, err.code, err.why, err.next, "%s", err.what);
		end(link);
		return;
	}
	watch(link);
	if (link->burying)
		bury(link);
}

int cut_hostlink_start(struct uv_loop_s *loop, const struct cut_hostlink_options *options,
		       const struct cut_hostlink_events *events, struct cut_hostlink **ret,
		       struct cut_err *err)
{
	struct cut_hostlink *link = cut_new(struct cut_hostlink);
	int r;

	link->loop = loop;
	link->events = *events;
	link->plugin = options->plugin != NULL;
	link->words.log_fd = options->log_fd;
	r = hostlink_say_hello(link, options, err);
	if (r == 0)
		r = cut_hostspawn_prepare(options, &link->start.spawn, err);
	if (r < 0) {
		link_free(link);
		return r;
	}
	uv_timer_init(loop, &link->timer);
	link->handles = 1;
	link->starting = true;
	uv_update_time(loop);
	link->ponged = hostlink_now(link);
	hostlink_set_timer(link);
	uv_queue_work(loop, &link->start.job, run_start, on_started);
	*ret = link;
	return 0;
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
