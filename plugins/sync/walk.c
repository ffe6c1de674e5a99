/* SPDX-License-Identifier: Apache-2.0 */
/* Walks through a table by its key. Blue leads: it finds where the next chunk ends and digests it,
 * while green digests the one before, so that both servers are at work. The first chunk has no
 * lower and the last no upper bound: rows beyond either end of blue are seen. Memory does not grow
 * with the table: three chunks, and the suspects, which are looked at when there are many. */
#include "sync/compare.h"

#include <stdio.h>
#include <string.h>

enum {
	ROWS_FIRST = 100,  /* they may be large */
	TOO_LARGE_BY = 16, /* what a chunk is that the server cannot do, at most */
	ROWS_LEAST = 50,
	ROWS_MOST = 20000,
	CHUNK_MS = 300,			/* as long as one should take */
	CHUNK_BYTES = 16 * 1024 * 1024, /* of text in the server's memory, at most */
	TELL_MS = 1000,
};

static void step(struct compare *compare);

static void fail(struct walk *walk, const char *text)
{
	if (!walk->failed)
		snprintf(walk->trouble, sizeof(walk->trouble), "%s", text);
	walk->failed = true;
}

/* Towards chunks of the right size, at most four times the last one's. */
static void adapt(struct walk *walk, const struct digest *digest)
{
	double ms = (double)(sync_now_us() - walk->asked_us) / 1000;
	double by_time = CHUNK_MS / (ms > 1 ? ms : 1);
	double by_bytes = (double)CHUNK_BYTES / (double)(digest->bytes > 1 ? digest->bytes : 1);
	double factor = by_time < by_bytes ? by_time : by_bytes;
	double rows = (double)walk->chunk_rows * (factor < 4 ? factor : 4);

	rows = rows < ROWS_MOST ? rows : ROWS_MOST;
	walk->chunk_rows = (int64_t)(rows > ROWS_LEAST ? rows : ROWS_LEAST);
}

/* The first chunk that the side has no digest of. */
static struct chunk *next_of(struct walk *walk, enum side side)
{
	for (size_t i = 0; i < walk->len; i++)
		if (!walk->queue[i].has[side])
			return &walk->queue[i];
	return NULL;
}

/* For the server's memory (a text can have 1 GB), or for the time of one statement. */
static bool is_too_large(const struct pg_reply *reply)
{
	static const char *const limits[] = {"53200", "54000", "57014"};

	for (size_t i = 0; i < KIT_ARRAY_LEN(limits); i++)
		if (!strcmp(reply->sqlstate, limits[i]))
			return true;
	return false;
}

/* From the first chunk that is not judged, in smaller ones. */
static void start_over(struct walk *walk)
{
	int64_t rows = walk->chunk_rows / TOO_LARGE_BY;

	bound_done(&walk->reached);
	bound_copy(&walk->reached, &walk->queue[0].lo);
	while (walk->len)
		chunk_done(&walk->queue[--walk->len]);
	walk->chunk_rows = rows > ROWS_LEAST ? rows : ROWS_LEAST;
	walk->at_end = walk->too_large = false;
}

static void on_digest(void *owner, const struct pg_reply *reply)
{
	struct seat *seat = owner;
	struct compare *compare = seat->compare;
	struct walk *walk = &compare->walk;
	struct chunk *chunk = next_of(walk, seat->side);

	if (compare_lost(compare, reply))
		return;
	walk->busy[seat->side] = false;
	if (is_too_large(reply) && compare->plan.by == BY_KEY && walk->chunk_rows > ROWS_LEAST) {
		walk->too_large = true;
	} else if (reply->status != CUT_OK) {
		fail(walk, reply->text);
	} else {
		chunk_read_digest(&chunk->digest[seat->side], reply);
		chunk->has[seat->side] = true;
		if (seat->side == BLUE && compare->plan.by == BY_KEY)
			adapt(walk, &chunk->digest[BLUE]);
	}
	step(compare);
}

static void ask_digest(struct compare *compare, enum side side, const struct chunk *chunk)
{
	struct walk *walk = &compare->walk;

	walk->busy[side] = true;
	if (side == BLUE)
		walk->asked_us = sync_now_us();
	chunk_ask_digest(compare_side(compare, side), &compare->plan, side, chunk, on_digest,
			 &compare->seats[side]);
}

static struct chunk *append(struct walk *walk)
{
	struct chunk *chunk = &walk->queue[walk->len++];

	*chunk = (struct chunk){0};
	bound_copy(&chunk->lo, &walk->reached);
	return chunk;
}

static void on_end(void *owner, const struct pg_reply *reply)
{
	struct seat *seat = owner;
	struct compare *compare = seat->compare;
	struct walk *walk = &compare->walk;

	if (compare_lost(compare, reply))
		return;
	walk->busy[BLUE] = false;
	if (reply->status != CUT_OK) {
		fail(walk, reply->text);
	} else {
		struct chunk *chunk = append(walk);

		walk->at_end = !PQntuples(reply->rows);
		if (!walk->at_end) {
			bound_read(&chunk->hi, &compare->plan, reply);
			bound_done(&walk->reached);
			bound_copy(&walk->reached, &chunk->hi);
		}
	}
	step(compare);
}

static void ask_end(struct compare *compare)
{
	struct walk *walk = &compare->walk;

	if (compare->plan.by != BY_KEY) {
		walk->at_end = true;
		append(walk);
		step(compare);
		return;
	}
	walk->busy[BLUE] = true;
	chunk_ask_end(compare->pair.blue, &compare->plan, &walk->reached, walk->chunk_rows, on_end,
		      &compare->seats[BLUE]);
}

/* Takes the chunks that both sides are done with from the front. */
static void judge(struct compare *compare)
{
	struct walk *walk = &compare->walk;

	while (walk->len && walk->queue[0].has[BLUE] && walk->queue[0].has[GREEN]) {
		struct chunk *head = &walk->queue[0];

		compare->report.rows += head->digest[BLUE].rows;
		if (digest_same(&head->digest[BLUE], &head->digest[GREEN]))
			chunk_done(head);
		else
			compare->suspects[compare->suspects_len++] = *head;
		memmove(walk->queue, walk->queue + 1, --walk->len * sizeof(*head));
	}
}

static void tell(struct compare *compare)
{
	struct cut_call *call = compare->pair.call;
	int64_t now = sync_now_us();
	struct kit_why text;

	if (now - compare->told_us < TELL_MS * 1000)
		return;
	compare->told_us = now;
	kit_why(&text, 0, "%s (table %zu of %zu), rows compared: %lld, differences: %zu",
		compare->plan.label, compare->at + 1, compare->tables_len,
		(long long)compare->report.rows, compare->report.differences_len);
	call->api->progress(call, (double)compare->at / (double)compare->tables_len, text.text);
}

static void step(struct compare *compare)
{
	struct walk *walk = &compare->walk;
	struct chunk *next;
	bool go;

	judge(compare);
	tell(compare);
	if (walk->too_large && (walk->busy[BLUE] || walk->busy[GREEN]))
		return;
	if (walk->too_large)
		start_over(walk);
	go = !walk->failed && compare->suspects_len + QUEUE_MAX < SUSPECTS_MAX;
	next = next_of(walk, GREEN);
	if (next && !walk->busy[GREEN] && !walk->failed)
		ask_digest(compare, GREEN, next);
	if (walk->busy[BLUE])
		return;
	next = next_of(walk, BLUE);
	if (next && !walk->failed)
		ask_digest(compare, BLUE, next);
	else if (go && !walk->at_end && walk->len < QUEUE_MAX)
		ask_end(compare);
	else if (!walk->busy[GREEN] && (walk->failed || !walk->len))
		walk->fn(compare, walk->failed ? walk->trouble : NULL);
}

void walk_start(struct compare *compare, table_fn *fn)
{
	compare->walk.fn = fn;
	compare->walk.chunk_rows = ROWS_FIRST;
	step(compare);
}

void walk_go_on(struct compare *compare)
{
	step(compare);
}

void walk_done(struct walk *walk)
{
	for (size_t i = 0; i < walk->len; i++)
		chunk_done(&walk->queue[i]);
	bound_done(&walk->reached);
	*walk = (struct walk){0};
}
