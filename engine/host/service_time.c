/* SPDX-License-Identifier: Apache-2.0 */
/* What calls are given to wait: the boot-time clock and one-shot timers. */
#include "engine/host/host.h"

#include <time.h>

struct host_timer {
	uv_timer_t uv;
	struct host_call *call;
	cut_timer_fn *fn;
	struct list_node in_call;
};

int64_t host_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t service_now(struct cut_call *pub)
{
	return host_now();
}

static void on_closed(uv_handle_t *handle)
{
	free(cut_container(handle, struct host_timer, uv));
}

static void drop(struct host_timer *timer)
{
	list_remove(&timer->in_call);
	uv_close((uv_handle_t *)&timer->uv, on_closed);
}

static void on_timer(uv_timer_t *uv)
{
	struct host_timer *timer = cut_container(uv, struct host_timer, uv);
	struct host_call *call = timer->call;
	cut_timer_fn *fn = timer->fn;

	drop(timer);
	fn(&call->pub);
}

int service_after(struct cut_call *pub, int64_t ms, cut_timer_fn *fn)
{
	struct host_call *call = host_call_of(pub);
	struct host_timer *timer;

	if (!fn || ms < 0)
		return -EINVAL;
	timer = cut_new(struct host_timer);
	timer->call = call;
	timer->fn = fn;
	uv_timer_init(&call->host->loop, &timer->uv);
	uv_update_time(&call->host->loop);
	uv_timer_start(&timer->uv, on_timer, (uint64_t)ms, 0);
	list_add(&call->timers, &timer->in_call);
	return 0;
}

void service_timers_drop(struct host_call *call)
{
	while (call->timers)
		drop(cut_container(call->timers, struct host_timer, in_call));
}
