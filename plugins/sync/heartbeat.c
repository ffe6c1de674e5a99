/* SPDX-License-Identifier: Apache-2.0 */
/* Beats and the memory of them; see heartbeat.h. A new beat's seq is above whatever either side
 * shows, so that green can only show it, or more, after it has come over. */
#include "sync/heartbeat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENT_KEPT = 512, PAUSE_FIRST_MS = 2, PAUSE_MAX_MS = 100 };

struct sent {
	int64_t seq, at_us;
};

struct heartbeat {
	struct heartbeat *next;
	char *blue, *green; /* owned: connections */
	char id[24];
	struct sent sent[SENT_KEPT]; /* oldest first: not yet seen on green */
	size_t len;
	int64_t last_us; /* how long the newest seen one took */
};

struct heartbeats {
	struct heartbeat *first;
};

static const char beat_sql[] =
	"with old as (select seq, ts from cutover_heartbeat where id = $1::int)"
	" update cutover_heartbeat h set seq = greatest(h.seq, $2::bigint) + 1,"
	" ts = clock_timestamp() from old where h.id = $1::int"
	" returning h.seq, old.seq, extract(epoch from clock_timestamp() - old.ts) * 1000000";
static const char insert_sql[] =
	"insert into cutover_heartbeat (id, seq, ts)"
	" values ($1::int, $2::bigint, clock_timestamp()) on conflict do nothing";
static const char look_sql[] = "select seq from cutover_heartbeat where id = $1::int";

static struct heartbeat *recall(struct sync *sync, const struct cut_call *call, const char *id)
{
	const char *blue = call_text(call, "blue"), *green = call_text(call, "green");
	struct heartbeat *h;

	if (!sync->heartbeats)
		sync->heartbeats = kit_new(struct heartbeats);
	for (h = sync->heartbeats->first; h; h = h->next)
		if (!strcmp(h->blue, blue) && !strcmp(h->green, green) && !strcmp(h->id, id))
			return h;
	h = kit_new(struct heartbeat);
	h->blue = kit_strdup(blue);
	h->green = kit_strdup(green);
	memcpy(h->id, id, sizeof(h->id));
	h->next = sync->heartbeats->first;
	sync->heartbeats->first = h;
	return h;
}

void heartbeats_free(struct heartbeats *heartbeats)
{
	while (heartbeats && heartbeats->first) {
		struct heartbeat *h = heartbeats->first;

		heartbeats->first = h->next;
		free(h->blue);
		free(h->green);
		free(h);
	}
	free(heartbeats);
}

/* Full: every second one goes, the oldest stays. What is left still bounds the lag from below. */
static void thin_out(struct heartbeat *h)
{
	for (size_t i = 0; i < h->len / 2; i++)
		h->sent[i] = h->sent[2 * i];
	h->len /= 2;
}

static void remember(struct heartbeat *h, int64_t seq, int64_t at_us)
{
	if (h->len == SENT_KEPT)
		thin_out(h);
	h->sent[h->len++] = (struct sent){seq, at_us};
}

static void forget_seen(struct heartbeat *h, int64_t seq)
{
	int64_t now = sync_now_us();
	size_t n = 0;

	for (; n < h->len && h->sent[n].seq <= seq; n++)
		h->last_us = now - h->sent[n].at_us;
	memmove(h->sent, h->sent + n, (h->len - n) * sizeof(*h->sent));
	h->len -= n;
}

double beat_lag_s(const struct beat *beat)
{
	const struct heartbeat *h = beat->memory;
	int64_t us = h->len ? sync_now_us() - h->sent[0].at_us : h->last_us;

	return (double)(us > 1 ? us : 1) / 1e6;
}

void beat_init(struct beat *beat, struct pair *pair, void *owner)
{
	struct cut_call *call = pair->call;

	*beat = (struct beat){.pair = pair, .owner = owner};
	snprintf(beat->id, sizeof(beat->id), "%.0f", call_number(call, "id", 1));
	beat->memory = recall(call->plugin, call, beat->id);
}

/* --- sending --- */

static void send(struct beat *beat, int64_t above);

/* What a person must do so that there can be heartbeats. */
static void fail(struct beat *beat, const struct pg_reply *reply)
{
	static const struct {
		const char *sqlstate, *next;
	} remedies[] = {
		{"42P01", "create table cutover_heartbeat (id integer primary key, seq bigint not "
			  "null, ts timestamptz not null) on both sides and replicate it"},
		{"42501", "grant select, insert, update on cutover_heartbeat to this role"},
		{"25006", "it only reads: is it the side that is written to?"},
	};
	struct pg_reply failed = *reply;
	struct kit_why why;

	for (size_t i = 0; i < KIT_ARRAY_LEN(remedies); i++) {
		if (strcmp(remedies[i].sqlstate, reply->sqlstate))
			continue;
		kit_why(&why, 0, "no heartbeat: %s; %s", reply->text, remedies[i].next);
		failed.text = why.text;
	}
	beat->fn(beat, &failed);
}

static void on_inserted(void *owner, const struct pg_reply *reply)
{
	struct beat *beat = owner;

	if (reply->status != CUT_OK)
		fail(beat, reply);
	else
		send(beat, beat->token);
}

static void insert(struct beat *beat)
{
	char seq[24];
	const char *values[] = {beat->id, seq};

	beat->inserted = true;
	snprintf(seq, sizeof(seq), "%lld", (long long)beat->token);
	pg_ask(beat->pair->blue, insert_sql, 2, values, on_inserted, beat);
}

static void on_sent(void *owner, const struct pg_reply *reply)
{
	struct beat *beat = owner;
	struct heartbeat *h = beat->memory;
	int64_t now = sync_now_us();

	if (reply->status != CUT_OK) {
		fail(beat, reply);
		return;
	}
	if (!PQntuples(reply->rows)) {
		if (!beat->inserted) {
			insert(beat);
			return;
		}
		fail(beat,
		     &(struct pg_reply){
			     .status = CUT_FAIL,
			     .sqlstate = "",
			     .text = "the heartbeat's row can be neither updated nor inserted; "
				     "look at the policies and triggers of cutover_heartbeat"});
		return;
	}
	beat->token = pg_int(reply, 0, 0);
	/* The first beat that we know of is the one before ours; blue says how old it is. */
	if (!h->len && !h->last_us && !beat->inserted)
		remember(h, pg_int(reply, 0, 1), now - pg_int(reply, 0, 2));
	remember(h, beat->token, now);
	beat->fn(beat, NULL);
}

/* above: what green shows already. */
static void send(struct beat *beat, int64_t above)
{
	char seq[24];
	const char *values[] = {beat->id, seq};

	beat->token = above;
	snprintf(seq, sizeof(seq), "%lld", (long long)above);
	pg_ask(beat->pair->blue, beat_sql, 2, values, on_sent, beat);
}

static void on_looked_first(void *owner, const struct pg_reply *reply)
{
	struct beat *beat = owner;
	int64_t seq;

	if (reply->status != CUT_OK) {
		fail(beat, reply);
		return;
	}
	seq = PQntuples(reply->rows) ? pg_int(reply, 0, 0) : 0;
	forget_seen(beat->memory, seq);
	send(beat, seq);
}

static void look(struct beat *beat, pg_fn *fn)
{
	const char *values[] = {beat->id};

	pg_ask(beat->pair->green, look_sql, 1, values, fn, beat);
}

void beat_send(struct beat *beat, beat_fn *fn)
{
	beat->fn = fn;
	beat->seen = beat->inserted = false;
	look(beat, on_looked_first);
}

/* --- watching --- */

static void look_again(void *owner);

static void on_looked(void *owner, const struct pg_reply *reply)
{
	struct beat *beat = owner;
	int64_t seq, left_ms;

	if (reply->status != CUT_OK) {
		fail(beat, reply);
		return;
	}
	seq = PQntuples(reply->rows) ? pg_int(reply, 0, 0) : 0;
	forget_seen(beat->memory, seq);
	beat->seen = seq >= beat->token;
	left_ms = (beat->until_us - sync_now_us()) / 1000;
	if (beat->seen || left_ms <= 0) {
		beat->fn(beat, NULL);
		return;
	}
	pair_later(beat->pair, beat->pause_ms < left_ms ? beat->pause_ms : left_ms, look_again,
		   beat);
	beat->pause_ms = beat->pause_ms * 2 < PAUSE_MAX_MS ? beat->pause_ms * 2 : PAUSE_MAX_MS;
}

static void look_again(void *owner)
{
	look(owner, on_looked);
}

void beat_watch(struct beat *beat, int64_t wait_ms, beat_fn *fn)
{
	beat->fn = fn;
	beat->until_us = sync_now_us() + wait_ms * 1000;
	beat->pause_ms = PAUSE_FIRST_MS;
	look_again(beat);
}
