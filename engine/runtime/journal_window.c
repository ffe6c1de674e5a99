/* SPDX-License-Identifier: Apache-2.0 */
/* The sliding window: aligned reads of some size, so that one code serves O_DIRECT as well. */
#include "engine/runtime/journal_window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALIGN	   ((size_t)4096)
#define READ_BYTES ((size_t)256 << 10)

int cut_window_open(const struct cut_journal_io *io, int dir, const char *name, bool direct,
		    struct cut_window *ret)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
	int fd = -1;

	if (direct)
		fd = io->openat(dir, name, flags | O_DIRECT);
	if (fd < 0 && (!direct || errno == EINVAL))
		fd = io->openat(dir, name, flags);
	if (fd < 0)
		return -errno;
	if (direct) /* for what O_DIRECT does not serve; after a sync the pages are clean */
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	*ret = (struct cut_window){.io = io, .fd = fd};
	return 0;
}

static void make_room(struct cut_window *window, size_t need)
{
	size_t cap = (need + READ_BYTES + ALIGN - 1) / ALIGN * ALIGN;
	void *buf = NULL;

	if (cap <= window->cap)
		return;
	if (posix_memalign(&buf, ALIGN, cap) != 0)
		cut_out_of_memory();
	if (window->len)
		memcpy(buf, window->buf, window->len);
	free(window->buf);
	window->buf = buf;
	window->cap = cap;
}

/* Drops what is before off, down to a whole block. */
static void slide(struct cut_window *window, uint64_t off)
{
	uint64_t start = off / ALIGN * ALIGN;

	if (start >= window->start + window->len) {
		window->len = 0;
	} else {
		window->len -= (size_t)(start - window->start);
		memmove(window->buf, window->buf + (start - window->start), window->len);
	}
	window->start = start;
}

int cut_window_at(struct cut_window *window, uint64_t off, size_t need, const char **ret_at,
		  size_t *ret_len)
{
	if (off + need > window->start + window->len && !window->eof) {
		slide(window, off);
		make_room(window, (size_t)(off - window->start) + need);
	}
	while (off + need > window->start + window->len && !window->eof) {
		ssize_t n = window->io->pread(window->fd, window->buf + window->len,
					      (window->cap - window->len) / ALIGN * ALIGN,
					      (off_t)(window->start + window->len));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		window->len += (size_t)n;
		window->eof = (size_t)n % ALIGN != 0 || n == 0; /* only the end is no whole block */
	}
	*ret_at = window->buf + (off - window->start);
	*ret_len = (size_t)(window->start + window->len - off);
	return 0;
}

void cut_window_close(struct cut_window *window)
{
	if (window->fd >= 0)
		window->io->close(window->fd);
	free(window->buf);
	*window = (struct cut_window){.fd = -1};
}
