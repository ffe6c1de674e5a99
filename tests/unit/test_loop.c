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

enum { LONG_MS = 30, TRIES = 20 };

static void wake(uv_timer_t *timer)
{
}

static void block(uv_timer_t *timer)
{
	usleep(LONG_MS * 1000);
}

static void compute(uv_timer_t *timer)
{
	struct timespec now, start;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 <
	       LONG_MS);
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

/* What the sleep before it waited for a processor is taken off as well: on a busy machine some. */
static void test_a_callback_that_blocks_is_counted(void **state)
{
	double max_ms = 0, wall_ms;

	for (int i = 0; i < TRIES && max_ms < LONG_MS * 0.9; i++) {
		measure(block, &max_ms, &wall_ms);
		assert_true(wall_ms >= LONG_MS);
	}
	assert_true(max_ms >= LONG_MS * 0.9);
}

static void test_a_callback_that_computes_is_counted(void **state)
{
	double max_ms = 0, wall_ms;

	for (int i = 0; i < TRIES && max_ms < LONG_MS; i++) {
		measure(compute, &max_ms, &wall_ms);
		assert_true(wall_ms >= LONG_MS);
	}
	assert_true(max_ms >= LONG_MS);
}

static void test_the_time_that_other_processes_take_is_told_apart(void **state)
{
	cpu_set_t all, one;
	double max_ms = 0, wall_ms = 0;
	bool told_apart = false;
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
	for (int i = 0; i < TRIES && !told_apart; i++) {
		measure(compute, &max_ms, &wall_ms);
		told_apart = wall_ms >= 2 * LONG_MS && max_ms >= LONG_MS &&
			     max_ms < wall_ms - LONG_MS / 2;
	}
	for (int i = 0; i < 3; i++) {
		kill(rivals[i], SIGKILL);
		waitpid(rivals[i], NULL, 0);
	}
	sched_setaffinity(0, sizeof(all), &all);
	assert_true(told_apart);
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
