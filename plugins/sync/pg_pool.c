/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that are kept between operations, by the name they have in the runbook; see pg.h. */
#include "sync/pg_state.h"

#include <stdlib.h>
#include <string.h>

enum { IDLE_KEPT = 2 }; /* of each name */

struct pg_pool {
	uv_loop_t *loop;
	struct pg *idle;
};

const struct cut_param pg_connection_params[] = {
	{"dsn", CUT_T_STRING, CUT_P_REQUIRED, NULL, NULL,
	 "where it is, as libpq writes it: host=db port=5432 dbname=shop user=cutover"},
	{"secret", CUT_T_SECRET, 0, NULL, NULL, "the password"},
	{"ca_file", CUT_T_STRING, CUT_P_PATH, NULL, NULL,
	 "who vouches for the server's certificate; without it the system's authorities"},
	{"statement_timeout", CUT_T_DURATION, 0, "1m", "1s..", "the longest single statement"},
	{0},
};

struct pg_pool *pg_pool_new(struct uv_loop_s *loop)
{
	struct pg_pool *pool = kit_new(struct pg_pool);

	pool->loop = loop;
	return pool;
}

void pg_pool_free(struct pg_pool *pool)
{
	while (pool->idle) {
		struct pg *pg = pool->idle;

		pool->idle = pg->next;
		PQfinish(pg->conn);
		free(pg->watch);
		pg_free(pg);
	}
	free(pool);
}

static void unlink_idle(struct pg *pg)
{
	for (struct pg **at = &pg->pool->idle; *at; at = &(*at)->next) {
		if (*at == pg) {
			*at = pg->next;
			return;
		}
	}
}

static void on_idle_lost(struct pg *pg)
{
	unlink_idle(pg);
	pg_drop(pg);
}

static struct pg *take_idle(struct pg_pool *pool, const char *name)
{
	for (struct pg *pg = pool->idle; pg; pg = pg->next) {
		if (!strcmp(pg->name, name)) {
			unlink_idle(pg);
			return pg;
		}
	}
	return NULL;
}

static struct pg *pg_new(struct pg_pool *pool, struct cut_call *call, const char *name)
{
	const json_t *params = call->api->connection(call, name);
	double limit_s = json_number_value(json_object_get(params, "statement_timeout"));
	struct pg *pg = kit_new(struct pg);

	pg->loop = pool->loop;
	pg->pool = pool;
	pg->on_idle_lost = on_idle_lost;
	pg->call = call;
	pg->name = kit_strdup(name);
	pg->statement_ms = kit_printf("%.0f", (limit_s > 0 ? limit_s : 60) * 1000);
	uv_timer_init(pool->loop, &pg->limit);
	uv_unref((uv_handle_t *)&pg->limit);
	return pg;
}

struct pg *pg_take(struct pg_pool *pool, struct cut_call *call, const char *name, pg_fn *ready,
		   void *owner)
{
	struct pg *pg = take_idle(pool, name);

	if (pg) {
		pg->call = call;
		pg_tell_soon(pg);
	} else {
		pg = pg_new(pool, call, name);
		if (dsn_new(call, name, &pg->dsn, &pg->why) < 0) {
			pg->state = PG_DEAD;
			pg->dead = CUT_FAIL;
			pg_tell_soon(pg);
		} else {
			pg_begin(pg);
		}
	}
	pg->fn = ready;
	pg->owner = owner;
	return pg;
}

static size_t count_idle(const struct pg_pool *pool, const char *name)
{
	size_t n = 0;

	for (const struct pg *pg = pool->idle; pg; pg = pg->next)
		n += !strcmp(pg->name, name);
	return n;
}

void pg_give(struct pg *pg)
{
	if (!pg)
		return;
	pg->fn = NULL;
	pg->call = NULL;
	uv_timer_stop(&pg->limit);
	if (pg->state != PG_IDLE || count_idle(pg->pool, pg->name) >= IDLE_KEPT) {
		pg_drop(pg);
		return;
	}
	pg->next = pg->pool->idle;
	pg->pool->idle = pg;
}

const char *pg_text(const struct pg_reply *reply, int row, int column)
{
	return PQgetisnull(reply->rows, row, column) ? NULL : PQgetvalue(reply->rows, row, column);
}

int64_t pg_int(const struct pg_reply *reply, int row, int column)
{
	const char *text = pg_text(reply, row, column);

	return text ? strtoll(text, NULL, 10) : 0;
}
