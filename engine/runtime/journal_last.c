/* SPDX-License-Identifier: Apache-2.0 */
/* A look at the end of a journal: enough to tell how a run ended, without reading it. */
#include "engine/runtime/journal_file.h"
#include "engine/runtime/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Mostly the last record is the one looked for. */
static const off_t looks_bytes[] = {4 << 10, 256 << 10};

static int read_end(int dir, unsigned index, off_t look, struct cut_buf *ret)
{
	char name[32];
	struct stat st;
	off_t from;
	ssize_t n;
	int fd, r = 0;

	cut_journal_file_name(index, name, sizeof(name));
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	from = st.st_size > look ? st.st_size - look : 0;
	n = pread(fd, cut_buf_reserve(ret, (size_t)(st.st_size - from)),
		  (size_t)(st.st_size - from), from);
	if (n < 0)
		r = -errno;
	else
		ret->len = (size_t)n;
	close(fd);
	return r;
}

/* The record that starts at line, if it is a whole one. */
static json_t *whole_record(const char *line, size_t len)
{
	struct cut_record record;

	if (!cut_record_head(line, len, &record) || len < record.line_len ||
	    cut_record_check(line, &record))
		return NULL;
	return json_loadb(record.json, record.json_len, 0, NULL);
}

/* From the end to the front, line by line. */
static json_t *find_last(const struct cut_buf *text, const char *type, bool *ret_empty)
{
	size_t end = text->len;

	while (end > 0) {
		const char *before = memrchr(text->data, '\n', end - 1);
		size_t start = before ? (size_t)(before - text->data) + 1 : 0;
		json_t *record = whole_record(text->data + start, end - start);

		if (record)
			*ret_empty = false;
		if (record && strcmp(cut_json_str(record, "type", ""), type) == 0)
			return record;
		json_decref(record);
		end = start;
	}
	return NULL;
}

static int find_in_file(int dir, unsigned index, const char *type, json_t **ret, bool *ret_empty)
{
	int r = 0;

	for (size_t i = 0; i < CUT_ARRAY_LEN(looks_bytes) && r == 0 && !*ret; i++) {
		cut_auto(cut_buf) struct cut_buf text = {0};

		r = read_end(dir, index, looks_bytes[i], &text);
		if (r == 0)
			*ret = find_last(&text, type, ret_empty);
	}
	return r == -ENOENT ? 0 : r;
}

int cut_journal_last(const char *dir, const char *type, json_t **ret, bool *ret_empty)
{
	json_t *record = NULL;
	bool is_empty = true;
	unsigned files = 0;
	int fd, r;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = cut_journal_file_count(&cut_journal_io_system, fd, &files);
	for (unsigned i = files; i > 0 && r == 0 && !record; i--)
		r = find_in_file(fd, i, type, &record, &is_empty);
	close(fd);
	if (r < 0)
		return r;
	*ret = record;
	*ret_empty = is_empty;
	return 0;
}
