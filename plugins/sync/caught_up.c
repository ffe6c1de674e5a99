/* SPDX-License-Identifier: Apache-2.0 */
/* The action `wait_caught_up`: puts a mark behind everything that blue has committed, and waits
 * until green shows it. A connection that is lost on the way is opened again. */
#include "sync/heartbeat.h"

#include <stdlib.h>

enum { AGAIN_MS = 500, TELL_MS = 2000 };

struct wait {
	struct pair pair; /* first: see sync.h */
	struct beat beat;
	bool sent;
	int64_t begun_us, sent_us, until_us;
	struct kit_why trouble; /* the last one, if any */
};

static void end(struct wait *w, enum cut_status status, const char *text, json_t *data)
{
	struct cut_call *call = w->pair.call;

	pair_close(&w->pair);
	free(w);
	call->api->done(call, status, text, data);
}

static void reopen(void *owner);

static int64_t left_ms(const struct wait *w)
{
	return (w->until_us - sync_now_us()) / 1000;
}

static void give_up(struct wait *w)
{
	double waited_s = (double)(sync_now_us() - w->begun_us) / 1e6;
	struct kit_why why;

	if (w->trouble.text[0])
		kit_why(&why, 0, "not known to have caught up after %.1f s: %s", waited_s,
			w->trouble.text);
	else
		kit_why(&why, 0,
			"green has not caught up in %.1f s: heartbeat %lld of blue has not come "
			"over; look at the replication's state on both sides",
			waited_s, (long long)w->beat.token);
	end(w, CUT_FAIL, why.text, NULL);
}

/* Only a lost connection is worth another try. */
static void on_trouble(struct wait *w, const struct pg_reply *failed)
{
	kit_why(&w->trouble, 0, "%s", failed->text);
	if (failed->status != CUT_RETRY) {
		struct kit_why why = w->trouble;

		end(w, CUT_FAIL, why.text, NULL);
	} else if (left_ms(w) <= AGAIN_MS) {
		give_up(w);
	} else {
		pair_close(&w->pair);
		pair_later(&w->pair, AGAIN_MS, reopen, w);
	}
}

static void watch(struct wait *w);

static void on_watched(struct beat *beat, const struct pg_reply *failed)
{
	struct wait *w = beat->owner;
	double lag_s;

	if (failed) {
		on_trouble(w, failed);
		return;
	}
	w->trouble.text[0] = '\0';
	lag_s = (double)(sync_now_us() - w->sent_us) / 1e6;
	if (beat->seen) {
		end(w, CUT_OK, NULL,
		    json_pack("{s:I, s:f}", "token", (json_int_t)beat->token, "lag_s", lag_s));
	} else if (left_ms(w) <= 0) {
		give_up(w);
	} else {
		struct kit_why why;

		kit_why(&why, 0, "green is at least %.1f s behind blue", lag_s);
		w->pair.call->api->progress(w->pair.call, 0, why.text);
		watch(w);
	}
}

static void watch(struct wait *w)
{
	int64_t ms = left_ms(w);

	beat_watch(&w->beat, ms < TELL_MS ? ms : TELL_MS, on_watched);
}

static void on_sent(struct beat *beat, const struct pg_reply *failed)
{
	struct wait *w = beat->owner;

	if (failed) {
		on_trouble(w, failed);
		return;
	}
	w->sent = true;
	w->sent_us = sync_now_us();
	watch(w);
}

static void on_opened(struct pair *pair, const struct pg_reply *failed)
{
	struct wait *w = kit_container(pair, struct wait, pair);

	if (failed)
		on_trouble(w, failed);
	else if (w->sent)
		watch(w);
	else
		beat_send(&w->beat, on_sent);
}

static void reopen(void *owner)
{
	struct wait *w = owner;

	pair_open(&w->pair, w->pair.call, on_opened);
}

static void on_cancel(struct pair *pair)
{
	end(kit_container(pair, struct wait, pair), CUT_CANCELED, "canceled", NULL);
}

static void apply(struct cut_call *call)
{
	struct wait *w = kit_new(struct wait);
	int64_t max_ms = (int64_t)(call_number(call, "max", 600) * 1000);
	int64_t left = call_left_ms(call);

	call->data = w;
	w->pair.cancel = on_cancel;
	w->pair.call = call;
	w->begun_us = sync_now_us();
	w->until_us = w->begun_us + (max_ms < left ? max_ms : left) * 1000;
	beat_init(&w->beat, &w->pair, w);
	reopen(w);
}

static const struct cut_param params[] = {
	SYNC_PAIR_PARAMS,
	{"max", CUT_T_DURATION, 0, "10m", NULL, "fail when it takes longer"},
	{0},
};
static const struct cut_param outputs[] = {
	{"token", CUT_T_INT, 0, NULL, NULL, "the heartbeat that green was seen to have"},
	{"lag_s", CUT_T_NUMBER, 0, NULL, NULL, "how long it took to come over"},
	{0},
};

const struct cut_action sync_wait_caught_up = {
	.name = "wait_caught_up",
	.help = "waits until green has everything that blue has committed by now",
	.params = params,
	.outputs = outputs,
	.class = CUT_DECLARATIVE,
	.effects = CUT_READ,
	.plan = sync_plan,
	.apply = apply,
	.cancel = pair_cancel,
};
