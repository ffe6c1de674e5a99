/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of a run: append-only lines with checksum and hash chain, made durable in groups off
 * the loop, with a reserve for the rollback. Format: docs/journal.md. Used by the driver (append),
 * by recover, status, logs and audit (read). */
#pragma once

#include "engine/base/err.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/runtime/journal_io.h"

#include <stdbool.h>
#include <sys/types.h>

struct cut_world;
struct cut_journal;

/* Why a journal could not be read to its end. */
enum cut_journal_fault {
	CUT_JOURNAL_WHOLE,
	CUT_JOURNAL_TORN,    /* the tail was never promised: cut on resume */
	CUT_JOURNAL_CORRUPT, /* promised records are bad: refuse */
};

struct cut_journal_scan {
	enum cut_journal_fault fault;
	uint64_t bad_seq;    /* first bad record, with fault */
	uint64_t bad_offset; /* its offset in bytes, in file bad_file */
	unsigned bad_file;   /* 1: journal.jsonl, 2: journal.2.jsonl … */
	const char *bad_why; /* "format" "checksum" "sequence" "chain" "json" "epoch" "synced" */
	uint64_t last_seq,
		synced; /* synced: as the last good record says; it and more was promised */
	unsigned epoch; /* of the last good record */
	uint64_t records;
	uint64_t good_bytes; /* of the last file */
	unsigned files;
	char head[CUT_SHA256_HEX + 1]; /* digest of the last good line */
};

/* Reads dir's journal files in order and calls each for every good record (json borrowed); *ret
 * then says what came before that record, and where it begins (bad_file, bad_offset). each may be
 * NULL: then the JSON is not parsed, only its checksum looked at. A non-zero return of each stops
 * and is returned. Changes nothing, and may run beside a live writer, whose last line then shows as
 * torn. 0, also where fault is set; negative: could not read at all. */
typedef int cut_journal_fn(void *data, uint64_t seq, const json_t *record);
int cut_journal_read(const char *dir, cut_journal_fn *each, void *data,
		     struct cut_journal_scan *ret, struct cut_err *err);
/* The same for a resume, by the holder of the run's lock: what an earlier engine wrote is made
 * durable first, and then read from the disk itself, because after a failed sync the page cache
 * shows what the disk never got. */
int cut_journal_read_disk(const char *dir, const struct cut_journal_io *io, cut_journal_fn *each,
			  void *data, struct cut_journal_scan *ret, struct cut_err *err);

/* dir exists. create: O_EXCL, reserve allocated, file and directories synced. -ENOTSUP: dir is on a
 * file system whose syncs and locks cannot be trusted (network, FUSE). */
int cut_journal_create(struct cut_world *world, const char *dir, unsigned epoch,
		       struct cut_journal **ret, struct cut_err *err);
/* Opens after cut_journal_read_disk: cuts the torn tail, goes on with sequence and chain. -EBADMSG:
 * the scan says corrupt. */
int cut_journal_open(struct cut_world *world, const char *dir, const struct cut_journal_scan *scan,
		     unsigned epoch, struct cut_journal **ret, struct cut_err *err);

/* Appends one record; body is the JSON object's text as cut_event_encode wrote it ("{…}"), to which
 * epoch and synced are added. Returns its sequence number, from 1. Never blocks: written and synced
 * on the thread pool, one batch at a time; what arrives meanwhile joins the next. */
uint64_t cut_journal_append(struct cut_journal *journal, const char *body, size_t len);
/* Asks that all appended so far becomes durable; then synced() is called. The batch leaves at the
 * end of the loop's turn, so that everything of one turn shares a sync. Without it records wait for
 * the next one that asks (samples, checks), at most 1 s. */
void cut_journal_want_sync(struct cut_journal *journal);
uint64_t cut_journal_synced(const struct cut_journal *journal); /* highest durable sequence */
uint64_t cut_journal_seq(const struct cut_journal *journal);	/* last appended */
/* The last batch found no room: what is appended waits in memory. */
bool cut_journal_is_full(const struct cut_journal *journal);
const char *cut_journal_head(const struct cut_journal *journal); /* digest of that line */

/* All on the loop; room may be NULL. synced: seq is now durable. moved: the file failed, err
 * says how, and a successor took over without losing a record. failed: writing is over for good
 * (both files failed): nothing more may start. low: growth failed, only the reserve is left: no
 * forward steps, and once what was left before the reserve is used up records wait in memory until
 * a rollback asks for the reserve or there is room again. room: there is room again. */
struct cut_journal_events {
	void (*synced)(void *data, uint64_t seq);
	void (*moved)(void *data, const struct cut_err *err);
	void (*failed)(void *data, const struct cut_err *err);
	void (*low)(void *data, const struct cut_err *err);
	void (*room)(void *data);
	void *data;
};
void cut_journal_listen(struct cut_journal *journal, const struct cut_journal_events *events);
void cut_journal_use_reserve(struct cut_journal *journal); /* a rollback has begun */
/* Blocks until all is durable; for the end of a run and for arming only. The events still come from
 * the loop. -ENOSPC: waits for room; -EIO: it has failed for good. */
int cut_journal_flush(struct cut_journal *journal, struct cut_err *err);
/* Flushes what it can; memory goes once the loop has run what is on its way. NULL-safe. */
void cut_journal_close(struct cut_journal *journal);

/* The newest record of that type, from the journal's end and without reading all of it; NULL: none
 * in its last 256 KiB. *ret_empty: there is no whole record at all. For lists of runs. */
int cut_journal_last(const char *dir, const char *type, json_t **ret, bool *ret_empty);
