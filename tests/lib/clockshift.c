/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a real program and what it forks: its wall clock and its boot clock are off by the
 * two numbers of milliseconds that stand, in binary, in the file CUT_TEST_CLOCKS. libfaketime will
 * not do: it takes every absolute timer for one of the wall clock. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#pragma GCC visibility push(default)

struct shift {
	int64_t wall_ms, boot_ms;
};

static const volatile struct shift *shift;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CUT_TEST_CLOCKS");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *page;

	if (fd < 0)
		return;
	page = mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, fd, 0);
	if (page != MAP_FAILED)
		shift = page;
	close(fd);
}

static int64_t shift_of(clockid_t id)
{
	if (!shift)
		return 0;
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE: return shift->wall_ms;
	case CLOCK_BOOTTIME: return shift->boot_ms;
	default: return 0;
	}
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, id, ret);
	int64_t ms = shift_of(id);

	if (r < 0)
		return r;
	ret->tv_sec += ms / 1000;
	ret->tv_nsec += ms % 1000 * 1000000;
	if (ret->tv_nsec < 0 || ret->tv_nsec >= 1000000000) {
		int carry = ret->tv_nsec < 0 ? -1 : 1;

		ret->tv_sec += carry;
		ret->tv_nsec -= carry * 1000000000L;
	}
	return r;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	ret->tv_sec = now.tv_sec;
	ret->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}
