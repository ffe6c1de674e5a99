/* SPDX-License-Identifier: Apache-2.0 */
/* One request to one server and its reply: UDP with retransmission of the same octets, TCP where
 * the message is long, the reply says so or UDP stays silent. Knows nothing of what is asked: whom
 * to believe is the judge's word. Used by ask.c and update.c. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <uv.h>

#define DNS_UDP_MAX_BYTES 512 /* longer requests go over TCP at once */
#define DNS_MAX_BYTES	  65535

union dns_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

enum dns_judgement {
	DNS_TAKE,     /* this is the reply */
	DNS_IGNORE,   /* not ours or forged: go on waiting */
	DNS_OVER_TCP, /* truncated: ask again over TCP */
};

struct dns_request {
	const union dns_address *to;
	const uint8_t *bytes; /* copied */
	size_t len;
	enum dns_judgement (*judge)(void *data, const uint8_t *reply, size_t len);
	/* Exactly once, never from within start: 0, or -ETIMEDOUT, -ECONNREFUSED … */
	void (*done)(void *data, int error);
	void *data;
};

struct dns_exchange;

struct dns_exchange *dns_exchange_start(uv_loop_t *loop, const struct dns_request *request);
/* done is not called. NULL is fine; so is an exchange whose done runs just now. */
void dns_exchange_cancel(struct dns_exchange *exchange);
