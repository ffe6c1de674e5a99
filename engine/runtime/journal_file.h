/* SPDX-License-Identifier: Apache-2.0 */
/* One file of a journal: its name, its creation, its reserved space, writing and syncing it. Used
 * by the journal's writer and reader only. */
#pragma once

#include "engine/runtime/journal.h"

#include <stdbool.h>

#define CUT_JOURNAL_FILES   99 /* a run whose disk failed that often holds */
#define CUT_JOURNAL_STEP    ((uint64_t)1 << 20)
#define CUT_JOURNAL_RESERVE ((uint64_t)256 << 10) /* for the rollback, at the end of the space */
/* Grow while at least this is left before it. */
#define CUT_JOURNAL_LOW_WATER ((uint64_t)256 << 10)

struct cut_journal_file {
	const struct cut_journal_io *io;
	int fd; /* owned; -1: none */
	unsigned index;
	uint64_t end;  /* bytes written and durable */
	uint64_t room; /* bytes reserved from the file's start, CUT_JOURNAL_RESERVE included */
};

/* "journal.jsonl", "journal.2.jsonl" … */
void cut_journal_file_name(unsigned index, char *ret, size_t len);
/* How many files dir has: the highest index. */
int cut_journal_file_count(const struct cut_journal_io *io, int dir, unsigned *ret);
/* -ENOTSUP where the file system's syncs and locks cannot be trusted. */
int cut_journal_check_fs(const struct cut_journal_io *io, int dir, const char *path,
			 struct cut_err *err);

/* The reader on an open directory; disk: past the page cache. */
int cut_journal_scan_dir(int dir, bool disk, const struct cut_journal_io *io, cut_journal_fn *each,
			 void *data, struct cut_journal_scan *ret);

/* Creates it, reserves its space, syncs it, its directory and the one above. */
int cut_journal_file_create(const struct cut_journal_io *io, int dir, unsigned index,
			    struct cut_journal_file *ret);
/* Opens it, cuts what is beyond end, reserves its space and syncs it. Where no space can be
 * reserved it is opened all the same, with room saying so. */
int cut_journal_file_open(const struct cut_journal_io *io, int dir, unsigned index, uint64_t end,
			  struct cut_journal_file *ret);
/* Reserves more while less than CUT_JOURNAL_LOW_WATER would be left before the reserve after len
 * more bytes. Negative: there is no more to be had. */
int cut_journal_file_grow(struct cut_journal_file *file, uint64_t len);
/* Does len fit, with or without the rollback's reserve? */
bool cut_journal_file_fits(const struct cut_journal_file *file, uint64_t len, bool use_reserve);
/* Writes at the end and syncs. -ENOSPC: nothing was promised, try again later; any other error:
 * the file is not to be written or synced again. */
int cut_journal_file_write(struct cut_journal_file *file, const char *data, size_t len);
void cut_journal_file_close(struct cut_journal_file *file);
