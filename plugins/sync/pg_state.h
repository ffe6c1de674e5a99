/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's insides, shared by pg.c, which drives libpq, and pg_pool.c, which lends it out. */
#pragma once

#include "sync/dsn.h"
#include "sync/pg.h"

#include <uv.h>

enum pg_state { PG_RESOLVING, PG_CONNECTING, PG_SETTLING, PG_IDLE, PG_ASKING, PG_DEAD };

struct pg {
	uv_loop_t *loop;
	struct pg_pool *pool; /* where it is kept while nobody has it */
	struct pg *next;      /* there */
	void (*on_idle_lost)(struct pg *pg);
	struct cut_call *call; /* of who has it; NULL in the pool */
	char *name;	       /* owned: the connection's, in the runbook */
	char *statement_ms;    /* owned: the server's limit for one statement */
	struct dsn *dsn;       /* owned until connected */
	PGconn *conn;	       /* owned */
	enum pg_state state;
	uv_poll_t *watch; /* owned; frees itself when closed */
	uv_timer_t limit; /* for what is under way; with 0 ms, tells soon what is known at once */
	int64_t limit_ms;
	uint64_t asked_at_bytes; /* received before the statement under way */
	uv_work_t resolve;
	bool resolving, closed;	   /* the thread has it; the timer's handle is closed */
	struct kit_why unresolved; /* the thread's: why its addresses were not found */
	struct kit_why why;	   /* why it is dead */
	enum cut_status dead;	   /* how the next question ends where it is dead */
	PGresult *rows;		   /* owned: of the statement under way */
	pg_fn *fn;
	void *owner;
};

void pg_begin(struct pg *pg);	  /* with dsn and call: connects, then fn */
void pg_tell_soon(struct pg *pg); /* fn in the next turn: it is idle or dead */
/* Nobody has it any more. Its memory stays until the loop comes around. */
void pg_drop(struct pg *pg);
void pg_free(struct pg *pg); /* at once: the loop has ended */
