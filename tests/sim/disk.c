/* SPDX-License-Identifier: Apache-2.0 */
/* A disk below a page cache. Reads see the cache; only a sync brings it to the medium, in sectors.
 * A sync that fails leaves some sectors behind and calls all of them clean, so that the next one
 * has nothing to do: the cache then shows what the disk never got. */
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

enum { SECTOR = 512, FIRST_FD = 1 << 20 };

struct sim_file {
	char name[32];
	struct cut_buf cache, medium;
	struct {
		CUT_VEC(bool);
	} dirty; /* by sector */
	bool size_dirty, entry_durable, removed;
	size_t reserved;
};

/* The journal's calls do not say whose they are. One thread, one engine at a time. */
static _Thread_local struct sim_engine *caller;

void sim_disk_enter(struct sim_engine *engine)
{
	caller = engine;
}

static int fail(int code)
{
	errno = code;
	return -1;
}

/* Is the disk in the mood to fail? */
static bool breaks(uint32_t per_mille)
{
	struct sim *sim = caller->sim;

	return sim_faulty(sim) && sim_roll(&sim->rng, 1000) < per_mille;
}

static struct sim_fd *fd_at(int fd)
{
	return &caller->sim->disk.fds.items[fd - FIRST_FD];
}

static struct sim_file *find(const struct sim_disk *disk, const char *name)
{
	cut_vec_foreach (&disk->files, file)
		if (!(*file)->removed && strcmp((*file)->name, name) == 0)
			return *file;
	return NULL;
}

static int open_fd(struct sim_file *file, bool direct)
{
	struct sim_disk *disk = &caller->sim->disk;

	cut_vec_push(&disk->fds, (struct sim_fd){file, direct});
	return FIRST_FD + (int)disk->fds.len - 1;
}

static int disk_openat(int dir, const char *name, int flags)
{
	struct sim_disk *disk = &caller->sim->disk;
	struct sim_file *file;

	if (!sim_alive(caller) || breaks(3))
		return fail(EIO);
	if (flags & O_DIRECTORY)
		return open_fd(NULL, false);
	file = find(disk, name);
	if (file && flags & O_EXCL)
		return fail(EEXIST);
	if (!file && !(flags & O_CREAT))
		return fail(ENOENT);
	if (!file) {
		file = cut_new(struct sim_file);
		strncpy(file->name, name, sizeof(file->name) - 1);
		cut_vec_push(&disk->files, file);
	}
	return open_fd(file, flags & O_DIRECT);
}

static int disk_close(int fd)
{
	return 0;
}

static void set_size(struct sim_file *file, struct cut_buf *buf, size_t len)
{
	if (len > buf->len) {
		size_t more = len - buf->len;

		memset(cut_buf_reserve(buf, more), 0, more);
	}
	buf->len = len;
}

static void write_sector(struct sim_file *file, size_t i, size_t upto)
{
	size_t at = i * SECTOR, end = at + upto;

	if (end > file->cache.len)
		end = file->cache.len;
	if (end > file->medium.len)
		end = file->medium.len;
	if (at < end)
		memcpy(file->medium.data + at, file->cache.data + at, end - at);
}

static void write_back(struct sim_file *file)
{
	if (file->size_dirty)
		set_size(file, &file->medium, file->cache.len);
	for (size_t i = 0; i < file->dirty.len; i++)
		if (file->dirty.items[i])
			write_sector(file, i, SECTOR);
	cut_vec_clear(&file->dirty);
	file->size_dirty = false;
}

/* Half of it arrives. Afterwards nothing is dirty any more. */
static void write_back_badly(struct sim_file *file, struct sim_rng *rng)
{
	if (file->size_dirty && sim_chance(rng, 50))
		set_size(file, &file->medium, file->cache.len);
	for (size_t i = 0; i < file->dirty.len; i++)
		if (file->dirty.items[i] && sim_chance(rng, 50))
			write_sector(file, i, sim_chance(rng, 80) ? SECTOR : sim_roll(rng, SECTOR));
	cut_vec_clear(&file->dirty);
	file->size_dirty = false;
}

static int sync_file(struct sim_file *file)
{
	if (breaks(15)) {
		sim_say(caller->sim, "disk: a sync of %s fails", file->name);
		write_back_badly(file, &caller->sim->rng);
		return fail(EIO);
	}
	write_back(file);
	return 0;
}

static int disk_fdatasync(int fd)
{
	if (!sim_alive(caller))
		return fail(EIO);
	return sync_file(fd_at(fd)->file);
}

static int disk_fsync(int fd)
{
	if (!sim_alive(caller) || breaks(10))
		return fail(EIO);
	cut_vec_foreach (&caller->sim->disk.files, file)
		(*file)->entry_durable = true;
	return 0;
}

static ssize_t disk_pread(int fd, void *buf, size_t len, off_t at)
{
	struct sim_fd *open = fd_at(fd);
	const struct cut_buf *from = &open->file->cache;

	if (!sim_alive(caller) || breaks(3))
		return fail(EIO);
	if (open->direct) {
		if (sync_file(open->file) < 0)
			return -1;
		from = &open->file->medium;
	}
	if ((size_t)at >= from->len)
		return 0;
	if (len > from->len - (size_t)at)
		len = from->len - (size_t)at;
	memcpy(buf, from->data + at, len);
	return (ssize_t)len;
}

static void show_lines(const char *text, size_t len)
{
	const char *end = text + len;

	for (const char *line = text; line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		const char *json = memchr(line, '{', (size_t)((stop ? stop : end) - line));

		if (json && stop)
			sim_say(caller->sim, "  %u| %.*s", caller->number, (int)(stop - json),
				json);
		line = stop ? stop + 1 : end;
	}
}

static void put(struct sim_file *file, const char *data, size_t len, size_t at)
{
	size_t first = at / SECTOR, last = (at + len - 1) / SECTOR;

	if (at + len > file->cache.len) {
		set_size(file, &file->cache, at + len);
		file->size_dirty = true;
	}
	memcpy(file->cache.data + at, data, len);
	while (file->dirty.len <= last)
		cut_vec_push(&file->dirty, false);
	for (size_t i = first; i <= last; i++)
		file->dirty.items[i] = true;
}

static ssize_t disk_pwrite(int fd, const void *buf, size_t len, off_t at)
{
	struct sim *sim = caller->sim;
	struct sim_file *file = fd_at(fd)->file;
	bool was_alive = !caller->dead;

	if (!sim_alive(caller)) {
		if (was_alive && !caller->unpowered && sim_chance(&sim->rng, 50)) /* half done */
			put(file, buf, 1 + sim_roll(&sim->rng, (uint32_t)len), (size_t)at);
		return fail(EIO);
	}
	if (breaks(5))
		return fail(sim_chance(&sim->rng, 50) ? EIO : EINTR);
	if (sim->disk.full && (size_t)at + len > file->reserved)
		return fail(ENOSPC);
	if (breaks(30) && len > 1)
		len = 1 + sim_roll(&sim->rng, (uint32_t)len - 1);
	show_lines(buf, len);
	put(file, buf, len, (size_t)at);
	return (ssize_t)len;
}

static int disk_fallocate(int fd, int mode, off_t at, off_t len)
{
	struct sim_file *file = fd_at(fd)->file;

	if (!sim_alive(caller) || breaks(3))
		return fail(EIO);
	if (caller->sim->disk.full)
		return fail(ENOSPC);
	if (file->reserved < (size_t)(at + len))
		file->reserved = (size_t)(at + len);
	return 0;
}

static int disk_ftruncate(int fd, off_t len)
{
	struct sim_file *file = fd_at(fd)->file;
	size_t sectors = ((size_t)len + SECTOR - 1) / SECTOR;

	if (!sim_alive(caller) || breaks(5))
		return fail(EIO);
	set_size(file, &file->cache, (size_t)len);
	file->reserved = (size_t)len;
	if (file->dirty.len > sectors)
		file->dirty.len = sectors;
	file->size_dirty = true;
	return 0;
}

static int disk_unlinkat(int dir, const char *name)
{
	struct sim_file *file = find(&caller->sim->disk, name);

	if (!sim_alive(caller) || !file)
		return fail(ENOENT);
	file->removed = true;
	return 0;
}

static int disk_fstatfs(int fd, struct statfs *ret)
{
	*ret = (struct statfs){.f_type = EXT4_SUPER_MAGIC};
	return 0;
}

static int disk_list(int dir, void (*each)(void *data, const char *name), void *data)
{
	if (!sim_alive(caller))
		return fail(EIO);
	cut_vec_foreach (&caller->sim->disk.files, file)
		if (!(*file)->removed)
			each(data, (*file)->name);
	return 0;
}

const struct cut_journal_io sim_disk_io = {
	.openat = disk_openat,
	.close = disk_close,
	.pread = disk_pread,
	.pwrite = disk_pwrite,
	.fdatasync = disk_fdatasync,
	.fsync = disk_fsync,
	.fallocate = disk_fallocate,
	.ftruncate = disk_ftruncate,
	.unlinkat = disk_unlinkat,
	.fstatfs = disk_fstatfs,
	.list = disk_list,
};

void sim_disk_power_cut(struct sim *sim)
{
	cut_vec_foreach (&sim->disk.files, at) {
		struct sim_file *file = *at;

		if (!file->entry_durable && sim_chance(&sim->rng, 50))
			file->removed = true;
		write_back_badly(file, &sim->rng);
		cut_buf_reset(&file->cache);
		cut_buf_add(&file->cache, file->medium.data, file->medium.len);
	}
}

bool sim_disk_holds(const struct sim *sim, const char *a, const char *b)
{
	cut_vec_foreach (&sim->disk.files, at) {
		const struct cut_buf *text = &(*at)->medium;
		const char *line = text->data, *end = line + text->len;

		while (line < end) {
			const char *stop = memchr(line, '\n', (size_t)(end - line));
			size_t len = (size_t)((stop ? stop : end) - line);

			if (stop && memmem(line, len, a, strlen(a)) &&
			    memmem(line, len, b, strlen(b)))
				return true;
			line += len + 1;
		}
	}
	return false;
}

void sim_disk_done(struct sim_disk *disk)
{
	cut_vec_foreach (&disk->files, file) {
		cut_buf_done(&(*file)->cache);
		cut_buf_done(&(*file)->medium);
		cut_vec_done(&(*file)->dirty);
		free(*file);
	}
	cut_vec_done(&disk->files);
	cut_vec_done(&disk->fds);
}
