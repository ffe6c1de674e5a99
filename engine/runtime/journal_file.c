/* SPDX-License-Identifier: Apache-2.0 */
/* One file of a journal on a disk that may be full or failing. */
#include "engine/runtime/journal_file.h"

#include "engine/base/rule.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

static int system_openat(int dir, const char *name, int flags)
{
	return openat(dir, name, flags, 0600);
}

static int system_unlinkat(int dir, const char *name)
{
	return unlinkat(dir, name, 0);
}

static int system_list(int dir, void (*each)(void *data, const char *name), void *data)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!list) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((entry = readdir(list)))
		each(data, entry->d_name);
	closedir(list);
	return 0;
}

const struct cut_journal_io cut_journal_io_system = {
	.openat = system_openat,
	.close = close,
	.pread = pread,
	.pwrite = pwrite,
	.fdatasync = fdatasync,
	.fsync = fsync,
	.fallocate = fallocate,
	.ftruncate = ftruncate,
	.unlinkat = system_unlinkat,
	.fstatfs = fstatfs,
	.list = system_list,
};

void cut_journal_file_name(unsigned index, char *ret, size_t len)
{
	if (index == 1)
		snprintf(ret, len, "journal.jsonl");
	else
		snprintf(ret, len, "journal.%u.jsonl", index);
}

static void count_file(void *data, const char *name)
{
	unsigned *highest = data, index = 1;
	int end = 0;

	if (strcmp(name, "journal.jsonl") != 0 &&
	    (sscanf(name, "journal.%2u.jsonl%n", &index, &end) != 1 || !end || name[end]))
		return;
	if (index > *highest)
		*highest = index;
}

int cut_journal_file_count(const struct cut_journal_io *io, int dir, unsigned *ret)
{
	unsigned highest = 0;

	if (io->list(dir, count_file, &highest) < 0)
		return -errno;
	*ret = highest;
	return 0;
}

/* From statfs(2) where linux/magic.h lacks them. */
enum { CIFS_MAGIC = 0xff534d42, FUSE_MAGIC = 0x65735546, CEPH_MAGIC = 0x00c36400 };

int cut_journal_check_fs(const struct cut_journal_io *io, int dir, const char *path,
			 struct cut_err *err)
{
	static const struct {
		uint32_t magic;
		const char *name;
	} refused[] = {
		{NFS_SUPER_MAGIC, "NFS"},  {SMB_SUPER_MAGIC, "SMB"},
		{SMB2_SUPER_MAGIC, "SMB"}, {(uint32_t)CIFS_MAGIC, "CIFS"},
		{FUSE_MAGIC, "FUSE"},	   {CEPH_MAGIC, "CephFS"},
		{AFS_FS_MAGIC, "AFS"},	   {CODA_SUPER_MAGIC, "Coda"},
		{V9FS_MAGIC, "9P"},
	};
	struct statfs fs;

	if (io->fstatfs(dir, &fs) < 0)
		return cut_err_sys(err, -errno, NULL, "cannot tell the file system of %s", path);
	for (size_t i = 0; i < CUT_ARRAY_LEN(refused); i++)
		if ((uint32_t)fs.f_type == refused[i].magic) {
			cut_auto(cut_str) char *why = cut_printf(
				"it is on %s, where neither locks nor syncs can be relied on",
				refused[i].name);

			return cut_err_set(err, -ENOTSUP, why, "name a local disk with --state-dir",
					   "cannot keep a journal in %s", path);
		}
	return 0;
}

bool cut_journal_file_fits(const struct cut_journal_file *file, uint64_t len, bool use_reserve)
{
	return file->end + len + (use_reserve ? 0 : CUT_JOURNAL_RESERVE) <= file->room;
}

int cut_journal_file_grow(struct cut_journal_file *file, uint64_t len)
{
	uint64_t want;

	if (cut_journal_file_fits(file, len + CUT_JOURNAL_LOW_WATER, false))
		return 0;
	want = (file->end + len + CUT_JOURNAL_LOW_WATER) / CUT_JOURNAL_STEP * CUT_JOURNAL_STEP +
	       CUT_JOURNAL_STEP + CUT_JOURNAL_RESERVE;
	if (file->io->fallocate(file->fd, FALLOC_FL_KEEP_SIZE, (off_t)file->room,
				(off_t)(want - file->room)) < 0) {
		if (errno != EOPNOTSUPP && errno != ENOSYS)
			return -errno;
		want = UINT64_MAX / 2; /* it cannot reserve: a full disk shows when it is written */
	}
	file->room = want;
	return 0;
}

/* Half a loaf: a resume on a full disk still gets the rollback's reserve where it can. */
static void grow_at_open(struct cut_journal_file *file)
{
	if (cut_journal_file_grow(file, 0) == 0)
		return;
	file->room = file->end;
	if (file->io->fallocate(file->fd, FALLOC_FL_KEEP_SIZE, 0,
				(off_t)(file->end + CUT_JOURNAL_RESERVE)) == 0)
		file->room += CUT_JOURNAL_RESERVE;
}

static int sync_directories(const struct cut_journal_io *io, int dir)
{
	int above, r;

	if (io->fsync(dir) < 0)
		return -errno;
	above = io->openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above < 0)
		return -errno;
	r = io->fsync(above) < 0 ? -errno : 0;
	io->close(above);
	return r;
}

int cut_journal_file_create(const struct cut_journal_io *io, int dir, unsigned index,
			    struct cut_journal_file *ret)
{
	struct cut_journal_file file = {.io = io, .index = index};
	char name[32];
	int r;

	if (index > CUT_JOURNAL_FILES)
		return -EMFILE;
	cut_journal_file_name(index, name, sizeof(name));
	file.fd = io->openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC);
	if (file.fd < 0)
		return -errno;
	r = cut_journal_file_grow(&file, 0);
	if (r == 0 && io->fdatasync(file.fd) < 0)
		r = -errno;
	if (r == 0)
		r = sync_directories(io, dir);
	if (r < 0) {
		io->close(file.fd);
		io->unlinkat(dir, name);
		return r;
	}
	*ret = file;
	return 0;
}

int cut_journal_file_open(const struct cut_journal_io *io, int dir, unsigned index, uint64_t end,
			  struct cut_journal_file *ret)
{
	struct cut_journal_file file = {.io = io, .index = index, .end = end};
	char name[32];
	int r = 0;

	cut_journal_file_name(index, name, sizeof(name));
	file.fd = io->openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (file.fd < 0)
		return -errno;
	if (io->ftruncate(file.fd, (off_t)end) < 0 || io->fdatasync(file.fd) < 0)
		r = -errno;
	if (r < 0) {
		io->close(file.fd);
		return r;
	}
	grow_at_open(&file);
	*ret = file;
	return 0;
}

int cut_journal_file_write(struct cut_journal_file *file, const char *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = file->io->pwrite(file->fd, data + done, len - done,
					     (off_t)(file->end + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EDQUOT ? -ENOSPC : -errno;
		if (n == 0)
			return -EIO;
		done += (size_t)n;
	}
	if (file->io->fdatasync(file->fd) < 0 &&
	    (CUT_RULE(SYNC_ONCE) || file->io->fdatasync(file->fd) < 0))
		return errno == ENOSPC ? -EIO : -errno;
	file->end += len;
	return 0;
}

void cut_journal_file_close(struct cut_journal_file *file)
{
	if (file->fd >= 0)
		file->io->close(file->fd);
	file->fd = -1;
}
