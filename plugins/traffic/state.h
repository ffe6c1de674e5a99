/* SPDX-License-Identifier: Apache-2.0 */
/* What HAProxy says about one backend, read from its text and CSV by the names in their headings.
 * Pure; used by balancer.c and the actions. */
#pragma once

#include "kit/kit.h"

#define STATE_NAME_LEN 128

/* Bits of srv_admin_state that an operator sets. */
enum {
	STATE_MAINT = 0x01,
	STATE_DRAIN = 0x08,
};

struct state_server {
	char name[STATE_NAME_LEN];
	unsigned weight, configured; /* now; in the configuration */
	unsigned admin;
	char status[32]; /* "UP", "DOWN", "DRAIN", "MAINT", "no check" */
	bool up;	 /* takes new requests */
	bool backup;	 /* takes some only while no other server is up */
	bool sticky;	 /* has a cookie: clients that know it stay with it */
	unsigned long current, queued;
};

struct state {
	struct state_server *list; /* owned */
	size_t n;
	char algorithm[32]; /* "roundrobin"; empty where HAProxy does not tell */
};

void state_done(struct state *state);
struct state_server *state_find(const struct state *state, const char *name);
/* "ready", "drain", "maint": the word for `set server … state`. */
const char *state_admin_word(unsigned admin);

/* `show servers state BACKEND`: name, weights, admin of each server. -ENOENT: no such backend. */
int state_read_servers(struct state *ret, const char *backend, const char *text,
		       struct kit_why *why);
/* `show stat BACKEND 6 -1`: the rest of servers that are there already, and the algorithm. */
int state_read_stat(struct state *state, const char *backend, const char *text,
		    struct kit_why *why);

/* `show sess`: the age of the oldest session with this server, in seconds; 0: none. */
double state_oldest_session(const char *text, const char *backend, const char *server);

/* Share of each server of what the backend takes now: weights of those that are up, backups apart.
 * {server: share}, new reference; all zero where nothing is up. */
json_t *state_shares(const struct state *state);
