/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Where things stand in a line: docs/journal.md. */
#define SEQ_AT	3
#define JSON_AT (SEQ_AT + 16 + 1 + 8 + 1 + 8 + 1 + 64 + 1)
#define CHUNK	65536

struct cut_tail {
	char *dir; /* owned */
	unsigned file;
	int fd;
	uint64_t after_seq;
	struct cut_buf buf;
	size_t at; /* where in buf the next record starts */
};

struct cut_tail *cut_tail_new(const char *dir, uint64_t after_seq)
{
	struct cut_tail *tail = cut_new(struct cut_tail);

	tail->dir = cut_strdup(dir);
	tail->after_seq = after_seq;
	tail->fd = -1;
	return tail;
}

/* Opens the next file of the row; false when there is none. */
static bool next_file(struct cut_tail *tail)
{
	cut_auto(cut_str) char *path =
		tail->file == 0 ? cut_printf("%s/journal.jsonl", tail->dir)
				: cut_printf("%s/journal.%u.jsonl", tail->dir, tail->file + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return false;
	if (tail->fd >= 0)
		close(tail->fd);
	tail->fd = fd;
	tail->file++;
	cut_buf_reset(&tail->buf); /* what is left of a poisoned file was never promised */
	tail->at = 0;
	return true;
}

/* 1: something was read, 0: nothing is there, negative errno. */
static int fill(struct cut_tail *tail)
{
	char *at;
	ssize_t n = 0;

	if (tail->fd < 0 && !next_file(tail))
		return 0;
	cut_buf_consume(&tail->buf, tail->at);
	tail->at = 0;
	at = cut_buf_reserve(&tail->buf, CHUNK);
	n = read(tail->fd, at, CHUNK);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0)
		return next_file(tail) ? fill(tail) : 0;
	tail->buf.len += (size_t)n;
	return 1;
}

int cut_tail_next(struct cut_tail *tail, uint64_t max_seq, uint64_t *ret_seq, const char **ret_json,
		  size_t *ret_len)
{
	while (tail->after_seq < max_seq) {
		const char *line = cut_buf_str(&tail->buf) + tail->at;
		const char *end = memchr(line, '\n', tail->buf.len - tail->at);
		size_t len = end ? (size_t)(end - line) : 0;
		uint64_t seq;

		if (!end) {
			int r = fill(tail);

			if (r <= 0)
				return r;
			continue;
		}
		if (len <= JSON_AT)
			return -EBADMSG;
		seq = strtoull(line + SEQ_AT, NULL, 16);
		if (seq > max_seq)
			return 0;
		tail->at += len + 1;
		if (seq <= tail->after_seq)
			continue;
		tail->after_seq = seq;
		*ret_seq = seq;
		*ret_json = line + JSON_AT;
		*ret_len = len - JSON_AT;
		return 1;
	}
	return 0;
}

void cut_tail_free(struct cut_tail *tail)
{
	if (!tail)
		return;
	if (tail->fd >= 0)
		close(tail->fd);
	cut_buf_done(&tail->buf);
	free(tail->dir);
	free(tail);
}
