/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to PostgreSQL on the host's loop: libpq without ever waiting for it. An operation
 * takes a connection, asks one question at a time and gives it back; idle ones are kept. */
#pragma once

#include "kit/kit.h"

#include <libpq-fe.h>

struct pg;	/* one connection, lent to one operation */
struct pg_pool; /* those that nobody uses right now */

struct pg_reply {
	const PGresult *rows; /* NULL where status is not CUT_OK; borrowed during the callback */
	enum cut_status
		status;	      /* CUT_RETRY: no connection or no time; CUT_FAIL: the answer is no */
	const char *sqlstate; /* five letters where the server said no, else "" */
	const char *text;     /* a whole sentence when not CUT_OK */
	bool lost;	      /* the connection is of no use any more */
};
typedef void pg_fn(void *owner, const struct pg_reply *reply);

extern const struct cut_param pg_connection_params[];

struct pg_pool *pg_pool_new(struct uv_loop_s *loop);
void pg_pool_free(struct pg_pool *pool); /* when the loop has ended */

/* A connection for the call, at the latest until its deadline. ready is called once, never from in
 * here, unless pg_give comes first. */
struct pg *pg_take(struct pg_pool *pool, struct cut_call *call, const char *name, pg_fn *ready,
		   void *owner);
/* values are texts or NULL, as many as the statement has parameters. fn is called once, never from
 * in here, unless pg_give comes first. One question at a time. */
void pg_ask(struct pg *pg, const char *sql, int n, const char *const *values, pg_fn *fn,
	    void *owner);
/* Back to the pool; in the middle of an answer: closed, and the server ends the statement within a
 * second. NULL is fine. */
void pg_give(struct pg *pg);

/* A cell as text, NULL for SQL's NULL; as a number, 0 for NULL. */
const char *pg_text(const struct pg_reply *reply, int row, int column);
int64_t pg_int(const struct pg_reply *reply, int row, int column);
