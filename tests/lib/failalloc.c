/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a real program: tells its allocations apart, those of every library included and
 * of what it forks, and fails one, once. Two are the same when the same calls led to both, as far
 * as we look, wherever the program was loaded. They stand in the file CUTOVER_ALLOCS, which
 * tests/plugin/allocs.py makes and reads. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FRAMES = 16, PATHS = 1 << 17 };

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);

static struct {
	uint64_t fails, nth; /* the path of the one that fails, from 1; 0: all are listed */
	_Atomic uint64_t met, len;
	uint64_t paths[PATHS];
} * told;
static __thread int looks; /* looking at the stack may allocate itself */

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CUTOVER_ALLOCS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *page, *frame;

	if (fd < 0)
		return;
	looks = 1;
	backtrace(&frame, 1);
	looks = 0;
	page = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page != MAP_FAILED)
		told = page;
	close(fd);
}

static uint64_t this_path(void)
{
	void *frames[FRAMES];
	uint64_t hash = 14695981039346656037u; /* FNV-1a */
	int n = backtrace(frames, FRAMES);

	for (int i = 0; i < n; i++) {
		struct dl_find_object in;

		if (_dl_find_object(frames[i], &in) < 0)
			break; /* above where the loader began */
		hash = (hash ^ ((uintptr_t)frames[i] - in.dlfo_link_map->l_addr)) * 1099511628211u;
	}
	return hash | 1;
}

/* libseccomp 2.5.4 uses freed memory, or goes in circles, where it gets none: nothing of ours can
 * help that, and the engine ends a host that does not get ready. */
static int is_spared(const void *caller)
{
	Dl_info in;

	return dladdr(caller, &in) && in.dli_fname && strstr(in.dli_fname, "libseccomp");
}

/* Nor does glibc 2.36 live through a look for a user without: it asserts, or follows NULL. */
__attribute__((visibility("default"))) struct passwd *getpwuid(uid_t uid)
{
	static struct passwd *(*real)(uid_t);
	struct passwd *found;

	if (!real)
		real = dlsym(RTLD_NEXT, "getpwuid");
	looks++;
	found = real(uid);
	looks--;
	return found;
}

/* And libuv 1.44 aborts where it is given no thread. */
__attribute__((visibility("default"))) int
pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *), void *data)
{
	static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	int r;

	if (!real)
		real = dlsym(RTLD_NEXT, "pthread_create");
	looks++;
	r = real(ret, attr, run, data);
	looks--;
	return r;
}

static __attribute__((noinline)) int is_failing(const void *caller)
{
	uint64_t path, i;

	if (!told || looks || (told->fails && atomic_load(&told->met) >= told->nth))
		return 0;
	looks = 1;
	path = this_path();
	if (!told->fails && !is_spared(caller)) {
		i = atomic_fetch_add(&told->len, 1);
		if (i < PATHS)
			told->paths[i] = path;
	}
	looks = 0;
	if (path != told->fails || atomic_fetch_add(&told->met, 1) + 1 != told->nth)
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
