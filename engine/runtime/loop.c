/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/loop.h"

#include "engine/base/alloc.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

/* One thread's clocks; all of them only grow. */
struct spent {
	uint64_t wall_ns;
	uint64_t slept_ns;  /* in the loop's poll */
	uint64_t cpu_ns;    /* had a processor */
	uint64_t queued_ns; /* was ready to go on, and others had the processors */
	uint64_t pauses;    /* times that it gave the processor away to wait for something */
};

#define A_SLEEP_NS 50000 /* at least, of the loop itself, to be one of the pauses */

/* libuv runs the callbacks of descriptors within its poll phase, so a turn is taken from one sleep
 * to the next, less what the loop says it slept. */
struct gauge {
	uv_prepare_t before_sleep;
	int schedstat;	   /* of this thread; -1: the kernel keeps none */
	struct spent last; /* at the last sleep; wall_ns 0: not yet */
	uint64_t max_ns, max_wall_ns;
};

static uint64_t thread_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* "on a processor, waiting for one, slices", in ns: Documentation/scheduler/sched-stats.rst */
static uint64_t queued_ns(int schedstat)
{
	char text[64];
	ssize_t n = pread(schedstat, text, sizeof(text) - 1, 0);
	unsigned long long queued = 0;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return sscanf(text, "%*u %llu", &queued) == 1 ? queued : 0;
}

static uint64_t pauses(void)
{
	struct rusage usage = {0};

	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_nvcsw;
}

/* Of a turn that waited for nothing, what it computed: the rest went to interrupts, to others, or
 * to the host of a virtual machine. Of one that did, all but what it waited for a processor; that
 * is not told from what the sleep before it did, so it may look shorter than it was. */
static uint64_t held_ns(const struct spent *last, const struct spent *now, uint64_t turn)
{
	uint64_t cpu = now->cpu_ns - last->cpu_ns, queued = now->queued_ns - last->queued_ns;
	uint64_t held = turn > queued ? turn - queued : 0;
	bool slept = now->slept_ns - last->slept_ns >= A_SLEEP_NS;

	cpu = cpu < turn ? cpu : turn; /* the sleep takes some, too */
	return now->pauses - last->pauses > slept && held > cpu ? held : cpu;
}

static void on_before_sleep(uv_prepare_t *prepare)
{
	struct gauge *g = cut_container(prepare, struct gauge, before_sleep);
	struct spent now = {
		.wall_ns = uv_hrtime(),
		.slept_ns = uv_metrics_idle_time(prepare->loop),
		.cpu_ns = thread_cpu_ns(),
		.queued_ns = queued_ns(g->schedstat),
		.pauses = pauses(),
	};
	const struct spent *last = &g->last;

	if (last->wall_ns) {
		uint64_t turn = (now.wall_ns - last->wall_ns) - (now.slept_ns - last->slept_ns);
		uint64_t held = held_ns(last, &now, turn);

		if (turn > g->max_wall_ns)
			g->max_wall_ns = turn;
		if (held > g->max_ns)
			g->max_ns = held;
	}
	g->last = now;
}

void cut_loop_measure(struct uv_loop_s *loop)
{
	struct gauge *g = cut_new(struct gauge);

	g->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	loop->data = g;
	uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
	uv_prepare_init(loop, &g->before_sleep);
	uv_prepare_start(&g->before_sleep, on_before_sleep);
	uv_unref((uv_handle_t *)&g->before_sleep);
}

static void on_closed(uv_handle_t *handle)
{
	struct gauge *g = cut_container((uv_prepare_t *)handle, struct gauge, before_sleep);

	if (g->schedstat >= 0)
		close(g->schedstat);
	free(g);
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

double cut_loop_max_wall_ms(struct uv_loop_s *loop)
{
	const struct gauge *g = loop->data;

	return g ? (double)g->max_wall_ns / 1e6 : 0;
}
