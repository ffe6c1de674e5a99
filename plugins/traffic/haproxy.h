/* SPDX-License-Identifier: Apache-2.0 */
/* One command to the runtime socket of one HAProxy, and its reply. Used by balancer.c; what replies
 * mean is told in state.c. */
#pragma once

#include "kit/kit.h"

#include <netinet/in.h>
#include <sys/un.h>
#include <uv.h>

#define HAPROXY_REPLY_MAX (8u << 20)

struct haproxy_socket {
	char *text; /* owned: the path, or ip:port */
	bool is_path;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address;
};

int haproxy_socket_parse(const char *text, struct haproxy_socket *ret, struct kit_why *why);

/* error 0: reply is the whole text, NUL-terminated, valid during the callback. Else negative errno;
 * sent tells whether the command may have been carried out. */
typedef void haproxy_reply_fn(void *data, int error, bool sent, const char *reply);

struct haproxy_ask;
/* fn is called exactly once, never from within start. command without its line end; copied. */
struct haproxy_ask *haproxy_ask_start(uv_loop_t *loop, const struct haproxy_socket *socket,
				      const char *command, haproxy_reply_fn *fn, void *data);
/* fn is not called. NULL is fine. */
void haproxy_ask_cancel(struct haproxy_ask *ask);
