/* SPDX-License-Identifier: Apache-2.0 */
/* What the loop's gauge counts against a callback, and what it does not. */
#include "engine/runtime/loop.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

enum { SHORTEST_MS = 30, LONGEST_MS = 2000 };

static unsigned long_ms; /* that a callback takes */

static void wake(uv_timer_t *timer)
{
}

static void block(uv_timer_t *timer)
{
	usleep(long_ms * 1000);
}

static void compute(uv_timer_t *timer)
{
	struct timespec now, start;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 <
	       long_ms);
}

/* The gauge after a loop that only ran `callback`, once, and slept 5 ms on each side of it. */
static void measure(uv_timer_cb callback, double *ret_max_ms, double *ret_wall_ms)
{
	uv_timer_t timers[3];
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	cut_loop_measure(&loop);
	for (int i = 0; i < 3; i++) {
		uv_timer_init(&loop, &timers[i]);
		uv_timer_start(&timers[i], i == 1 ? callback : wake, (uint64_t)(5 * i), 0);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	*ret_max_ms = cut_loop_max_ms(&loop);
	*ret_wall_ms = cut_loop_max_wall_ms(&loop);
	for (int i = 0; i < 3; i++)
		uv_close((uv_handle_t *)&timers[i], NULL);
	cut_loop_measure_end(&loop);
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* What the sleep before it waited for a processor is taken off as well: on a busy machine a
 * callback must take longer for that to be little. */
static void expect(uv_timer_cb callback, bool (*holds)(double max_ms, double wall_ms))
{
	bool held = false;

	for (long_ms = SHORTEST_MS; !held && long_ms <= LONGEST_MS; long_ms *= 2) {
		double max_ms, wall_ms;

		measure(callback, &max_ms, &wall_ms);
		assert_true(wall_ms >= long_ms);
		held = holds(max_ms, wall_ms);
	}
	assert_true(held);
}

static bool is_counted(double max_ms, double wall_ms)
{
	return max_ms >= long_ms * 0.9;
}

static bool is_told_apart(double max_ms, double wall_ms)
{
	return is_counted(max_ms, wall_ms) && wall_ms >= 2 * long_ms &&
	       max_ms < wall_ms - long_ms / 2.0;
}

static void test_a_callback_that_blocks_is_counted(void **state)
{
	expect(block, is_counted);
}

static void test_a_callback_that_computes_is_counted(void **state)
{
	expect(compute, is_counted);
}

static void test_the_time_that_other_processes_take_is_told_apart(void **state)
{
	cpu_set_t all, one;
	pid_t rivals[3];

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (size_t i = 0; CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	for (int i = 0; i < 3; i++) {
		rivals[i] = fork();
		if (rivals[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				; /* wants the processor, too */
		}
	}
	usleep(20000);
	expect(compute, is_told_apart);
	for (int i = 0; i < 3; i++) {
		kill(rivals[i], SIGKILL);
		waitpid(rivals[i], NULL, 0);
	}
	sched_setaffinity(0, sizeof(all), &all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_callback_that_blocks_is_counted),
		cmocka_unit_test(test_a_callback_that_computes_is_counted),
		cmocka_unit_test(test_the_time_that_other_processes_take_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
