/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks, and timerfds in the loop: libuv's own timers count whole milliseconds of a clock that
 * stands still while the machine sleeps. */
#include "engine/runtime/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

static cut_time read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (cut_time)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

cut_time cut_clock_boot(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

cut_time cut_clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

int cut_clock_boot_id(char ret[37])
{
	char id[37] = {0};
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, id, 36);
	close(fd);
	if (n != 36)
		return -EIO;
	for (int i = 0; i < 37; i++)
		ret[i] = id[i];
	return 0;
}

/* A timerfd in the loop: what the alarm and the watch have in common. */
struct fd_timer {
	int fd;
	uv_poll_t poll;
};

static int fd_timer_start(struct fd_timer *timer, struct uv_loop_s *loop, clockid_t clock,
			  uv_poll_cb cb, struct cut_err *err)
{
	int r;

	timer->fd = timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer->fd < 0)
		return cut_err_sys(err, -errno, NULL, "cannot create a timer");
	r = uv_poll_init(loop, &timer->poll, timer->fd);
	if (r < 0) {
		close(timer->fd);
		return cut_err_sys(err, r, NULL, "cannot watch a timer");
	}
	uv_poll_start(&timer->poll, UV_READABLE, cb);
	return 0;
}

struct cut_alarm {
	struct fd_timer timer;
	cut_alarm_fn *ring;
	void *data;
	cut_time at;
};

static void on_alarm(uv_poll_t *poll, int status, int events)
{
	struct cut_alarm *alarm = cut_container(poll, struct cut_alarm, timer.poll);
	uint64_t times;

	if (read(alarm->timer.fd, &times, sizeof(times)) != sizeof(times))
		return; /* set anew since it became readable */
	alarm->at = CUT_NEVER;
	alarm->ring(alarm->data);
}

int cut_alarm_new(struct uv_loop_s *loop, cut_alarm_fn *ring, void *data, struct cut_alarm **ret,
		  struct cut_err *err)
{
	struct cut_alarm *alarm = cut_new(struct cut_alarm);
	int r;

	r = fd_timer_start(&alarm->timer, loop, CLOCK_BOOTTIME, on_alarm, err);
	if (r < 0) {
		free(alarm);
		return r;
	}
	alarm->ring = ring;
	alarm->data = data;
	alarm->at = CUT_NEVER;
	*ret = alarm;
	return 0;
}

void cut_alarm_set(struct cut_alarm *alarm, cut_time boot)
{
	struct itimerspec at = {0};

	if (alarm->at == boot)
		return;
	alarm->at = boot;
	if (boot != CUT_NEVER) {
		cut_time point = boot > 0 ? boot : 1; /* zero would switch it off */

		at.it_value.tv_sec = point / 1000;
		at.it_value.tv_nsec = point % 1000 * 1000000;
	}
	timerfd_settime(alarm->timer.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void cut_alarm_keep(struct cut_alarm *alarm, bool keep)
{
	if (keep)
		uv_ref((uv_handle_t *)&alarm->timer.poll);
	else
		uv_unref((uv_handle_t *)&alarm->timer.poll);
}

static void on_alarm_closed(uv_handle_t *handle)
{
	free(cut_container(handle, struct cut_alarm, timer.poll));
}

void cut_alarm_free(struct cut_alarm *alarm)
{
	if (!alarm)
		return;
	uv_poll_stop(&alarm->timer.poll);
	close(alarm->timer.fd);
	uv_close((uv_handle_t *)&alarm->timer.poll, on_alarm_closed);
}

cut_time cut_wall_jump(cut_time wall, cut_time boot, cut_time *base)
{
	cut_time jump = wall - boot - *base;

	if (jump >= -CUT_WALL_JUMP && jump <= CUT_WALL_JUMP)
		return 0;
	*base += jump;
	return jump;
}

struct cut_wallwatch {
	struct fd_timer timer;
	cut_wallwatch_fn *jumped;
	void *data;
	cut_time base;
};

/* Far enough never to expire; the kernel cancels it when the clock is set. */
static void watch_wall(struct cut_wallwatch *watch)
{
	struct itimerspec far = {.it_value = {.tv_sec = (time_t)1 << 40}};

	timerfd_settime(watch->timer.fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void on_wall_set(uv_poll_t *poll, int status, int events)
{
	struct cut_wallwatch *watch = cut_container(poll, struct cut_wallwatch, timer.poll);
	uint64_t times;
	cut_time jump;

	if (read(watch->timer.fd, &times, sizeof(times)) < 0 && errno == EAGAIN)
		return;
	watch_wall(watch);
	jump = cut_wall_jump(cut_clock_wall(), cut_clock_boot(), &watch->base);
	if (jump)
		watch->jumped(watch->data, jump);
}

int cut_wallwatch_new(struct uv_loop_s *loop, cut_wallwatch_fn *jumped, void *data,
		      struct cut_wallwatch **ret, struct cut_err *err)
{
	struct cut_wallwatch *watch = cut_new(struct cut_wallwatch);
	int r;

	r = fd_timer_start(&watch->timer, loop, CLOCK_REALTIME, on_wall_set, err);
	if (r < 0) {
		free(watch);
		return r;
	}
	uv_unref((uv_handle_t *)&watch->timer.poll);
	watch->jumped = jumped;
	watch->data = data;
	watch->base = cut_clock_wall() - cut_clock_boot();
	watch_wall(watch);
	*ret = watch;
	return 0;
}

static void on_watch_closed(uv_handle_t *handle)
{
	free(cut_container(handle, struct cut_wallwatch, timer.poll));
}

void cut_wallwatch_free(struct cut_wallwatch *watch)
{
	if (!watch)
		return;
	uv_poll_stop(&watch->timer.poll);
	close(watch->timer.fd);
	uv_close((uv_handle_t *)&watch->timer.poll, on_watch_closed);
}
