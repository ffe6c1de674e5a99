/* SPDX-License-Identifier: Apache-2.0 */
/* A connection {plugin: traffic, provider: haproxy} during one operation: the backend as every one
 * of its HAProxy processes shows it, and commands to them one after the other. shift.c and drain.c
 * decide; call->data points to the struct balancer at the head of their own. */
#pragma once

#include "traffic/haproxy.h"
#include "traffic/state.h"

extern const struct cut_param balancer_connection_params[];

struct balancer_command {
	size_t socket;
	char *text; /* owned */
	int (*take)(struct balancer_command *command, const char *reply, struct kit_why *why);
	struct balancer *balancer;
};

struct balancer {
	struct cut_call *call;
	enum kit_op op;
	char *backend;			/* owned */
	struct haproxy_socket *sockets; /* owned */
	struct state *states;		/* owned: one a socket */
	size_t n_sockets;
	char **lost;	  /* owned: why a rollback goes on without this one; NULL: it does not */
	unsigned changes; /* commands that changed something and were answered well */
	void (*free)(struct balancer *balancer); /* the whole operation's own; borrowed code */
	/* private */
	struct balancer_command *script; /* owned */
	size_t n_script, next;
	struct haproxy_ask *ask;
	void (*then)(struct balancer *balancer);
};

/* Opens the connection that the parameter `balancer` names; false: the call has ended. */
bool balancer_open(struct balancer *b, struct cut_call *call, void (*free_fn)(struct balancer *));
/* Ends the call and frees the operation; data is stolen. */
void balancer_end(struct balancer *b, enum cut_status status, json_t *data, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void balancer_cancel(struct cut_call *call);

/* Reads the backend at every socket, then calls then; ends the call where one cannot be read. */
void balancer_read(struct balancer *b, void (*then)(struct balancer *));

/* Commands that are to answer with an empty line. Collected, then sent in order; the first that
 * fails ends the call. `at`: which socket. */
void balancer_add(struct balancer *b, size_t at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for one whose reply take() reads; it changes nothing. */
void balancer_add_question(struct balancer *b, size_t at, const char *text,
			   int (*take)(struct balancer_command *, const char *, struct kit_why *));
void balancer_send(struct balancer *b, void (*then)(struct balancer *));

/* Ends a rollback: well, unless some proxy was lost on the way. */
void balancer_end_rollback(struct balancer *b, const char *text);

/* The mean of what all sockets show, {server: share}; new reference. */
json_t *balancer_shares(const struct balancer *b);
