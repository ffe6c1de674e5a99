/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of a run: append-only lines with checksum and hash chain, made durable in groups off
 * the loop, with a reserve for the rollback. Format: docs/journal.md. Used by the driver (append),
 * by recover, status, logs and audit (read). */
#pragma once

#include "engine/base/err.h"
#include "engine/base/json.h"

struct uv_loop_s;
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
	const char *bad_why; /* "checksum", "chain", "sequence", "format", "json" */
	uint64_t last_seq, synced;
	unsigned epoch; /* of the last record */
	uint64_t records;
	uint64_t good_bytes; /* of the last file */
	unsigned files;
};

/* Reads dir's journal files in order and calls each for every good record (json borrowed). each may
 * be NULL; a non-zero return of it stops and is returned. Changes nothing. 0, also where fault is
 * set; negative: could not read at all. */
typedef int cut_journal_fn(void *data, uint64_t seq, const json_t *record);
int cut_journal_read(const char *dir, cut_journal_fn *each, void *data,
                     struct cut_journal_scan *ret, struct cut_err *err);

/* dir exists. create: O_EXCL, reserve allocated, file and directories synced. */
int cut_journal_create(struct uv_loop_s *loop, const char *dir, unsigned epoch,
                       struct cut_journal **ret, struct cut_err *err);
/* Opens after a read: cuts the torn tail, goes on with sequence and chain. */
int cut_journal_open(struct uv_loop_s *loop, const char *dir, const struct cut_journal_scan *scan,
                     unsigned epoch, struct cut_journal **ret, struct cut_err *err);

/* Appends one record; body is the JSON object's text as cut_event_encode wrote it ("{…}"), to which
 * epoch and synced are added. Returns its sequence number. Never blocks: written and synced on the
 * thread pool, one batch at a time; what arrives meanwhile joins the next. */
uint64_t cut_journal_append(struct cut_journal *journal, const char *body, size_t len);
/* Asks that all appended so far becomes durable; then synced() is called. Without it records wait
 * for the next one that asks (samples, checks), at most 1 s. */
void cut_journal_want_sync(struct cut_journal *journal);
uint64_t cut_journal_synced(const struct cut_journal *journal); /* highest durable sequence */
uint64_t cut_journal_seq(const struct cut_journal *journal);    /* last appended */

/* synced: seq is now durable. failed: writing is over for good (both files failed): nothing more
 * may start; low: growth failed, only the reserve is left: no forward steps. Called on the loop. */
struct cut_journal_events {
	void (*synced)(void *data, uint64_t seq);
	void (*failed)(void *data, const struct cut_err *err);
	void (*low)(void *data, const struct cut_err *err);
	void *data;
};
void cut_journal_listen(struct cut_journal *journal, const struct cut_journal_events *events);
void cut_journal_use_reserve(struct cut_journal *journal); /* a rollback has begun */
/* Blocks until all is durable; for the end of a run and for arming only. */
int cut_journal_flush(struct cut_journal *journal, struct cut_err *err);
void cut_journal_close(struct cut_journal *journal);
