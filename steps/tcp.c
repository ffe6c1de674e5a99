/* SPDX-License-Identifier: Apache-2.0 */
/* The action `tcp`: connects, may say something, and may wait for an answer. */
#include "steps/steps.h"

#include "engine/base/json.h"
#include "engine/base/utf8.h"

#include <errno.h>
#include <string.h>
#include <uv.h>

enum { RECEIVED_MAX_BYTES = 64 * 1024, READ_BYTES = 4096 };

static const struct cut_param params[] = {
	{"address", CUT_T_STRING, CUT_P_REQUIRED, NULL, NULL, "host:port, IPv6 as [::1]:port"},
	{"send", CUT_T_STRING, 0, NULL, NULL, "said once connected, as it is"},
	{"expect", CUT_T_STRING, 0, NULL, NULL, "text that the answer must contain"},
	{0},
};

static const struct cut_param outputs[] = {
	{"connected_ms", CUT_T_INT, 0, NULL, NULL, "from the start to the connection"},
	{"received", CUT_T_STRING, 0, NULL, NULL, "what came before the end"},
	{0},
};

/* One attempt. It outlives its call by the closing of its handles. */
struct tcp {
	struct cut_call *call; /* NULL: ended */
	uv_getaddrinfo_t lookup;
	struct addrinfo *addresses, *next; /* owned; the one to be tried next */
	uv_tcp_t socket;
	uv_connect_t connect;
	uv_write_t write;
	int64_t begin, connected;
	char *host, *port; /* owned */
	struct cut_buf received;
	char part[READ_BYTES];
	unsigned busy; /* lookup and socket: what must end before it is freed */
};

static void release(struct tcp *tcp)
{
	if (--tcp->busy)
		return;
	cut_buf_done(&tcp->received);
	uv_freeaddrinfo(tcp->addresses);
	free(tcp->host);
	free(tcp->port);
	free(tcp);
}

static void on_closed(uv_handle_t *handle)
{
	release(handle->data);
}

static void end(struct tcp *tcp, enum cut_status status, const char *text)
{
	struct cut_call *call = tcp->call;
	cut_auto(cut_buf) struct cut_buf received = {0};

	if (!call)
		return;
	tcp->call = NULL;
	cut_utf8_add_clean(&received, cut_buf_str(&tcp->received), tcp->received.len);
	call->api->done(call, status, text,
			status == CUT_OK ? json_pack("{s:I, s:s}", "connected_ms",
						     (json_int_t)(tcp->connected - tcp->begin),
						     "received", cut_buf_str(&received))
					 : NULL);
	if (!uv_is_closing((uv_handle_t *)&tcp->socket))
		uv_close((uv_handle_t *)&tcp->socket, on_closed);
	uv_cancel(
		(uv_req_t *)&tcp
			->lookup); /* fails where it is over or under way: then it ends by itself */
}

static void end_because(struct tcp *tcp, const char *what, int error)
{
	cut_auto(cut_str) char *text =
		cut_printf("%s %s:%s: %s", what, tcp->host, tcp->port, uv_strerror(error));

	end(tcp, CUT_RETRY, text);
}

static bool is_answered(const struct tcp *tcp)
{
	const char *expect = cut_json_str(tcp->call->params, "expect", NULL);

	return !expect || (tcp->received.len &&
			   memmem(tcp->received.data, tcp->received.len, expect, strlen(expect)));
}

static void give_room(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
	struct tcp *tcp = handle->data;

	*ret = uv_buf_init(tcp->part, sizeof(tcp->part));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct tcp *tcp = stream->data;

	if (!tcp->call || n == 0)
		return;
	if (n == UV_EOF)
		end(tcp, CUT_RETRY, "the other side closed before it said what is expected");
	else if (n < 0)
		end_because(tcp, "reading from", (int)n);
	else if (cut_buf_add(&tcp->received, buf->base, (size_t)n) < 0)
		end(tcp, CUT_RETRY, "64 KiB came without what is expected");
	else if (is_answered(tcp))
		end(tcp, CUT_OK, NULL);
}

static void on_written(uv_write_t *write, int status)
{
	struct tcp *tcp = cut_container(write, struct tcp, write);

	if (tcp->call && status < 0)
		end_because(tcp, "writing to", status);
	else if (tcp->call && is_answered(tcp))
		end(tcp, CUT_OK, NULL);
}

static void on_connected(uv_connect_t *connect, int status);

static void connect_next(struct tcp *tcp)
{
	const struct sockaddr *address = tcp->next->ai_addr;
	int r;

	tcp->next = tcp->next->ai_next;
	r = uv_tcp_connect(&tcp->connect, &tcp->socket, address, on_connected);
	if (r < 0)
		on_connected(&tcp->connect, r);
}

/* A name may have several addresses of which only some answer: localhost is ::1 as well. */
static void on_closed_for_next(uv_handle_t *handle)
{
	struct tcp *tcp = handle->data;

	if (!tcp->call) {
		release(tcp);
		return;
	}
	uv_tcp_init(handle->loop, &tcp->socket);
	tcp->socket.data = tcp;
	connect_next(tcp);
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct tcp *tcp = cut_container(connect, struct tcp, connect);
	const char *text;
	uv_buf_t out;

	if (!tcp->call)
		return;
	if (status < 0 && tcp->next) {
		uv_close((uv_handle_t *)&tcp->socket, on_closed_for_next);
		return;
	}
	if (status < 0) {
		end_because(tcp, "connecting to", status);
		return;
	}
	tcp->connected = tcp->call->api->now(tcp->call);
	text = cut_json_str(tcp->call->params, "send", NULL);
	if (!text && is_answered(tcp)) {
		end(tcp, CUT_OK, NULL);
		return;
	}
	uv_read_start((uv_stream_t *)&tcp->socket, give_room, on_read);
	if (!text)
		return;
	out = uv_buf_init((char *)text, (unsigned)strlen(text)); /* of the parameters */
	uv_write(&tcp->write, (uv_stream_t *)&tcp->socket, &out, 1, on_written);
}

static void on_address(uv_getaddrinfo_t *lookup, int status, struct addrinfo *list)
{
	struct tcp *tcp = cut_container(lookup, struct tcp, lookup);

	tcp->addresses = tcp->next = list;
	if (tcp->call && status == 0)
		connect_next(tcp);
	else if (tcp->call)
		end_because(tcp, "looking for", status);
	release(tcp);
}

static void on_late(struct cut_call *call)
{
	struct tcp *tcp = call->data;

	end(tcp, CUT_FAIL,
	    tcp->connected ? "connected, but what is expected did not come in time"
			   : "no connection in time");
}

/* "host:port" or "[::1]:port". */
static int split_address(const char *address, char **ret_host, char **ret_port)
{
	const char *colon = strrchr(address, ':');
	size_t len = colon ? (size_t)(colon - address) : 0;

	if (!len || !colon[1])
		return -EINVAL;
	if (address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	*ret_host = cut_strndup(address, len);
	*ret_port = cut_strdup(colon + 1);
	return 0;
}

static void tcp_apply(struct cut_call *call)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct uv_loop_s *loop = call->api->loop(call);
	struct tcp *tcp = cut_new(struct tcp);
	int64_t left;

	if (split_address(cut_json_str(call->params, "address", ""), &tcp->host, &tcp->port) < 0) {
		free(tcp);
		call->api->done(call, CUT_FAIL, "address must be host:port", NULL);
		return;
	}
	call->data = tcp;
	tcp->call = call;
	tcp->busy = 2;
	tcp->received.max_bytes = RECEIVED_MAX_BYTES;
	tcp->begin = call->api->now(call);
	left = call->deadline - tcp->begin;
	uv_tcp_init(loop, &tcp->socket);
	tcp->socket.data = tcp;
	call->api->after(call, left > 0 ? left : 0, on_late);
	if (uv_getaddrinfo(loop, &tcp->lookup, on_address, tcp->host, tcp->port, &hints) < 0) {
		tcp->busy--;
		end_because(tcp, "looking for", UV_EAI_NONAME);
	}
}

static void tcp_plan(struct cut_call *call)
{
	call->api->done(call, CUT_OK, "only reads", NULL);
}

static void tcp_cancel(struct cut_call *call)
{
	end(call->data, CUT_CANCELED, "canceled");
}

static int tcp_check(const json_t *p, char *why, size_t len)
{
	cut_auto(cut_str) char *host = NULL;
	cut_auto(cut_str) char *port = NULL;

	if (split_address(cut_json_str(p, "address", ""), &host, &port) == 0)
		return 0;
	snprintf(why, len, "address must be host:port");
	return -EINVAL;
}

const struct cut_action step_tcp = {
	.name = "tcp",
	.help = "connects to a TCP port, may speak and wait for an answer",
	.params = params,
	.outputs = outputs,
	.class = CUT_DECLARATIVE,
	.effects = CUT_READ,
	.check = tcp_check,
	.plan = tcp_plan,
	.apply = tcp_apply,
	.cancel = tcp_cancel,
};
