/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime socket of HAProxy on libuv; see haproxy.h. A connection a command: HAProxy closes
 * after its reply, which is how the end of the reply is known. */
#include "traffic/haproxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_MS    2000
#define REPLY_PARTS 10 /* a pause of this machine, however long, is one of them */

struct haproxy_ask {
	uv_loop_t *loop;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	} link;
	uv_timer_t timer;
	uv_connect_t connect;
	uv_write_t write;
	haproxy_reply_fn *fn;
	void *data;
	char *command; /* owned, with its line end */
	char *reply;   /* owned */
	size_t len, cap;
	unsigned handles, parts;
	int error; /* of the start, told by the timer */
	bool sent, over;
};

int haproxy_socket_parse(const char *text, struct haproxy_socket *ret, struct kit_why *why)
{
	struct haproxy_socket socket = {.is_path = strchr(text, '/') != NULL};
	const char *colon = strrchr(text, ':');
	unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;
	char host[64];

	if (socket.is_path) {
		struct sockaddr_un un;

		if (strlen(text) >= sizeof(un.sun_path))
			return kit_why(why, -ENAMETOOLONG,
				       "the path %s is too long for a socket: at most %zu octets",
				       text, sizeof(un.sun_path) - 1);
	} else {
		bool v6 = *text == '[' && colon > text + 1 && colon[-1] == ']';
		int len = (int)(colon - text) - (v6 ? 2 : 0);

		if (!colon || port < 1 || port > 65535 || len < 1 || (size_t)len >= sizeof(host))
			return kit_why(
				why, -EINVAL,
				"%s is not a runtime socket: give its path (with a slash), or "
				"ip:port",
				text);
		snprintf(host, sizeof(host), "%.*s", len, text + v6);
		if ((v6 ? uv_ip6_addr(host, (int)port, &socket.address.v6)
			: uv_ip4_addr(host, (int)port, &socket.address.v4)) != 0)
			return kit_why(why, -EINVAL,
				       "%s is not an address: names are not looked "
				       "up in a cutover, give ip:port",
				       text);
	}
	socket.text = kit_strdup(text);
	*ret = socket;
	return 0;
}

static void on_close(uv_handle_t *handle)
{
	struct haproxy_ask *ask = handle->data;

	if (--ask->handles)
		return;
	free(ask->command);
	free(ask->reply);
	free(ask);
}

void haproxy_ask_cancel(struct haproxy_ask *ask)
{
	if (!ask || ask->over)
		return;
	ask->over = true;
	uv_close(&ask->link.handle, on_close);
	uv_close((uv_handle_t *)&ask->timer, on_close);
}

static void finish(struct haproxy_ask *ask, int error)
{
	if (ask->over)
		return;
	haproxy_ask_cancel(ask);
	ask->fn(ask->data, error, ask->sent, ask->reply ? ask->reply : "");
}

static void on_failed(uv_timer_t *timer)
{
	struct haproxy_ask *ask = timer->data;

	finish(ask, ask->error);
}

static void on_silence(uv_timer_t *timer)
{
	struct haproxy_ask *ask = timer->data;

	if (++ask->parts == REPLY_PARTS)
		finish(ask, -ETIMEDOUT);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct haproxy_ask *ask = handle->data;

	(void)suggested;
	if (ask->cap - ask->len < 4096) {
		ask->cap = ask->cap ? ask->cap * 2 : 16384;
		ask->reply = kit_realloc(ask->reply, ask->cap, 1);
	}
	*buf = uv_buf_init(ask->reply + ask->len, (unsigned)(ask->cap - ask->len - 1));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct haproxy_ask *ask = stream->data;

	(void)buf;
	if (ask->over)
		return;
	if (n > 0)
		ask->len += (size_t)n;
	if (ask->reply)
		ask->reply[ask->len] = '\0';
	if (ask->len > HAPROXY_REPLY_MAX)
		finish(ask, -EMSGSIZE);
	else if (n == UV_EOF) /* even "done" is an empty line: nothing at all is no reply */
		finish(ask, ask->len ? 0 : -ECONNRESET);
	else if (n < 0)
		finish(ask, (int)n);
}

static void on_written(uv_write_t *write, int status)
{
	struct haproxy_ask *ask = write->data;

	if (status < 0)
		finish(ask, status);
}

static void on_connect(uv_connect_t *connect, int status)
{
	struct haproxy_ask *ask = connect->data;
	uv_buf_t buf = uv_buf_init(ask->command, (unsigned)strlen(ask->command));

	if (ask->over)
		return;
	if (status >= 0)
		status = uv_read_start(&ask->link.stream, on_alloc, on_read);
	if (status >= 0) {
		ask->sent = true;
		status = uv_write(&ask->write, &ask->link.stream, &buf, 1, on_written);
	}
	if (status < 0)
		finish(ask, status);
}

struct haproxy_ask *haproxy_ask_start(uv_loop_t *loop, const struct haproxy_socket *socket,
				      const char *command, haproxy_reply_fn *fn, void *data)
{
	struct haproxy_ask *ask = kit_new(struct haproxy_ask);

	ask->loop = loop;
	ask->fn = fn;
	ask->data = data;
	ask->command = kit_printf("%s\n", command);
	uv_timer_init(loop, &ask->timer);
	if (socket->is_path)
		uv_pipe_init(loop, &ask->link.pipe, 0);
	else
		uv_tcp_init(loop, &ask->link.tcp);
	ask->handles = 2;
	ask->link.handle.data = ask->timer.data = ask->connect.data = ask->write.data = ask;
	uv_timer_start(&ask->timer, on_silence, REPLY_MS / REPLY_PARTS, REPLY_MS / REPLY_PARTS);
	if (socket->is_path)
		uv_pipe_connect(&ask->connect, &ask->link.pipe, socket->text, on_connect);
	else
		ask->error = uv_tcp_connect(&ask->connect, &ask->link.tcp, &socket->address.any,
					    on_connect);
	if (ask->error < 0)
		uv_timer_start(&ask->timer, on_failed, 0, 0);
	return ask;
}
