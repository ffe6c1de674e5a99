/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the calls: a pidfd on the loop, output read to its end. Each leads a process group of
 * its own in the host's session, inherits descriptors 0, 1, 2 only, and is ended as a whole group.
 *
 *	running ─ exits ─► draining ─ pipes at their end, or DRAIN_MS ─► told, freed
 *	   └ SIGTERM, SIGKILL ─► exits ─► group emptying ─ nobody left ─┘                  */
#include "engine/host/host.h"

#include "engine/base/proc.h"
#include "engine/host/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	DRAIN_MS = 200, /* for what a daemon that kept the pipe may still say */
	GROUP_POLL_MS = 10,
	KEPT_BYTES = 64 * 1024,
	READ_BYTES = 64 * 1024,
};

struct stream {
	uv_poll_t poll;
	struct host_child *child;
	int fd; /* -1: closed or never open */
	struct cut_buf buf;
	size_t done; /* stdin: written so far */
	size_t max;  /* stdout, stderr: the last so many bytes are kept */
};

struct host_child {
	struct list_node in_call, in_host;
	struct host *host;
	struct host_call *call; /* NULL: its call is over, nobody is told */
	cut_child_fn *fn;
	pid_t pid;
	int pidfd, error;
	siginfo_t end;
	bool exited, killed, freeing;
	unsigned handles; /* open on the loop */
	uv_poll_t exit;
	uv_timer_t timer;
	struct stream in, out, err;
};

static void on_closed(uv_handle_t *handle)
{
	struct host_child *child = handle->data;

	if (--child->handles)
		return;
	cut_buf_done(&child->in.buf);
	cut_buf_done(&child->out.buf);
	cut_buf_done(&child->err.buf);
	free(child);
}

static void close_handle(struct host_child *child, uv_handle_t *handle)
{
	handle->data = child;
	uv_close(handle, on_closed);
}

static void stream_close(struct stream *stream)
{
	if (stream->fd < 0)
		return;
	close_handle(stream->child, (uv_handle_t *)&stream->poll);
	close(stream->fd);
	stream->fd = -1;
}

static void stream_open(struct host_child *child, struct stream *stream, int fd, int events,
			uv_poll_cb fn)
{
	stream->child = child;
	stream->fd = fd; /* from here on it does not block */
	uv_poll_init(&child->host->loop, &stream->poll, fd);
	uv_poll_start(&stream->poll, events, fn);
	child->handles++;
}

/* Keeps the last max bytes, moving them only once a buffer's length of them has come. */
static void keep_tail(struct cut_buf *buf, size_t max, size_t slack)
{
	if (buf->len > max + slack)
		cut_buf_consume(buf, buf->len - max);
}

static void stream_read(struct stream *stream)
{
	static char chunk[READ_BYTES]; /* most commands say little: no buffer for each of them */

	while (stream->fd >= 0) {
		ssize_t n = read(stream->fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			stream_close(stream);
			return;
		}
		cut_buf_add(&stream->buf, chunk, (size_t)n);
		keep_tail(&stream->buf, stream->max, stream->max);
		if (n < READ_BYTES)
			return; /* less than asked for: the pipe is empty, the loop tells when it is
				   not */
	}
}

static void conclude(struct host_child *child)
{
	struct cut_child_result result = {.error = child->error, .killed = child->killed};
	struct host_call *call = child->call;

	if (child->freeing)
		return;
	child->freeing = true;
	list_remove(&child->in_call);
	stream_close(&child->in);
	stream_close(&child->out);
	stream_close(&child->err);
	close_handle(child, (uv_handle_t *)&child->timer);
	list_remove(&child->in_host);
	if (!call)
		return;
	keep_tail(&child->out.buf, child->out.max, 0);
	keep_tail(&child->err.buf, child->err.max, 0);
	result.status = child->end.si_code == CLD_EXITED ? child->end.si_status
							 : 128 + child->end.si_status;
	result.out = cut_buf_str(&child->out.buf);
	result.out_len = child->out.buf.len;
	result.err = cut_buf_str(&child->err.buf);
	result.err_len = child->err.buf.len;
	child->fn(&call->pub, &result);
}

/* Members of the group that outlive their leader: ours to reap once they are orphans, because the
 * host is a subreaper. */
static bool group_is_gone(const struct host_child *child)
{
	while (waitpid(-child->pid, NULL, WNOHANG) > 0)
		;
	return kill(-child->pid, 0) < 0 && errno == ESRCH;
}

static void on_group_poll(uv_timer_t *timer)
{
	struct host_child *child = cut_container(timer, struct host_child, timer);

	if (group_is_gone(child))
		conclude(child);
}

static void on_drained(uv_timer_t *timer)
{
	conclude(cut_container(timer, struct host_child, timer));
}

static void settle(struct host_child *child)
{
	if (!child->exited)
		return;
	if (child->killed && !group_is_gone(child))
		uv_timer_start(&child->timer, on_group_poll, GROUP_POLL_MS, GROUP_POLL_MS);
	else if (child->killed || (child->out.fd < 0 && child->err.fd < 0))
		conclude(child);
	else
		uv_timer_start(&child->timer, on_drained, DRAIN_MS, 0);
}

static void on_output(uv_poll_t *poll, int status, int events)
{
	struct stream *stream = cut_container(poll, struct stream, poll);
	struct host_child *child = stream->child;

	stream_read(stream);
	if (child->exited && child->out.fd < 0 && child->err.fd < 0)
		settle(child);
}

static void on_exit_seen(uv_poll_t *poll, int status, int events)
{
	struct host_child *child = cut_container(poll, struct host_child, exit);

	if (waitid(P_PID, (id_t)child->pid, &child->end, WEXITED | WNOHANG) < 0 && errno == ECHILD)
		child->error = -ECHILD;
	else if (!child->end.si_pid)
		return;
	child->exited = true;
	close_handle(child, (uv_handle_t *)&child->exit);
	close(child->pidfd);
	child->pidfd = -1;
	stream_read(&child->out);
	stream_read(&child->err);
	settle(child);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
	struct stream *in = cut_container(poll, struct stream, poll);
	ssize_t n = write(in->fd, in->buf.data + in->done, in->buf.len - in->done);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		in->done += (size_t)n;
	if (n <= 0 || in->done == in->buf.len)
		stream_close(in); /* a command may well not read all of it */
}

static void plumbing_close(struct plumbing *p)
{
	int *all[] = {p->in, p->out, p->err};

	for (size_t i = 0; i < CUT_ARRAY_LEN(all); i++)
		for (int end = 0; end < 2; end++)
			if (all[i][end] >= 0)
				close(all[i][end]);
}

static int pipe_open(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0) {
		fds[0] = fds[1] = -1;
		return -errno;
	}
	return 0;
}

static int plumbing_open(struct plumbing *p, bool with_input)
{
	int r = with_input ? pipe_open(p->in) : 0;

	if (r == 0)
		r = pipe_open(p->out);
	if (r == 0)
		r = pipe_open(p->err);
	return r;
}

static int start_process(struct host_child *child, const struct cut_child *spec,
			 const struct plumbing *p)
{
	int r = program_start(spec, p, &child->pid);

	if (r < 0)
		return r;
	child->pidfd = pidfd_open(child->pid, 0);
	if (child->pidfd < 0) {
		r = -errno;
		kill(-child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
		child->pid = 0;
		return r;
	}
	return 0;
}

static void watch(struct host_child *child, const struct cut_child *spec, struct plumbing *p)
{
	size_t max = spec->max_output_bytes ? spec->max_output_bytes : KEPT_BYTES;

	child->out.max = max;
	child->err.max = max;
	stream_open(child, &child->out, p->out[0], UV_READABLE, on_output);
	stream_open(child, &child->err, p->err[0], UV_READABLE, on_output);
	p->out[0] = p->err[0] = -1;
	if (p->in[1] >= 0) {
		cut_buf_add(&child->in.buf, spec->input, spec->input_len);
		stream_open(child, &child->in, p->in[1], UV_WRITABLE, on_input);
		p->in[1] = -1;
	}
	uv_poll_init(&child->host->loop, &child->exit, child->pidfd);
	uv_poll_start(&child->exit, UV_READABLE, on_exit_seen);
	child->handles++;
	list_add(&child->host->children, &child->in_host);
}

int service_spawn(struct cut_call *pub, const struct cut_child *spec, cut_child_fn *fn)
{
	struct plumbing plumbing = {{-1, -1}, {-1, -1}, {-1, -1}};
	struct host_call *call = host_call_of(pub);
	struct host_child *child;

	if (!fn || !spec->argv || !spec->argv[0])
		return -EINVAL;
	child = cut_new(struct host_child);
	child->host = call->host;
	child->call = call;
	child->fn = fn;
	child->pidfd = child->in.fd = child->out.fd = child->err.fd = -1;
	uv_timer_init(&call->host->loop, &child->timer);
	child->handles = 1;
	list_add(&call->children, &child->in_call);

	if (call->canceled || call->overdue)
		child->error = call->canceled ? -ECANCELED : -ETIMEDOUT;
	else
		child->error = plumbing_open(&plumbing, spec->input_len > 0);
	if (!child->error)
		child->error = start_process(child, spec, &plumbing);
	if (!child->error)
		watch(child, spec, &plumbing);
	else
		uv_timer_start(&child->timer, on_drained, 0, 0); /* told later, never from within */
	plumbing_close(&plumbing);
	return 0;
}

static bool is_child(const void *data, const struct cut_proc *proc)
{
	return proc->pid == *(const pid_t *)data;
}

static void child_kill(struct host_child *child, int sig)
{
	struct cut_proc_hunt hunt = {.is_root = is_child, .data = &child->pid};

	if (child->pid <= 0 || (child->exited && !child->killed))
		return;
	child->killed = true;
	if (sig == SIGKILL &&
	    !child->exited) { /* while it lives: those below it in other groups too */
		cut_proc_hunt(&hunt);
		cut_proc_hunt_done(&hunt);
	}
	kill(-child->pid, sig);
}

void service_children_kill(struct host_call *call, int sig)
{
	for (struct list_node *n = call->children; n; n = n->next)
		child_kill(cut_container(n, struct host_child, in_call), sig);
}

void service_children_drop(struct host_call *call)
{
	while (call->children) {
		struct host_child *child =
			cut_container(call->children, struct host_child, in_call);

		list_remove(&child->in_call);
		child->call = NULL;
		child_kill(child, SIGKILL);
		if (child->error)
			conclude(child);
	}
}

static bool is_own(const struct host *host, pid_t pid)
{
	for (struct list_node *n = host->children; n; n = n->next)
		if (cut_container(n, struct host_child, in_host)->pid == pid)
			return true;
	return false;
}

void service_reap_orphans(struct host *host)
{
	siginfo_t info = {0};

	/* Stops at one of our own, whose pidfd is about to tell; those behind it are for next time.
	 */
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid &&
	       !is_own(host, info.si_pid)) {
		waitpid(info.si_pid, NULL, WNOHANG);
		info.si_pid = 0;
	}
}
