/* SPDX-License-Identifier: Apache-2.0 */
/* Both databases of an operation, taken together; see sync.h. */
#include "sync/sync.h"

#include <time.h>

enum { REPORT_MS = 200 };

static void on_taken(void *owner, const struct pg_reply *reply)
{
	struct pair *pair = owner;

	if (reply->status != CUT_OK) {
		struct pg_reply failed = *reply;

		pair->awaited = 0;
		pair->opened(pair, &failed);
	} else if (--pair->awaited == 0) {
		pair->opened(pair, NULL);
	}
}

void pair_open(struct pair *pair, struct cut_call *call, pair_fn *opened)
{
	struct sync *sync = call->plugin;

	pair->call = call;
	pair->opened = opened;
	pair->awaited = 2;
	pair->blue = pg_take(sync->pool, call, call_text(call, "blue"), on_taken, pair);
	pair->green = pg_take(sync->pool, call, call_text(call, "green"), on_taken, pair);
}

void pair_close(struct pair *pair)
{
	pg_give(pair->blue);
	pg_give(pair->green);
	pair->blue = pair->green = NULL;
}

void pair_cancel(struct cut_call *call)
{
	struct pair *pair = call->data;

	pair->cancel(pair);
}

static void on_later(struct cut_call *call)
{
	struct pair *pair = call->data;

	pair->later(pair->later_owner);
}

void pair_later(struct pair *pair, int64_t ms, later_fn *fn, void *owner)
{
	pair->later = fn;
	pair->later_owner = owner;
	pair->call->api->after(pair->call, ms, on_later);
}

int64_t call_left_ms(struct cut_call *call)
{
	int64_t left = call->deadline - call->api->now(call) - REPORT_MS;

	return left > 0 ? left : 0;
}

const char *call_text(const struct cut_call *call, const char *param)
{
	const char *text = json_string_value(json_object_get(call->params, param));

	return text ? text : "";
}

double call_number(const struct cut_call *call, const char *param, double fallback)
{
	const json_t *value = json_object_get(call->params, param);

	return json_is_number(value) ? json_number_value(value) : fallback;
}

int64_t sync_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
