/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's writer. Lines gather in `waiting`; a batch of them flies on the thread pool,
 * written and synced; one batch flies at a time, so that only the last one can be torn. */
#include "engine/runtime/journal_file.h"
#include "engine/runtime/record.h"
#include "engine/runtime/world.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define BATCH_BYTES (1 << 20) /* what waits beyond this leaves without being asked for */
/* How long a record may wait for one that asks, and between looks for room. */
#define LAZY_MS 1000

struct cut_journal {
	const struct cut_journal_io *io;
	int dir;    /* owned */
	char *path; /* owned, for messages */
	unsigned epoch;
	struct cut_chain chain;
	uint64_t seq, synced;
	struct cut_buf waiting, flying;
	uint64_t flying_seq; /* last one of flying */
	bool wanted;	     /* somebody asked for a sync of what waits */
	bool use_reserve, low, full, failed, closing;
	bool at_work; /* the pool's callback is still to come … */
	bool taken;   /* … and a flush has had its result already */

	/* The batch on the pool. Nobody else touches these, or the file, while it is at work. */
	struct cut_journal_file file;
	bool may_use_reserve;
	int grown;     /* 0, or why there is no more room */
	int lost_file; /* 0, or why the file was given up */
	int result;

	/* What the listener knows. */
	struct cut_journal_events events;
	uint64_t told_synced;
	bool told_low;
	int told_lost; /* to tell: a file was lost for this reason */

	struct cut_world *world; /* borrowed */
	struct cut_work work;
	struct cut_bell *turn; /* what one turn asks for shares a sync */
	struct cut_bell *lazy;
};

/* --- on the pool --- */

/* The file is not to be trusted any more. Nothing is lost: what was promised is on the disk, which
 * is looked at past the page cache, and the rest is in flying and goes into a successor. */
static int move_to_successor(struct cut_journal *j)
{
	struct cut_journal_file next;
	struct cut_journal_scan scan;
	int r;

	r = cut_journal_scan_dir(j->dir, true, j->io, NULL, NULL, &scan);
	if (r < 0)
		return r;
	if (scan.last_seq < j->synced)
		return -EIO;
	r = cut_journal_file_create(j->io, j->dir, j->file.index + 1, &next);
	if (r < 0)
		return r;
	r = cut_journal_file_write(&next, j->flying.data, j->flying.len);
	if (r < 0) {
		cut_journal_file_close(&next);
		return r;
	}
	cut_journal_file_close(&j->file);
	j->file = next;
	return 0;
}

static void run_batch(void *data)
{
	struct cut_journal *j = data;

	j->lost_file = 0;
	j->grown = cut_journal_file_grow(&j->file, j->flying.len);
	if (j->flying.len == 0) {
		j->result = 0;
		return;
	}
	if (!cut_journal_file_fits(&j->file, j->flying.len, j->may_use_reserve)) {
		j->result = -ENOSPC;
		return;
	}
	j->result = cut_journal_file_write(&j->file, j->flying.data, j->flying.len);
	if (j->result == 0 || j->result == -ENOSPC)
		return;
	j->lost_file = j->result;
	j->result = move_to_successor(j);
	if (j->result < 0)
		j->result = -EIO;
}

/* --- on the loop --- */

static void load_batch(struct cut_journal *j)
{
	if (j->flying.len == 0) {
		struct cut_buf empty = j->flying;

		j->flying = j->waiting;
		j->waiting = empty;
	} else { /* the last batch had no room */
		cut_buf_add(&j->flying, j->waiting.data, j->waiting.len);
		cut_buf_reset(&j->waiting);
	}
	j->flying_seq = j->seq;
	j->may_use_reserve = j->use_reserve;
	j->wanted = false;
}

static void take_result(struct cut_journal *j)
{
	j->full = j->result == -ENOSPC;
	j->low = j->full || j->grown < 0;
	if (j->lost_file)
		j->told_lost = j->lost_file;
	if (j->result == 0) {
		j->synced = j->flying_seq;
		cut_buf_reset(&j->flying);
	} else if (j->result != -ENOSPC) {
		j->failed = true;
	}
}

static void tell_low(struct cut_journal *j)
{
	cut_auto(cut_err) struct cut_err err = {0};

	j->told_low = j->low;
	if (!j->low) {
		if (j->events.room)
			j->events.room(j->events.data);
		return;
	}
	cut_err_set(&err, -ENOSPC, "no space left on the device",
		    "make room, then: cutover resume; a rollback works without",
		    "cannot reserve more space for the journal in %s", j->path);
	j->events.low(j->events.data, &err);
}

static void tell_lost(struct cut_journal *j)
{
	cut_auto(cut_err) struct cut_err err = {0};
	int code = j->told_lost;

	j->told_lost = 0;
	if (j->failed) {
		cut_err_sys(&err, code, "mend the disk, then: cutover recover",
			    "cannot write the journal in %s any more", j->path);
		j->events.failed(j->events.data, &err);
	} else {
		cut_err_sys(&err, code, "look at the disk; no record is lost",
			    "a journal file in %s failed, a successor goes on", j->path);
		j->events.moved(j->events.data, &err);
	}
}

static void tell(struct cut_journal *j)
{
	if (!j->closing && j->low != j->told_low)
		tell_low(j);
	if (!j->closing && j->told_lost)
		tell_lost(j);
	if (!j->closing && j->synced > j->told_synced) {
		j->told_synced = j->synced;
		j->events.synced(j->events.data, j->synced);
	}
}

static void journal_free(struct cut_journal *j);

static void start_batch(struct cut_journal *j)
{
	if (j->at_work || j->failed || j->closing)
		return;
	load_batch(j);
	j->at_work = true;
	j->world->ops->work_start(j->world, &j->work);
}

static void on_turn_end(void *data)
{
	struct cut_journal *j = data;

	if (j->wanted)
		start_batch(j);
	tell(j);
}

static void await_turn_end(struct cut_journal *j)
{
	cut_bell_set(j->turn, CUT_SOON);
}

static void be_lazy(struct cut_journal *j)
{
	if (j->lazy->at == CUT_NEVER)
		cut_bell_set(j->lazy, cut_world_boot(j->world) + LAZY_MS);
}

static void on_lazy(void *data)
{
	start_batch(data);
}

static void on_batch_done(void *data)
{
	struct cut_journal *j = data;

	j->at_work = false;
	if (!j->taken)
		take_result(j);
	j->taken = false;
	if (j->closing) {
		journal_free(j);
		return;
	}
	if (j->low || j->waiting.len)
		be_lazy(j);
	if (j->wanted)
		await_turn_end(j);
	tell(j);
}

/* --- the interface --- */

uint64_t cut_journal_append(struct cut_journal *j, const char *body, size_t len)
{
	assert(!j->closing);
	cut_record_add(&j->waiting, &j->chain, ++j->seq, body, len, j->epoch, j->synced);
	if (!j->wanted)
		be_lazy(j);
	if (j->waiting.len > BATCH_BYTES)
		cut_journal_want_sync(j);
	return j->seq;
}

void cut_journal_want_sync(struct cut_journal *j)
{
	if (j->wanted || j->synced == j->seq || (j->at_work && j->waiting.len == 0))
		return;
	j->wanted = true;
	if (!j->at_work)
		await_turn_end(j);
}

uint64_t cut_journal_synced(const struct cut_journal *j)
{
	return j->synced;
}

uint64_t cut_journal_seq(const struct cut_journal *j)
{
	return j->seq;
}

bool cut_journal_is_full(const struct cut_journal *j)
{
	return j->full;
}

const char *cut_journal_head(const struct cut_journal *j)
{
	return j->chain.head;
}

void cut_journal_listen(struct cut_journal *j, const struct cut_journal_events *events)
{
	j->events = *events;
	await_turn_end(j);
}

void cut_journal_use_reserve(struct cut_journal *j)
{
	j->use_reserve = true;
	cut_journal_want_sync(j);
}

int cut_journal_flush(struct cut_journal *j, struct cut_err *err)
{
	while (j->synced < j->seq && !j->failed) {
		if (j->at_work && !j->taken) {
			j->world->ops->work_await(&j->work);
			j->taken = true;
		} else {
			load_batch(j);
			run_batch(j);
		}
		take_result(j);
		if (j->result == -ENOSPC)
			break;
	}
	if (!j->closing)
		await_turn_end(j);
	if (j->synced == j->seq)
		return 0;
	return cut_err_sys(err, j->failed ? -EIO : -ENOSPC, "see engine.log, then: cutover recover",
			   "cannot write the journal in %s to its end", j->path);
}

static void journal_free(struct cut_journal *j)
{
	cut_bell_free(j->turn);
	cut_bell_free(j->lazy);
	cut_journal_file_close(&j->file);
	j->io->close(j->dir);
	cut_chain_done(&j->chain);
	cut_buf_done(&j->waiting);
	cut_buf_done(&j->flying);
	free(j->path);
	free(j);
}

void cut_journal_close(struct cut_journal *j)
{
	if (!j)
		return;
	j->closing = true;
	cut_journal_flush(j, NULL);
	if (!j->at_work)
		journal_free(j);
}

static void start(struct cut_world *world, const char *path, int dir, unsigned epoch,
		  const struct cut_journal_file *file, const struct cut_journal_scan *scan,
		  struct cut_journal **ret)
{
	struct cut_journal *j = cut_new(struct cut_journal);

	j->io = file->io;
	j->dir = dir;
	j->path = cut_strdup(path);
	j->epoch = epoch;
	j->file = *file;
	j->low = !cut_journal_file_fits(file, CUT_JOURNAL_LOW_WATER, false);
	j->world = world;
	cut_chain_init(&j->chain, scan && scan->records ? scan->head : NULL);
	if (scan)
		j->seq = j->synced = j->told_synced = scan->last_seq;
	j->work = (struct cut_work){.run = run_batch, .done = on_batch_done, .data = j};
	j->turn = cut_bell_new(world, on_turn_end, j);
	j->lazy = cut_bell_new(world, on_lazy, j);
	j->lazy->idle = true;
	*ret = j;
}

static int open_dir(const struct cut_journal_io *io, const char *path, int *ret,
		    struct cut_err *err)
{
	int dir = io->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return cut_err_sys(err, -errno, NULL, "cannot open %s", path);
	r = cut_journal_check_fs(io, dir, path, err);
	if (r < 0) {
		io->close(dir);
		return r;
	}
	*ret = dir;
	return 0;
}

int cut_journal_create(struct cut_world *world, const char *path, unsigned epoch,
		       struct cut_journal **ret, struct cut_err *err)
{
	struct cut_journal_file file;
	int dir = -1, r;

	r = open_dir(world->files, path, &dir, err);
	if (r < 0)
		return r;
	r = cut_journal_file_create(world->files, dir, 1, &file);
	if (r < 0) {
		world->files->close(dir);
		return cut_err_sys(err, r, "look at the disk below --state-dir",
				   "cannot create a journal in %s", path);
	}
	start(world, path, dir, epoch, &file, NULL, ret);
	return 0;
}

/* Cuts what the scan found bad; all but the last file are only tidied, the reader knows without. */
static int open_last(const struct cut_journal_io *io, int dir, const struct cut_journal_scan *scan,
		     struct cut_journal_file *ret)
{
	struct cut_journal_file file;
	int r;

	if (scan->fault && scan->bad_file < scan->files) {
		for (unsigned i = scan->bad_file; i < scan->files; i++) {
			uint64_t end = i == scan->bad_file ? scan->bad_offset : 0;

			if (cut_journal_file_open(io, dir, i, end, &file) == 0)
				cut_journal_file_close(&file);
		}
		return cut_journal_file_open(io, dir, scan->files, 0, ret);
	}
	r = cut_journal_file_open(io, dir, scan->files, scan->good_bytes, ret);
	if (r == -EIO)
		return cut_journal_file_create(io, dir, scan->files + 1, ret);
	return r;
}

int cut_journal_open(struct cut_world *world, const char *path, const struct cut_journal_scan *scan,
		     unsigned epoch, struct cut_journal **ret, struct cut_err *err)
{
	struct cut_journal_file file;
	int dir = -1, r;

	if (scan->fault == CUT_JOURNAL_CORRUPT)
		return cut_err_set(err, -EBADMSG, scan->bad_why, "see: cutover audit verify",
				   "the journal in %s is corrupt at record %llu", path,
				   (unsigned long long)scan->bad_seq);
	r = open_dir(world->files, path, &dir, err);
	if (r < 0)
		return r;
	r = open_last(world->files, dir, scan, &file);
	if (r < 0) {
		world->files->close(dir);
		return cut_err_sys(err, r, NULL, "cannot open the journal in %s", path);
	}
	start(world, path, dir, epoch, &file, scan, ret);
	return 0;
}
