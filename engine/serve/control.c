/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/control.h"

#include "engine/base/log.h"
#include "engine/base/vec.h"
#include "engine/serve/evaluate.h"
#include "engine/serve/eventfeed.h"
#include "engine/serve/listen.h"
#include "engine/serve/orders.h"
#include "engine/serve/peer.h"
#include "engine/serve/reply.h"
#include "engine/serve/statusfeed.h"

#include <errno.h>
#include <unistd.h>
#include <uv.h>

#define BODY_MAX_BYTES (64u * 1024)
#define STREAM_EVERY   20   /* ms: people do not read faster, and each sending wakes the reader */
#define LOOK_EVERY     2000 /* ms between looks who of those that follow has gone */
/* How long an order waits for the disk, below what its client does; on a full one for room. */
#define SYNC_PATIENCE  20000	    /* ms */
#define ROOM_PATIENCE  3000	    /* ms */
#define PATIENCE_EVERY 500	    /* ms */
#define ORDERS	       "/v1/orders" /* where whoever is refused is journaled */
/* Who says nothing makes room; who has no business here leaves some for those who have. */
#define STRANGERS_MAX 64u
#define SILENCE_S     20u

/* A request on its way, from its first header to its end. */
struct request {
	struct cut_control *control;
	struct MHD_Connection *connection;
	int fd; /* borrowed */
	struct cut_person who;
	struct cut_buf body;
	/* an order that waits for the disk */
	cut_time asked;	   /* boot clock */
	uint64_t wait_seq; /* 0: not taken yet */
	struct cut_buf reply;
	unsigned status;
	struct cut_event_feed *events; /* owned; NULL: it is no stream */
	bool suspended;
};

struct cut_control {
	struct cut_driver *driver;
	struct MHD_Daemon *daemon;
	struct cut_listener *listener; /* owned */
	uv_poll_t poll;
	struct cut_bell *again;	   /* the daemon has more to do; owned, as the next three */
	struct cut_bell *patience; /* set while an order waits */
	struct cut_bell *stream;   /* set: what is synced meanwhile goes out when it is due */
	struct cut_bell *look;	   /* set while there are event streams */
	struct {
		CUT_VEC(struct request *); /* suspended ones and streams */
	} requests;
	unsigned strangers; /* connections of theirs */
	uint64_t synced;
	void (*heard)(void *data); /* or NULL */
	void *heard_data;
	bool ended;
	json_t *fault; /* owned: why there will be no more records; or NULL */
};

static size_t streams_open(const struct cut_control *c)
{
	size_t n = 0;

	cut_vec_foreach (&c->requests, q)
		n += (*q)->events != NULL;
	return n;
}

static cut_time now(const struct cut_control *c)
{
	return cut_world_boot(c->again->world);
}

/* One piece of each answer that can go on; the next ones in turns of their own. */
static void run_daemon(struct cut_control *c)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(c->daemon);
	if (MHD_get_timeout(c->daemon, &ms) == MHD_NO)
		cut_bell_set(c->again, CUT_NEVER);
	else
		cut_bell_set(c->again, ms > 0 ? now(c) + (cut_time)ms : CUT_SOON);
	if (c->heard && streams_open(c) == 0) {
		void (*heard)(void *data) = c->heard;

		c->heard = NULL;
		heard(c->heard_data);
	}
}

static void on_again(void *data)
{
	run_daemon(data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	run_daemon(cut_container(poll, struct cut_control, poll));
}

static void request_suspend(struct request *q)
{
	q->suspended = true;
	MHD_suspend_connection(q->connection);
}

static void request_resume(struct request *q)
{
	if (!q->suspended)
		return;
	q->suspended = false;
	MHD_resume_connection(q->connection);
}

/* Lets MHD go on with what was resumed; on the next turn, as we may be within one of its callbacks.
 */
static void resume_soon(struct cut_control *c)
{
	cut_bell_set(c->again, CUT_SOON);
}

/* --- event streams --- */

static ssize_t events_read(void *data, uint64_t pos, char *buf, size_t max)
{
	struct request *q = data;
	const struct cut_control *c = q->control;
	ssize_t n = cut_event_feed_read(q->events,
					&(struct cut_event_feed_state){
						.synced = c->synced,
						.fault = c->fault,
						.ended = c->ended,
					},
					buf, max);

	if (n == 0 && cut_peer_hung_up(q->fd)) /* the daemon asks for nobody whom it suspended */
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n == 0)
		request_suspend(q);
	if (n < 0)
		return n == -ENODATA ? MHD_CONTENT_READER_END_OF_STREAM
				     : MHD_CONTENT_READER_END_WITH_ERROR;
	return n;
}

static void look_later(struct cut_control *c)
{
	cut_bell_set(c->look, now(c) + LOOK_EVERY);
}

static enum MHD_Result serve_events(struct request *q)
{
	const char *last =
		MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, "Last-Event-ID");

	q->events = cut_event_feed_new(cut_driver_options(q->control->driver)->dir,
				       last ? strtoull(last, NULL, 10) : 0);
	MHD_set_connection_option(q->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
	if (q->control->look->at == CUT_NEVER)
		look_later(q->control);
	return cut_reply_pieces(q->connection, "text/event-stream", events_read, q, NULL);
}

/* --- status, orders, expressions --- */

static ssize_t status_read(void *feed, uint64_t pos, char *buf, size_t max)
{
	size_t n = cut_status_feed_read(feed, buf, max);

	return n ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

static enum MHD_Result serve_status(struct request *q)
{
	return cut_reply_pieces(q->connection, "application/json", status_read,
				cut_status_feed_new(q->control->driver), cut_status_feed_free);
}

static bool disk_full(const struct cut_control *c)
{
	return cut_journal_is_full(cut_driver_options(c->driver)->journal);
}

static bool is_overdue(const struct request *q)
{
	cut_time patience = disk_full(q->control) ? ROOM_PATIENCE : SYNC_PATIENCE;

	return now(q->control) - q->asked >= patience;
}

static bool is_order_waiting(const struct request *q)
{
	return q->suspended && !q->events;
}

/* Those that need not wait any longer go on; also in vain. */
static void on_patience(void *data)
{
	struct cut_control *c = data;
	bool left = false;

	cut_vec_foreach (&c->requests, q) {
		if (!is_order_waiting(*q))
			continue;
		if (is_overdue(*q) || ((*q)->wait_seq == 0 && !disk_full(c)))
			request_resume(*q);
		else
			left = true;
	}
	if (left)
		cut_bell_set(c->patience, now(c) + PATIENCE_EVERY);
	resume_soon(c);
}

static enum MHD_Result order_wait(struct request *q)
{
	struct cut_control *c = q->control;

	request_suspend(q);
	if (c->patience->at == CUT_NEVER)
		cut_bell_set(c->patience, now(c) + PATIENCE_EVERY);
	return MHD_YES;
}

static enum MHD_Result answer_order(struct request *q)
{
	cut_auto(cut_err) struct cut_err err = {0};

	if (q->wait_seq <= q->control->synced || q->control->fault)
		return cut_reply_text(q->connection, q->status, &q->reply);
	cut_order_unsafe(disk_full(q->control), &err);
	return cut_reply_error(q->connection, &err);
}

/* Takes the order, then holds the answer back until its record is on disk. */
static enum MHD_Result serve_order(struct request *q)
{
	cut_auto(cut_json) json_t *order = NULL, *reply = NULL;
	cut_auto(cut_err) struct cut_err err = {0};
	int r;

	if (cut_json_parse(cut_buf_str(&q->body), q->body.len, "the order", &order, &err) < 0)
		return cut_reply_error(q->connection, &err);
	if (disk_full(q->control) && cut_order_needs_room(order, &err))
		return is_overdue(q) ? cut_reply_error(q->connection, &err) : order_wait(q);
	reply = json_object();
	r = cut_order_give(q->control->driver, &q->who, order, &q->wait_seq, reply, &err);
	if (r < 0) {
		json_decref(reply);
		q->status = cut_reply_error_status(&err);
		reply = cut_reply_error_json(&err);
	} else {
		q->status = MHD_HTTP_OK;
		json_object_set_new(reply, "ok", json_true());
		json_object_set_new(reply, "seq", json_integer((json_int_t)q->wait_seq));
	}
	cut_json_canonical(reply, &q->reply);
	cut_buf_add_char(&q->reply, '\n');
	if (q->wait_seq <= q->control->synced)
		return answer_order(q);
	return order_wait(q);
}

static enum MHD_Result serve_eval(struct request *q)
{
	cut_auto(cut_json) json_t *ask = NULL, *reply = NULL;
	cut_auto(cut_err) struct cut_err err = {0};

	if (cut_json_parse(cut_buf_str(&q->body), q->body.len, "the request", &ask, &err) < 0 ||
	    cut_evaluate_live(q->control->driver, ask, &reply, &err) < 0)
		return cut_reply_error(q->connection, &err);
	return cut_reply_json(q->connection, MHD_HTTP_OK, reply);
}

static const struct route {
	const char *method, *path;
	enum MHD_Result (*serve)(struct request *q);
} routes[] = {
	{"GET", "/v1/status", serve_status},
	{"GET", "/v1/events", serve_events},
	{"POST", ORDERS, serve_order},
	{"POST", "/v1/eval", serve_eval},
};

static enum MHD_Result dispatch(struct request *q, const char *method, const char *path)
{
	bool known = false;

	for (size_t i = 0; i < CUT_ARRAY_LEN(routes); i++) {
		if (strcmp(routes[i].path, path) != 0)
			continue;
		known = true;
		if (strcmp(routes[i].method, method) == 0)
			return routes[i].serve(q);
	}
	return known ? cut_reply_refusal(q->connection, -EINVAL, "the method is another",
					 "no such request")
		     : cut_reply_refusal(q->connection, -ENOENT, "there is no such path",
					 "no such request");
}

/* --- connections and requests --- */

static int fd_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static void on_connection(void *data, struct MHD_Connection *connection, void **is_stranger,
			  enum MHD_ConnectionNotificationCode code)
{
	struct cut_control *c = data;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		c->strangers -= *is_stranger != NULL;
		return;
	}
	if (cut_person_may_look(c->driver, cut_peer_uid(fd_of(connection))))
		return;
	*is_stranger = c;
	if (++c->strangers > STRANGERS_MAX)
		shutdown(fd_of(connection), SHUT_RDWR); /* the daemon sees its end, and closes it */
}

static struct request *request_new(struct cut_control *c, struct MHD_Connection *connection)
{
	struct request *q = cut_new(struct request);

	q->control = c;
	q->connection = connection;
	q->fd = fd_of(connection);
	q->asked = now(c);
	q->body.max_bytes = BODY_MAX_BYTES;
	q->who = cut_person_of(c->driver, cut_peer_uid(q->fd));
	cut_vec_push(&c->requests, q);
	return q;
}

static void on_request_end(void *data, struct MHD_Connection *connection, void **state,
			   enum MHD_RequestTerminationCode code)
{
	struct request *q = *state;
	struct cut_control *c = data;

	if (!q)
		return;
	for (size_t i = 0; i < c->requests.len; i++) {
		if (c->requests.items[i] == q) {
			cut_vec_remove(&c->requests, i);
			break;
		}
	}
	cut_event_feed_free(q->events);
	cut_buf_done(&q->body);
	cut_buf_done(&q->reply);
	free(q);
	*state = NULL;
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_len, void **state)
{
	struct request *q = *state;

	if (!q) {
		*state = request_new(data, connection);
		return MHD_YES;
	}
	if (*upload_len > 0) {
		cut_buf_add(&q->body, upload, *upload_len);
		*upload_len = 0;
		return MHD_YES;
	}
	if (q->wait_seq > 0) /* resumed: its record is on disk, or it has waited for long */
		return answer_order(q);
	if (q->body.error)
		return cut_reply_refusal(q->connection, -EINVAL, "it is larger than 64 KiB",
					 "not read");
	if (strcmp(url, ORDERS) != 0 && !cut_person_may_look(q->control->driver, q->who.uid))
		return cut_reply_refusal(
			q->connection, -EPERM,
			"you are neither an operator of this run nor in a role of it",
			"not allowed");
	return dispatch(q, method, url);
}

/* --- the socket --- */

static void streams_resume(struct cut_control *c)
{
	bool any = false;

	cut_vec_foreach (&c->requests, q) {
		any |= (*q)->events && (*q)->suspended;
		if ((*q)->events)
			request_resume(*q);
	}
	if (any)
		resume_soon(c);
}

static void on_stream(void *data)
{
	streams_resume(data);
}

static void on_look(void *data)
{
	struct cut_control *c = data;

	streams_resume(c);
	if (streams_open(c) > 0)
		look_later(c);
}

int cut_control_start(const char *path, struct cut_driver *driver, struct cut_control **ret,
		      struct cut_err *err)
{
	const union MHD_DaemonInfo *info;
	struct cut_world *world = cut_driver_options(driver)->world;
	struct cut_control *c;
	struct cut_listener *listener;
	int r = cut_listener_new(world, path, &listener, err);

	if (r < 0)
		return r;
	c = cut_new(struct cut_control);
	c->driver = driver;
	c->listener = listener;
	c->synced = cut_driver_synced(driver);
	c->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		on_request, c, MHD_OPTION_NOTIFY_COMPLETED, on_request_end, c,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, c, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)(64 * 1024), MHD_OPTION_CONNECTION_LIMIT, CUT_CLIENTS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S, MHD_OPTION_END);
	if (!c->daemon) {
		cut_listener_free(listener);
		free(c);
		return cut_err_set(err, -EIO, "the HTTP server did not start", NULL,
				   "cannot listen at %s", path);
	}
	info = MHD_get_daemon_info(c->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	c->again = cut_bell_new(world, on_again, c);
	c->patience = cut_bell_new(world, on_patience, c);
	c->stream = cut_bell_new(world, on_stream, c);
	c->look = cut_bell_new(world, on_look, c);
	c->again->idle = c->patience->idle = c->stream->idle = c->look->idle = true;
	uv_poll_init(world->loop, &c->poll, info->epoll_fd);
	uv_poll_start(&c->poll, UV_READABLE, on_readable);
	cut_listener_start(listener, c->daemon);
	*ret = c;
	return 0;
}

void cut_control_synced(struct cut_control *c, uint64_t seq)
{
	bool any = false;

	if (!c)
		return;
	c->synced = seq;
	cut_vec_foreach (&c->requests, q) {
		if (!is_order_waiting(*q) || (*q)->wait_seq > seq)
			continue;
		request_resume(*q);
		any = true;
	}
	if (any)
		resume_soon(c);
	if (c->stream->at != CUT_NEVER)
		return;
	streams_resume(c);
	cut_bell_set(c->stream, now(c) + STREAM_EVERY);
}

void cut_control_ended(struct cut_control *c)
{
	c->ended = true;
	streams_resume(c);
}

void cut_control_broken(struct cut_control *c, const struct cut_err *why)
{
	c->fault = cut_reply_error_json(why);
	cut_vec_foreach (&c->requests, q) {
		if (is_order_waiting(*q) && (*q)->wait_seq > 0) { /* others are refused anew */
			(*q)->status = cut_reply_error_status(why);
			cut_buf_reset(&(*q)->reply);
			cut_json_canonical(c->fault, &(*q)->reply);
		}
		request_resume(*q);
	}
	resume_soon(c);
}

void cut_control_when_heard(struct cut_control *c, void (*fn)(void *data), void *data)
{
	c->heard = fn;
	c->heard_data = data;
	resume_soon(c);
}

static void on_closed(uv_handle_t *handle)
{
	struct cut_control *c = handle->data;

	cut_vec_done(&c->requests);
	json_decref(c->fault);
	free(c);
}

void cut_control_stop(struct cut_control *c)
{
	if (!c)
		return;
	cut_vec_foreach (&c->requests, q)
		request_resume(*q);
	uv_poll_stop(&c->poll);
	cut_listener_free(c->listener);
	MHD_stop_daemon(c->daemon); /* ends every request */
	cut_bell_free(c->again);
	cut_bell_free(c->patience);
	cut_bell_free(c->stream);
	cut_bell_free(c->look);
	c->poll.data = c;
	uv_close((uv_handle_t *)&c->poll, on_closed);
}
