/* SPDX-License-Identifier: Apache-2.0 */
/* The meter `lag` and the action of the same name: how many seconds green is behind blue. */
#include "sync/heartbeat.h"

#include <stdlib.h>

enum {
	ARRIVE_MS = 1000, /* for a beat to come over; else the lag is at least that of the oldest */
	EVERY_MIN_MS = 200,
	EVERY_MAX_MS = 1000, /* between two looks while the lag must hold */
};

struct lag {
	struct pair pair; /* first: see sync.h */
	struct beat beat;
	bool meter;
	double max_s, worst_s; /* max_s < 0: any */
	int64_t begun_us, hold_ms;
};

static void end(struct lag *lag, enum cut_status status, const char *text, json_t *data)
{
	struct cut_call *call = lag->pair.call;

	pair_close(&lag->pair);
	free(lag);
	call->api->done(call, status, text, data);
}

static void end_failed(struct lag *lag, const struct pg_reply *failed)
{
	struct kit_why why;

	kit_why(&why, 0, "%s", failed->text);
	end(lag, lag->meter ? CUT_FAIL : failed->status, why.text, NULL);
}

static void measure(void *owner);

static void judge(struct lag *lag, double lag_s)
{
	int64_t held_ms = (sync_now_us() - lag->begun_us) / 1000;
	int64_t every_ms = lag->hold_ms / 10;
	struct kit_why why;

	if (lag->max_s >= 0 && lag_s > lag->max_s) {
		kit_why(&why, 0,
			"green is %.3f s behind blue (limit %.3f s, after %.1f of %.1f s to hold)",
			lag_s, lag->max_s, (double)held_ms / 1000, (double)lag->hold_ms / 1000);
		end(lag, CUT_RETRY, why.text, json_pack("{s:f}", "lag_s", lag_s));
		return;
	}
	lag->worst_s = lag_s > lag->worst_s ? lag_s : lag->worst_s;
	if (held_ms >= lag->hold_ms) {
		end(lag, CUT_OK, NULL, json_pack("{s:f}", "lag_s", lag->worst_s));
		return;
	}
	every_ms = every_ms < EVERY_MIN_MS ? EVERY_MIN_MS : every_ms;
	every_ms = every_ms > EVERY_MAX_MS ? EVERY_MAX_MS : every_ms;
	pair_later(&lag->pair, every_ms, measure, lag);
}

static void on_watched(struct beat *beat, const struct pg_reply *failed)
{
	struct lag *lag = beat->owner;

	if (failed)
		end_failed(lag, failed);
	else if (lag->meter)
		end(lag, CUT_OK, NULL, json_pack("{s:f}", "value", beat_lag_s(beat)));
	else
		judge(lag, beat_lag_s(beat));
}

static void on_sent(struct beat *beat, const struct pg_reply *failed)
{
	struct lag *lag = beat->owner;
	int64_t wait_ms = call_left_ms(lag->pair.call) / 2;

	if (failed)
		end_failed(lag, failed);
	else
		beat_watch(beat, wait_ms < ARRIVE_MS ? wait_ms : ARRIVE_MS, on_watched);
}

static void measure(void *owner)
{
	struct lag *lag = owner;

	beat_send(&lag->beat, on_sent);
}

static void on_opened(struct pair *pair, const struct pg_reply *failed)
{
	struct lag *lag = kit_container(pair, struct lag, pair);

	if (failed) {
		end_failed(lag, failed);
		return;
	}
	beat_init(&lag->beat, pair, lag);
	lag->begun_us = sync_now_us();
	measure(lag);
}

static void on_cancel(struct pair *pair)
{
	end(kit_container(pair, struct lag, pair), CUT_CANCELED, "canceled", NULL);
}

static void start(struct cut_call *call, bool meter)
{
	struct lag *lag = kit_new(struct lag);

	call->data = lag;
	lag->pair.cancel = on_cancel;
	lag->meter = meter;
	lag->max_s = call_number(call, "max", -1);
	lag->hold_ms = (int64_t)(call_number(call, "hold", 0) * 1000);
	pair_open(&lag->pair, call, on_opened);
}

static void sample(struct cut_call *call)
{
	start(call, true);
}

static void apply(struct cut_call *call)
{
	start(call, false);
}

static const struct cut_param sample_params[] = {SYNC_PAIR_PARAMS, {0}};
static const struct cut_param lag_params[] = {
	SYNC_PAIR_PARAMS,
	{"max", CUT_T_DURATION, 0, NULL, NULL, "fail above this; without it the lag is only told"},
	{"hold", CUT_T_DURATION, 0, "0s", NULL, "how long it must stay below"},
	{0},
};
static const struct cut_param lag_outputs[] = {
	{"lag_s", CUT_T_NUMBER, 0, NULL, NULL, "the longest that was seen"},
	{0},
};

const struct cut_meter sync_meter_lag = {
	.name = "lag",
	.unit = "seconds",
	.help = "how far green is behind blue",
	.params = sample_params,
	.sample = sample,
	.cancel = pair_cancel,
};

const struct cut_action sync_lag = {
	.name = "lag",
	.help = "checks how far green is behind blue",
	.params = lag_params,
	.outputs = lag_outputs,
	.class = CUT_DECLARATIVE,
	.effects = CUT_READ,
	.plan = sync_plan,
	.apply = apply,
	.cancel = pair_cancel,
};
