/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges with DNS servers on libuv; see transport.h. An exchange has one timer and at any time
 * one socket. It frees itself when the last of its handles has closed. */
#include "dns/transport.h"

#include "kit/kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRY_MS	  2000
#define UDP_TRIES 3

struct dns_exchange {
	struct dns_request request;
	union dns_address to;
	uint8_t *bytes; /* owned: room for the length that TCP wants, then the request */
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_udp_t udp;
	uv_tcp_t tcp;
	uv_connect_t connect;
	uv_write_t write;
	unsigned handles; /* open ones; the exchange is freed at zero */
	unsigned tries;
	int error; /* reported by the timer, so never from within start */
	bool udp_open, tcp_open, over;
	bool silent;	/* UDP brought no answer: whatever TCP says then, that is the news */
	uint8_t *reply; /* owned */
	size_t reply_len;
};

static void start_tcp(struct dns_exchange *x);

static void on_close(uv_handle_t *handle)
{
	struct dns_exchange *x = handle->data;

	if (--x->handles)
		return;
	free(x->bytes);
	free(x->reply);
	free(x);
}

static void close_udp(struct dns_exchange *x)
{
	if (x->udp_open)
		uv_close((uv_handle_t *)&x->udp, on_close);
	x->udp_open = false;
}

static void end(struct dns_exchange *x)
{
	if (x->over)
		return;
	x->over = true;
	close_udp(x);
	if (x->tcp_open)
		uv_close((uv_handle_t *)&x->tcp, on_close);
	uv_close((uv_handle_t *)&x->timer, on_close);
}

void dns_exchange_cancel(struct dns_exchange *exchange)
{
	if (exchange)
		end(exchange);
}

static void finish(struct dns_exchange *x, int error)
{
	struct dns_request request = x->request;

	if (x->over)
		return;
	end(x);
	request.done(request.data, error && x->silent ? -ETIMEDOUT : error);
}

static void on_failed(uv_timer_t *timer)
{
	struct dns_exchange *x = timer->data;

	finish(x, x->error);
}

/* Ends with an error from the loop, not from the caller's stack. */
static void fail_soon(struct dns_exchange *x, int error)
{
	x->error = error;
	uv_timer_start(&x->timer, on_failed, 0, 0);
}

/* Whether the reply was taken; then the exchange is over. */
static bool judge(struct dns_exchange *x, const uint8_t *reply, size_t len, bool tcp)
{
	switch (x->request.judge(x->request.data, reply, len)) {
	case DNS_TAKE: finish(x, 0); return true;
	case DNS_OVER_TCP:
		if (!tcp)
			start_tcp(x);
		else
			finish(x, -EPROTO);
		return true;
	case DNS_IGNORE: break;
	}
	return false;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct dns_exchange *x = handle->data;

	(void)suggested;
	*buf = uv_buf_init((char *)x->reply + x->reply_len,
			   (unsigned)(DNS_MAX_BYTES + 2 - x->reply_len));
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
			unsigned flags)
{
	struct dns_exchange *x = udp->data;

	(void)from; /* the socket is connected: the kernel drops what comes from others */
	if (x->over || !x->udp_open)
		return;
	if (n < 0)
		finish(x, (int)n);
	else if (n > 0 && !(flags & UV_UDP_PARTIAL))
		judge(x, (const uint8_t *)buf->base, (size_t)n, false);
}

static void on_try(uv_timer_t *timer)
{
	struct dns_exchange *x = timer->data;
	uv_buf_t buf = uv_buf_init((char *)x->bytes + 2, (unsigned)x->request.len);
	int r;

	if (x->tries++ == UDP_TRIES) {
		x->silent = true;
		start_tcp(x);
		return;
	}
	r = uv_udp_try_send(&x->udp, &buf, 1, NULL);
	if (r < 0 && r != UV_EAGAIN) {
		finish(x, r);
		return;
	}
	uv_timer_start(&x->timer, on_try, TRY_MS, 0);
}

static void on_silence(uv_timer_t *timer)
{
	finish(timer->data, -ETIMEDOUT);
}

static void on_stream(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct dns_exchange *x = stream->data;
	size_t len;

	(void)buf;
	if (x->over)
		return;
	if (n < 0) {
		finish(x, n == UV_EOF ? -ECONNRESET : (int)n);
		return;
	}
	x->reply_len += (size_t)n;
	while (x->reply_len >= 2) {
		len = (size_t)x->reply[0] << 8 | x->reply[1];
		if (x->reply_len < len + 2 || judge(x, x->reply + 2, len, true))
			return;
		x->reply_len -= len + 2;
		memmove(x->reply, x->reply + len + 2, x->reply_len);
	}
}

static void on_written(uv_write_t *write, int status)
{
	struct dns_exchange *x = write->data;

	if (status < 0)
		finish(x, status);
}

static void on_connect(uv_connect_t *connect, int status)
{
	struct dns_exchange *x = connect->data;
	uv_buf_t buf = uv_buf_init((char *)x->bytes, (unsigned)x->request.len + 2);

	if (x->over)
		return;
	if (status >= 0)
		status = uv_read_start((uv_stream_t *)&x->tcp, on_alloc, on_stream);
	if (status >= 0)
		status = uv_write(&x->write, (uv_stream_t *)&x->tcp, &buf, 1, on_written);
	if (status < 0)
		finish(x, status);
}

static void start_tcp(struct dns_exchange *x)
{
	int r;

	close_udp(x);
	x->reply_len = 0;
	uv_timer_start(&x->timer, on_silence, (uint64_t)TRY_MS * 2, 0);
	r = uv_tcp_init(x->loop, &x->tcp);
	if (r == 0) {
		x->tcp.data = x->connect.data = x->write.data = x;
		x->tcp_open = true;
		x->handles++;
		r = uv_tcp_connect(&x->connect, &x->tcp, &x->to.any, on_connect);
	}
	if (r < 0)
		fail_soon(x, r);
}

static void start_udp(struct dns_exchange *x)
{
	int r = uv_udp_init(x->loop, &x->udp);

	if (r == 0) {
		x->udp.data = x;
		x->udp_open = true;
		x->handles++;
		r = uv_udp_connect(&x->udp, &x->to.any);
	}
	if (r == 0)
		r = uv_udp_recv_start(&x->udp, on_alloc, on_datagram);
	if (r == 0)
		uv_timer_start(&x->timer, on_try, 0, 0);
	else
		fail_soon(x, r);
}

struct dns_exchange *dns_exchange_start(uv_loop_t *loop, const struct dns_request *request)
{
	struct dns_exchange *x = kit_new(struct dns_exchange);

	x->request = *request;
	x->to = *request->to;
	x->loop = loop;
	x->bytes = kit_calloc(request->len + 2, 1);
	x->bytes[0] = (uint8_t)(request->len >> 8);
	x->bytes[1] = (uint8_t)request->len;
	memcpy(x->bytes + 2, request->bytes, request->len);
	x->reply = kit_calloc(DNS_MAX_BYTES + 2, 1);
	uv_timer_init(loop, &x->timer);
	x->timer.data = x;
	x->handles = 1;
	if (request->len > DNS_UDP_MAX_BYTES)
		start_tcp(x);
	else
		start_udp(x);
	return x;
}
