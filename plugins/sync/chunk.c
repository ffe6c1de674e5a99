/* SPDX-License-Identifier: Apache-2.0 */
/* The questions about a part of a table. A digest is SHA-256 over the rows' texts in the order of
 * the key: no sum of short hashes that two wrongs could cancel out. Without a key it is the sum of
 * 128 bits of each row's SHA-256, which needs no order. */
#include "sync/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct question {
	FILE *to;
	char *sql;
	size_t len;
	const char *values[2 * KEYS_MAX];
	int n;
};

static void begin(struct question *q)
{
	*q = (struct question){0};
	q->to = open_memstream(&q->sql, &q->len);
	if (!q->to)
		abort();
}

static void ask(struct question *q, struct pg *pg, pg_fn *fn, void *owner)
{
	fclose(q->to);
	pg_ask(pg, q->sql, q->n, q->values, fn, owner);
	free(q->sql);
}

static void add_order(struct question *q, const struct plan *plan)
{
	for (size_t i = 0; i < plan->keys; i++)
		fprintf(q->to, "%s%s", i ? ", " : "", plan->key[i].order);
}

/* "(a, b) > ($1::int, $2::text)": compared as one, so that an index on both serves. */
static void add_bound(struct question *q, const struct plan *plan, const char *join, const char *op,
		      const struct bound *bound)
{
	if (!bound->values[0])
		return;
	fprintf(q->to, " %s (", join);
	add_order(q, plan);
	fprintf(q->to, ") %s (", op);
	for (size_t i = 0; i < plan->keys; i++) {
		q->values[q->n++] = bound->values[i];
		fprintf(q->to, "%s$%d::%s", i ? ", " : "", q->n, plan->key[i].cast);
	}
	fputc(')', q->to);
}

static void add_part(struct question *q, const struct plan *plan, enum side side,
		     const struct chunk *chunk)
{
	fprintf(q->to, " from %s t", plan->from[side]);
	if (plan->by != BY_KEY)
		return;
	add_bound(q, plan, "where", ">", &chunk->lo);
	add_bound(q, plan, chunk->lo.values[0] ? "and" : "where", "<=", &chunk->hi);
}

void chunk_ask_end(struct pg *pg, const struct plan *plan, const struct bound *lo, int64_t rows,
		   pg_fn *fn, void *owner)
{
	const struct chunk rest = {.lo = *lo};
	struct question q;

	begin(&q);
	fputs("select ", q.to);
	for (size_t i = 0; i < plan->keys; i++)
		fprintf(q.to, "%s(%s)::text", i ? ", " : "", plan->key[i].order);
	add_part(&q, plan, BLUE, &rest);
	fputs(" order by ", q.to);
	add_order(&q, plan);
	fprintf(q.to, " offset %lld limit 1", (long long)rows - 1);
	ask(&q, pg, fn, owner);
}

void chunk_ask_digest(struct pg *pg, const struct plan *plan, enum side side,
		      const struct chunk *chunk, pg_fn *fn, void *owner)
{
	struct question q;

	begin(&q);
	if (plan->by == BY_COUNT) {
		fputs("select count(*), 0, ''", q.to);
		add_part(&q, plan, side, chunk);
	} else if (plan->by == BY_WHOLE) {
		fprintf(q.to,
			"select count(*), 0, concat_ws(':', sum(('x' || left(h, "
			"16))::bit(64)::bigint),"
			" sum(('x' || substr(h, 17, 16))::bit(64)::bigint)) from"
			" (select encode(sha256(convert_to(%s, 'UTF8')), 'hex') h",
			plan->row[side]);
		add_part(&q, plan, side, chunk);
		fputs(" offset 0) x", q.to);
	} else {
		/* An inner ORDER BY reaches the aggregate as it is: no second sort, no workers. */
		fprintf(q.to,
			"select n, octet_length(s), encode(sha256(convert_to(s, 'UTF8')), 'hex')"
			" from (select count(*) n, coalesce(string_agg(r, E'\\n'), '') s from"
			" (select %s r",
			plan->row[side]);
		add_part(&q, plan, side, chunk);
		fputs(" order by ", q.to);
		add_order(&q, plan);
		fputs(" offset 0) z offset 0) x", q.to);
	}
	ask(&q, pg, fn, owner);
}

void chunk_ask_rows(struct pg *pg, const struct plan *plan, enum side side,
		    const struct chunk *chunk, pg_fn *fn, void *owner)
{
	struct question q;

	begin(&q);
	fprintf(q.to, "select left(encode(sha256(convert_to(%s, 'UTF8')), 'hex'), 32)",
		plan->row[side]);
	for (size_t i = 0; i < plan->keys; i++)
		fprintf(q.to, ", (%s)::text", plan->key[i].order);
	add_part(&q, plan, side, chunk);
	fprintf(q.to, " limit %d", ROWS_MAX + 1);
	ask(&q, pg, fn, owner);
}

void chunk_read_digest(struct digest *digest, const struct pg_reply *reply)
{
	const char *hash = pg_text(reply, 0, 2);

	digest->rows = pg_int(reply, 0, 0);
	digest->bytes = pg_int(reply, 0, 1);
	snprintf(digest->hash, sizeof(digest->hash), "%s", hash ? hash : "");
}

bool digest_same(const struct digest *a, const struct digest *b)
{
	return a->rows == b->rows && !strcmp(a->hash, b->hash);
}

void bound_read(struct bound *bound, const struct plan *plan, const struct pg_reply *reply)
{
	for (size_t i = 0; i < plan->keys; i++) {
		const char *text = pg_text(reply, 0, (int)i);

		bound->values[i] = kit_strdup(text ? text : "");
	}
}

void bound_copy(struct bound *to, const struct bound *from)
{
	for (size_t i = 0; i < KEYS_MAX; i++)
		to->values[i] = from->values[i] ? kit_strdup(from->values[i]) : NULL;
}

void bound_done(struct bound *bound)
{
	for (size_t i = 0; i < KEYS_MAX; i++)
		free(bound->values[i]);
	*bound = (struct bound){0};
}

void chunk_done(struct chunk *chunk)
{
	bound_done(&chunk->lo);
	bound_done(&chunk->hi);
	*chunk = (struct chunk){0};
}
