/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that fails as it is told to. Included by the tests of a journal in trouble. */
#pragma once

#include "engine/runtime/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <uv.h>

/* A disk over the real one. What was written since the last good sync is lost with a bad one, as
 * with a page cache that marks failed pages clean. */
static struct disk {
	_Atomic int calls;
	int fail_from, fail_to; /* these calls fail, counted from 1 */
	int error;
	_Atomic bool full;   /* no more space is reserved */
	off_t full_above;    /* …and none is written beyond; 0: no such end */
	bool loses_unsynced; /* at a failed sync */
	bool forgets_all;    /* what is read back is not there */
	size_t write_at_most;
	off_t seen_at_first; /* the next read ends here, as beside a writer; 0: sees all */
	off_t synced_len[8]; /* by descriptor, coarse: enough for one file at a time */
	_Atomic int syncs;
	int directory_syncs;
	uv_sem_t *held; /* a sync waits for this */
} disk;

static bool is_failing(void)
{
	disk.calls++;
	if (disk.calls < disk.fail_from || disk.calls > disk.fail_to)
		return false;
	errno = disk.error;
	return true;
}

static int disk_openat(int dir, const char *name, int flags)
{
	return is_failing() ? -1 : cut_journal_io_system.openat(dir, name, flags);
}

static ssize_t disk_pread(int fd, void *buf, size_t len, off_t at)
{
	ssize_t n;

	if (is_failing())
		return -1;
	n = disk.forgets_all ? 0 : pread(fd, buf, len, at);
	if (disk.seen_at_first && at + n > disk.seen_at_first) {
		n = disk.seen_at_first - at;
		disk.seen_at_first = 0;
	}
	return n;
}

static ssize_t disk_pwrite(int fd, const void *buf, size_t len, off_t at)
{
	if (is_failing())
		return -1;
	if (disk.full_above && at + (off_t)len > disk.full_above) {
		errno = ENOSPC;
		return -1;
	}
	if (disk.write_at_most && len > disk.write_at_most)
		len = disk.write_at_most;
	return pwrite(fd, buf, len, at);
}

static int disk_fdatasync(int fd)
{
	off_t *synced = &disk.synced_len[fd % 8];
	struct stat st;

	disk.syncs++;
	if (disk.held)
		uv_sem_wait(disk.held);
	if (is_failing()) {
		if (disk.loses_unsynced && ftruncate(fd, *synced) < 0)
			abort();
		return -1;
	}
	fstat(fd, &st);
	*synced = st.st_size;
	return 0;
}

static int disk_fsync(int fd)
{
	disk.directory_syncs++;
	return is_failing() ? -1 : 0;
}

static int disk_fallocate(int fd, int mode, off_t at, off_t len)
{
	if (is_failing())
		return -1;
	if (disk.full) {
		errno = ENOSPC;
		return -1;
	}
	return 0;
}

static int disk_ftruncate(int fd, off_t len)
{
	return is_failing() ? -1 : ftruncate(fd, len);
}

static int disk_unlinkat(int dir, const char *name)
{
	return unlinkat(dir, name, 0);
}

static int disk_list(int dir, void (*each)(void *data, const char *name), void *data)
{
	return cut_journal_io_system.list(dir, each, data);
}

static const struct cut_journal_io disk_io = {
	.openat = disk_openat,
	.close = close,
	.pread = disk_pread,
	.pwrite = disk_pwrite,
	.fdatasync = disk_fdatasync,
	.fsync = disk_fsync,
	.fallocate = disk_fallocate,
	.ftruncate = disk_ftruncate,
	.unlinkat = disk_unlinkat,
	.fstatfs = fstatfs,
	.list = disk_list,
};
