/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a real program: counts its allocations, those of every library included, and of
 * what it forks, and fails the one with the number CUTOVER_FAIL_ALLOC, once. A program that ends
 * writes the number of them all into the file CUTOVER_COUNT_ALLOC. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);

static _Atomic unsigned long *count; /* shared with what is forked */
static unsigned long fails;
static pid_t first;

__attribute__((constructor)) static void begin(void)
{
	const char *number = getenv("CUTOVER_FAIL_ALLOC");
	void *page = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			  -1, 0);

	fails = number ? strtoul(number, NULL, 10) : 0;
	first = getpid();
	if (page != MAP_FAILED)
		count = page;
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("CUTOVER_COUNT_ALLOC");
	int fd = path && getpid() == first ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;

	if (fd < 0)
		return;
	dprintf(fd, "%lu\n", atomic_load(count));
	close(fd);
}

/* libseccomp 2.5.4 uses freed memory, or goes in circles, where it gets none: nothing of ours can
 * help that, and the engine ends a host that does not get ready. */
static int is_spared(const void *caller)
{
	Dl_info in;

	return dladdr(caller, &in) && in.dli_fname && strstr(in.dli_fname, "libseccomp");
}

static int is_failing(const void *caller)
{
	if (!count || atomic_fetch_add(count, 1) + 1 != fails || is_spared(caller))
		return 0;
	errno = ENOMEM;
	return 1;
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
	return is_failing(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
	return is_failing(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t size)
{
	return is_failing(__builtin_return_address(0)) ? NULL : __libc_realloc(p, size);
}

__attribute__((visibility("default"))) int posix_memalign(void **ret, size_t align, size_t size)
{
	void *p = is_failing(__builtin_return_address(0)) ? NULL : __libc_memalign(align, size);

	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}
