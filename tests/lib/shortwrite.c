/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a real program: of its writes into files, and of those of what it forks, the one
 * with the number CUTOVER_SHORT_WRITE writes only half. */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic unsigned long *count; /* shared with what is forked */
static unsigned long chosen;

__attribute__((constructor)) static void begin(void)
{
	const char *number = getenv("CUTOVER_SHORT_WRITE");
	void *page = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			  -1, 0);

	chosen = number ? strtoul(number, NULL, 10) : 0;
	if (page != MAP_FAILED)
		count = page;
}

static size_t length(int fd, size_t len)
{
	struct stat st;

	if (!count || len < 2 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    atomic_fetch_add(count, 1) + 1 != chosen)
		return len;
	return len / 2;
}

__attribute__((visibility("default"))) ssize_t write(int fd, const void *data, size_t len)
{
	return syscall(SYS_write, fd, data, length(fd, len));
}

__attribute__((visibility("default"))) ssize_t pwrite(int fd, const void *data, size_t len,
						      off_t at)
{
	return syscall(SYS_pwrite64, fd, data, length(fd, len), at);
}
