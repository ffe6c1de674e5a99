/* SPDX-License-Identifier: Apache-2.0 */
/* A window that slides over a file that is read from front to back, through the page cache or past
 * it. Used by the journal's reader. */
#pragma once

#include "engine/runtime/journal.h"

#include <stdbool.h>

struct cut_window {
	const struct cut_journal_io *io;
	int fd;	   /* owned */
	char *buf; /* owned, aligned for O_DIRECT */
	size_t cap;
	uint64_t start; /* offset in the file of buf[0] */
	size_t len;
	bool eof;
};

/* -ENOENT: no such file. direct: read from the disk itself. */
int cut_window_open(const struct cut_journal_io *io, int dir, const char *name, bool direct,
		    struct cut_window *ret);
/* Makes the bytes from off on readable at *ret_at; *ret_len says how many there are: fewer than
 * need only where the file ends. Offsets only grow. Valid until the next call. */
int cut_window_at(struct cut_window *window, uint64_t off, size_t need, const char **ret_at,
		  size_t *ret_len);
void cut_window_close(struct cut_window *window);
