/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks, the alarm and the watch of the wall clock. */
#include "engine/runtime/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

static void test_the_boot_clock_moves_and_the_boot_has_an_id(void **state)
{
	cut_time before = cut_clock_boot();
	char id[37];

	usleep(3000);
	assert_true(cut_clock_boot() >= before + 3);
	assert_int_equal(cut_clock_boot_id(id), 0);
	assert_int_equal(strlen(id), 36);
	assert_int_equal(id[8], '-');
}

struct rings {
	struct cut_alarm *alarm;
	int count;
	cut_time at;
	cut_time again; /* set anew in the callback */
};

static void on_ring(void *data)
{
	struct rings *r = data;

	r->count++;
	r->at = cut_clock_boot();
	cut_alarm_set(r->alarm, r->again);
	r->again = CUT_NEVER;
}

static void turn_until(uv_loop_t *loop, const struct rings *r, int count)
{
	cut_time end = cut_clock_boot() + CUT_MINUTE;

	while (r->count < count && cut_clock_boot() < end)
		uv_run(loop, UV_RUN_ONCE);
	assert_int_equal(r->count, count);
}

static void test_an_alarm_rings_once_and_never_early(void **state)
{
	struct rings r = {.again = CUT_NEVER};
	cut_time due = cut_clock_boot() + 30;
	uv_loop_t loop;

	uv_loop_init(&loop);
	assert_int_equal(cut_alarm_new(&loop, on_ring, &r, &r.alarm, NULL), 0);
	cut_alarm_set(r.alarm, due);
	turn_until(&loop, &r, 1);
	assert_true(r.at >= due);
	usleep(2000);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(r.count, 1);
	cut_alarm_free(r.alarm);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_an_alarm_may_be_set_anew_moved_and_switched_off(void **state)
{
	cut_time now = cut_clock_boot();
	struct rings r = {.again = now + 20};
	uv_loop_t loop;

	uv_loop_init(&loop);
	assert_int_equal(cut_alarm_new(&loop, on_ring, &r, &r.alarm, NULL), 0);
	cut_alarm_set(r.alarm, now + CUT_HOUR);
	cut_alarm_set(r.alarm, now - 5); /* has passed: rings in the next turn, then at `again` */
	turn_until(&loop, &r, 2);
	assert_true(r.at >= now + 20);
	cut_alarm_set(r.alarm, cut_clock_boot() + 5);
	cut_alarm_set(r.alarm, CUT_NEVER);
	usleep(10000);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(r.count, 2);
	cut_alarm_free(r.alarm);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_a_jump_is_more_than_two_seconds_against_the_boot_clock(void **state)
{
	static const struct {
		cut_time wall, boot, jump, base;
	} rows[] = {
		{1000000, 5000, 0, 995000}, /* both went on alike */
		{1060000, 65000, 0, 995000},
		{1002000, 5000, 0, 995000}, /* two seconds is not yet more than two */
		{1002001, 5000, 2001, 997001},
		{997999, 5000, -2001, 992999},
		{4600000, 5000, 3600000, 4595000}, /* summer time done wrong */
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_time base = 995000;

		assert_int_equal(cut_wall_jump(rows[i].wall, rows[i].boot, &base), rows[i].jump);
		assert_int_equal(base, rows[i].base);
		assert_int_equal(cut_wall_jump(rows[i].wall, rows[i].boot, &base), 0);
	}
}

static void on_jump(void *data, cut_time jump)
{
	++*(int *)data;
}

/* By so little that nobody minds. The kernel wakes nobody for a step of nothing. */
static int nudge_clock(long ns)
{
	struct timex step = {
		.modes = ADJ_SETOFFSET | ADJ_NANO,
		.time = {.tv_sec = ns < 0 ? -1 : 0, .tv_usec = ns < 0 ? 1000000000 + ns : ns},
	};

	return adjtimex(&step);
}

static void test_setting_the_clock_wakes_the_watch_but_a_small_step_is_not_told(void **state)
{
	struct cut_wallwatch *watch = NULL;
	int jumps = 0;
	uv_loop_t loop;

	uv_loop_init(&loop);
	assert_int_equal(cut_wallwatch_new(&loop, on_jump, &jumps, &watch, NULL), 0);
	assert_int_equal(uv_run(&loop, UV_RUN_NOWAIT), 0);
	if (nudge_clock(1) >= 0) {
		uv_run(&loop, UV_RUN_NOWAIT);
		nudge_clock(-1);
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(jumps, 0);
	cut_wallwatch_free(watch);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_boot_clock_moves_and_the_boot_has_an_id),
		cmocka_unit_test(test_an_alarm_rings_once_and_never_early),
		cmocka_unit_test(test_an_alarm_may_be_set_anew_moved_and_switched_off),
		cmocka_unit_test(test_a_jump_is_more_than_two_seconds_against_the_boot_clock),
		cmocka_unit_test(
			test_setting_the_clock_wakes_the_watch_but_a_small_step_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
