/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/loop.h"

#include "engine/base/alloc.h"

#include <time.h>
#include <uv.h>

/* libuv runs the callbacks of descriptors within its poll phase, so a turn is taken from one sleep
 * to the next, less what the loop says it slept. */
struct gauge {
	uv_prepare_t before_sleep;
	uint64_t at_ns, slept_ns; /* at the last sleep; 0: not yet */
	uint64_t cpu_ns;	  /* of this thread, at the last sleep */
	uint64_t max_ns, max_cpu_ns;
};

static uint64_t thread_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void on_before_sleep(uv_prepare_t *prepare)
{
	struct gauge *g = cut_container(prepare, struct gauge, before_sleep);
	uint64_t now = uv_hrtime(), slept = uv_metrics_idle_time(prepare->loop);
	uint64_t cpu = thread_cpu_ns();
	uint64_t turn = g->at_ns ? (now - g->at_ns) - (slept - g->slept_ns) : 0;
	uint64_t turn_cpu = g->at_ns ? cpu - g->cpu_ns : 0;

	g->at_ns = now;
	g->slept_ns = slept;
	g->cpu_ns = cpu;
	if (turn > g->max_ns)
		g->max_ns = turn;
	if (turn_cpu > g->max_cpu_ns)
		g->max_cpu_ns = turn_cpu;
}

void cut_loop_measure(struct uv_loop_s *loop)
{
	struct gauge *g = cut_new(struct gauge);

	loop->data = g;
	uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
	uv_prepare_init(loop, &g->before_sleep);
	uv_prepare_start(&g->before_sleep, on_before_sleep);
	uv_unref((uv_handle_t *)&g->before_sleep);
}

static void on_closed(uv_handle_t *handle)
{
	free(cut_container((uv_prepare_t *)handle, struct gauge, before_sleep));
}

void cut_loop_measure_end(struct uv_loop_s *loop)
{
	struct gauge *g = loop->data;

	if (!g)
		return;
	loop->data = NULL;
	uv_close((uv_handle_t *)&g->before_sleep, on_closed);
	uv_run(loop, UV_RUN_DEFAULT);
}

double cut_loop_max_ms(struct uv_loop_s *loop)
{
	const struct gauge *g = loop->data;

	return g ? (double)g->max_ns / 1e6 : 0;
}

double cut_loop_max_cpu_ms(struct uv_loop_s *loop)
{
	const struct gauge *g = loop->data;

	return g ? (double)g->max_cpu_ns / 1e6 : 0;
}
