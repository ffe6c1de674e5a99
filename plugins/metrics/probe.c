/* SPDX-License-Identifier: Apache-2.0 */
/* The meter `http_probe`: how often, or how fast, a URL answers as it should. The first sample
 * starts a prober for its parameters, which goes on between the samples and keeps what it found
 * within a sliding window; a sample only looks. A prober that nobody asks any more ends. */
#include "metrics/expect.h"
#include "metrics/metrics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	RATE_MAX = 100, /* a second */
	IN_FLIGHT_MAX = 64,
	ANSWER_MS = 5000, /* longer is a failure, and so is longer than the window */
	UNASKED_MS = 15 * 60 * 1000,
	LOOK_AGAIN_MS = 20, /* for the very first result */
	BODY_MAX_BYTES = 256 * 1024,
};

struct probe {
	int64_t at_ms; /* when it ended */
	double total_s;
	bool ok;
};

struct prober {
	struct prober *next;
	struct metrics *metrics; /* borrowed: the list it is in */
	struct cut_call *call;	 /* its own, for as long as it probes */
	char *id;		 /* owned: its parameters as text */
	json_t *params;		 /* owned: without what is made of its answers */
	int64_t window_ms, asked_ms, due_ms;
	double interval_ms, late_ms; /* late: what rounding left over */
	size_t in_flight;
	struct probe *probes; /* owned: a ring */
	size_t cap, first, len;
};

static double number(const json_t *params, const char *name, double fallback)
{
	const json_t *value = json_object_get(params, name);

	return json_is_number(value) ? json_number_value(value) : fallback;
}

static const char *text(const json_t *params, const char *name)
{
	return json_string_value(json_object_get(params, name));
}

static void forget_old(struct prober *p)
{
	int64_t now = p->call->api->now(p->call);

	while (p->len && p->probes[p->first].at_ms <= now - p->window_ms) {
		p->first = (p->first + 1) % p->cap;
		p->len--;
	}
}

static void record(struct prober *p, bool ok, double total_s)
{
	forget_old(p);
	if (p->len == p->cap) {
		p->first = (p->first + 1) % p->cap;
		p->len--;
	}
	p->probes[(p->first + p->len++) % p->cap] =
		(struct probe){p->call->api->now(p->call), total_s, ok};
}

static void on_answer(struct cut_call *call, const struct cut_http_reply *reply)
{
	struct prober *p = call->data;

	p->in_flight--;
	record(p, !reply->error && expect_holds(json_object_get(p->params, "expect"), reply),
	       reply->total_s);
}

static void probe(struct prober *p)
{
	struct cut_http_request request = {
		.url = text(p->params, "url"),
		.timeout_ms = p->window_ms < ANSWER_MS ? p->window_ms : ANSWER_MS,
		.max_body_bytes = BODY_MAX_BYTES,
		.ca_file = text(p->params, "ca_file"),
		.resolve = text(p->params, "resolve"),
	};

	if (p->in_flight < IN_FLIGHT_MAX && p->call->api->http(p->call, &request, on_answer) == 0)
		p->in_flight++;
	else
		record(p, false, 0);
}

static void prober_free(struct prober *p)
{
	json_decref(p->params);
	free(p->probes);
	free(p->id);
	free(p);
}

static void stop(struct prober *p)
{
	struct cut_call *call = p->call;

	for (struct prober **at = &p->metrics->probers; *at; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			break;
		}
	}
	prober_free(p);
	call->api->done(call, CUT_OK, NULL, NULL);
}

static void on_due(struct cut_call *call)
{
	struct prober *p = call->data;
	int64_t now = call->api->now(call);
	double interval_ms = p->interval_ms + p->late_ms;
	int64_t wait_ms;

	if (now - p->asked_ms > UNASKED_MS) {
		stop(p);
		return;
	}
	probe(p);
	/* Missed beats, after a suspend, are not made up for. */
	p->due_ms += (int64_t)interval_ms;
	p->late_ms = interval_ms - floor(interval_ms);
	if (p->due_ms < now)
		p->due_ms = now;
	wait_ms = p->due_ms - now;
	call->api->after(call, wait_ms > 0 ? wait_ms : 1, on_due);
}

/* steals id and params */
static struct prober *prober_new(struct cut_call *call, char *id, json_t *params)
{
	struct prober *p = kit_new(struct prober);
	double rate = number(params, "rate", 1);

	rate = rate > 0 && rate < RATE_MAX ? rate : RATE_MAX;
	p->metrics = call->plugin;
	p->id = id;
	p->params = params;
	p->window_ms = (int64_t)(number(params, "window", 10) * 1000);
	p->interval_ms = 1000 / rate;
	p->cap = (size_t)((double)p->window_ms / p->interval_ms) + IN_FLIGHT_MAX;
	p->probes = kit_new_array(struct probe, p->cap);
	p->call = call->api->background(call, p);
	p->due_ms = p->asked_ms = call->api->now(call);
	p->next = p->metrics->probers;
	p->metrics->probers = p;
	on_due(p->call);
	return p;
}

/* One for all metrics that differ only in what they make of the same answers. */
static struct prober *prober_for(struct cut_call *call)
{
	struct metrics *metrics = call->plugin;
	json_t *params = json_deep_copy(call->params);
	char *id;

	json_object_del(params, "measure");
	json_object_del(params, "percentile");
	id = json_dumps(params, JSON_COMPACT | JSON_SORT_KEYS);
	if (!id)
		abort();
	for (struct prober *p = metrics->probers; p; p = p->next) {
		if (!strcmp(p->id, id)) {
			json_decref(params);
			free(id);
			return p;
		}
	}
	return prober_new(call, id, params);
}

void probers_free(struct metrics *metrics)
{
	while (metrics->probers) {
		struct prober *p = metrics->probers;

		metrics->probers = p->next;
		prober_free(p);
	}
}

static int compare_numbers(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* By nearest rank: a time that was really seen. NaN where there is none. */
static double percentile_of(const struct prober *p, double percentile, size_t *ret_n)
{
	double *times = kit_new_array(double, p->len), found = NAN;
	size_t n = 0, rank;

	for (size_t i = 0; i < p->len; i++) {
		const struct probe *one = &p->probes[(p->first + i) % p->cap];

		if (one->ok)
			times[n++] = one->total_s;
	}
	qsort(times, n, sizeof(*times), compare_numbers);
	rank = (size_t)ceil(percentile / 100 * (double)n);
	if (n)
		found = times[rank ? rank - 1 : 0];
	free(times);
	*ret_n = n;
	return found;
}

static double success_of(const struct prober *p)
{
	size_t good = 0;

	for (size_t i = 0; i < p->len; i++)
		good += p->probes[(p->first + i) % p->cap].ok;
	return (double)good / (double)p->len;
}

static void tell(struct cut_call *call, const struct prober *p)
{
	const struct probe *newest = &p->probes[(p->first + p->len - 1) % p->cap];
	int64_t age_ms = call->api->now(call) - newest->at_ms;
	const char *measure = text(call->params, "measure");
	char at[KIT_TIME_LEN];
	size_t n = p->len;
	double value;

	kit_time_format(kit_wall_ms() - age_ms, at);
	if (measure && !strcmp(measure, "latency"))
		value = percentile_of(p, number(call->params, "percentile", 95), &n);
	else
		value = success_of(p);
	if (n)
		sample_value(call, value, (double)n, at);
	else
		sample_missing(call, "no probe of %zu was answered as expected", p->len);
}

static void sample(struct cut_call *call)
{
	const char *strange = expect_strange(json_object_get(call->params, "expect"));
	struct prober *p;

	if (strange) {
		sample_error(call, "expect has no '%s'; it may be status, json and body_contains",
			     strange);
		return;
	}
	p = prober_for(call);
	p->asked_ms = call->api->now(call);
	forget_old(p);
	if (p->len)
		tell(call, p);
	else if (call->deadline - p->asked_ms > 2 * LOOK_AGAIN_MS)
		call->api->after(call, LOOK_AGAIN_MS, sample);
	else
		sample_missing(call, "no probe has ended yet");
}

static void cancel(struct cut_call *call)
{
	call->api->done(call, CUT_CANCELED, "canceled", NULL);
}

static const struct cut_param params[] = {
	{"url", CUT_T_URL, CUT_P_REQUIRED, NULL, NULL,
	 "asked with GET; redirects are not followed"},
	{"expect", CUT_T_MAP, 0, NULL, NULL,
	 "{status: [200], json: {pointer: value}, body_contains: text}; all must hold"},
	{"measure", CUT_T_CHOICE, 0, "success", "success|latency",
	 "the share that was as expected, or the seconds that those took"},
	{"rate", CUT_T_RATE, 0, "1/s", NULL, "how often, at most 100/s"},
	{"window", CUT_T_DURATION, 0, "10s", "1s..10m", "what a sample looks back on"},
	{"percentile", CUT_T_NUMBER, 0, "95", "0..100", "of the latency"},
	{"resolve", CUT_T_IP, 0, NULL, NULL, "connect to this address whatever the name says"},
	{"ca_file", CUT_T_STRING, CUT_P_PATH, NULL, NULL,
	 "who vouches for its certificate; without it the system's authorities"},
	{0},
};

const struct cut_meter metrics_http_probe = {
	.name = "http_probe",
	.help = "how a URL answers: share of good answers, or their latency",
	.params = params,
	.sample = sample,
	.cancel = cancel,
};
