/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a journal over all its files, and tells a tail that was never promised from records that
 * were promised and are gone: the latter only where a later good record says `synced` beyond. */
#include "engine/base/rule.h"
#include "engine/runtime/journal_file.h"
#include "engine/runtime/journal_window.h"
#include "engine/runtime/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct scan {
	const struct cut_journal_io *io;
	int dir;
	bool disk;
	cut_journal_fn *each;
	void *data;
	struct cut_chain chain;
	struct cut_journal_scan out;
	struct cut_journal_scan *told;	       /* what `each` can see of out */
	uint64_t first[CUT_JOURNAL_FILES + 2]; /* first sequence a file; 0: none that is good */
};

static int open_file(const struct scan *s, unsigned index, struct cut_window *ret)
{
	char name[32];

	cut_journal_file_name(index, name, sizeof(name));
	return cut_window_open(s->io, s->dir, name, s->disk && CUT_RULE(READ_DISK), ret);
}

/* 1: a line whose form and checksum are right starts at off; 0: none, *ret_why says why; *ret_line
 * is NULL where the file ends before off. */
static int line_at(struct cut_window *window, uint64_t off, const char **ret_line,
		   struct cut_record *ret, const char **ret_why)
{
	size_t len;
	int r;

	*ret_why = "format";
	r = cut_window_at(window, off, CUT_RECORD_HEAD_BYTES, ret_line, &len);
	if (r < 0)
		return r;
	if (len == 0)
		*ret_line = NULL;
	if (!cut_record_head(*ret_line, len, ret))
		return 0;
	if (len < ret->line_len) {
		r = cut_window_at(window, off, ret->line_len, ret_line, &len);
		if (r < 0)
			return r;
		cut_record_head(*ret_line, len, ret); /* the window may have moved */
	}
	if (len < ret->line_len)
		return 0;
	*ret_why = cut_record_check(*ret_line, ret);
	return *ret_why == NULL;
}

/* The JSON, or NULL where nobody wants it and the end of the record says what we need. */
static const char *read_json(const struct scan *s, const struct cut_record *record,
			     uint64_t *ret_epoch, uint64_t *ret_synced, json_t **ret)
{
	cut_auto(cut_json) json_t *json = NULL;
	json_int_t epoch, synced;

	if (!s->each && cut_record_tail(record, ret_epoch, ret_synced))
		return NULL;
	json = json_loadb(record->json, record->json_len, JSON_REJECT_DUPLICATES, NULL);
	epoch = cut_json_int(json, "epoch", -1);
	synced = cut_json_int(json, "synced", -1);
	if (epoch < 0 || epoch > UINT32_MAX || synced < 0)
		return "json";
	*ret_epoch = (uint64_t)epoch;
	*ret_synced = (uint64_t)synced;
	*ret = cut_take(json);
	return NULL;
}

/* NULL, or what is wrong with the next line; then it is counted and handed over (*ret_r). */
static const char *take_line(struct scan *s, const char *line, const struct cut_record *record,
			     int *ret_r)
{
	cut_auto(cut_json) json_t *json = NULL;
	uint64_t epoch = 0, synced = 0;
	const char *why;

	if (record->seq != s->out.last_seq + 1)
		return "sequence";
	if (memcmp(record->prev, s->chain.head, CUT_SHA256_HEX) != 0)
		return "chain";
	why = read_json(s, record, &epoch, &synced, &json);
	if (why)
		return why;
	if (epoch < s->out.epoch)
		return "epoch";
	if (synced >= record->seq || synced < s->out.synced)
		return "synced";
	if (s->each) {
		memcpy(s->out.head, s->chain.head, sizeof(s->out.head));
		*s->told = s->out;
		*ret_r = s->each(s->data, record->seq, json);
	}
	cut_chain_step(&s->chain, line, record->line_len);
	s->out.last_seq = record->seq;
	s->out.synced = synced;
	s->out.epoch = (unsigned)epoch;
	s->out.records++;
	return NULL;
}

/* Up to the record before stop, with which a successor goes on. */
static int read_file(struct scan *s, unsigned index, uint64_t stop)
{
	struct cut_window window;
	struct cut_record record;
	const char *line, *why;
	uint64_t off = 0;
	int r, each = 0;

	r = open_file(s, index, &window);
	if (r < 0)
		return r == -ENOENT && index != 1 ? 0 : r;
	while (each == 0 && s->out.last_seq + 1 < stop) {
		r = line_at(&window, off, &line, &record, &why);
		if (r < 0 || !line)
			break;
		s->out.bad_offset = off;
		s->out.bad_file = index;
		if (r > 0)
			why = take_line(s, line, &record, &each);
		if (why) {
			s->out.fault = CUT_JOURNAL_TORN;
			s->out.bad_seq = s->out.last_seq + 1;
			s->out.bad_why = why;
			break;
		}
		off += record.line_len;
	}
	s->out.good_bytes = off;
	cut_window_close(&window);
	return r < 0 ? r : each;
}

/* Does a good record from off on say that seq was durable? Records are looked for at every byte, as
 * a bad one need not end where it should. */
static int is_promised_in(struct scan *s, unsigned index, uint64_t off, uint64_t seq)
{
	struct cut_window window;
	struct cut_record record;
	const char *line, *why, *next;
	size_t len;
	int r;

	r = open_file(s, index, &window);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (;;) {
		cut_auto(cut_json) json_t *json = NULL;
		uint64_t epoch, synced;

		r = cut_window_at(&window, off, CUT_RECORD_HEAD_BYTES, &line, &len);
		if (r < 0 || len < CUT_RECORD_HEAD_BYTES)
			break;
		next = memchr(line, 'v', len);
		off += next ? (size_t)(next - line) : len;
		if (!next)
			continue;
		r = line_at(&window, off, &line, &record, &why);
		if (r < 0)
			break;
		if (r > 0 && !read_json(s, &record, &epoch, &synced, &json) && synced >= seq)
			break;
		off += r > 0 ? record.line_len : 1;
	}
	cut_window_close(&window);
	return r;
}

/* A live writer may have finished the line, or begun the successor, after we had looked: then it is
 * good by now. A line that was whole and wrong stays wrong. */
static int is_good_by_now(struct scan *s)
{
	const bool was_whole =
		strcmp(s->out.bad_why, "format") != 0 && strcmp(s->out.bad_why, "checksum") != 0;
	const bool is_new_file =
		s->out.bad_file > 1 && s->out.bad_offset == 0 && !s->first[s->out.bad_file];
	struct cut_window window;
	struct cut_record record;
	const char *line, *why;
	int r;

	if (was_whole && !is_new_file)
		return 0;
	r = open_file(s, s->out.bad_file, &window);
	if (r < 0)
		return r;
	r = line_at(&window, s->out.bad_offset, &line, &record, &why);
	cut_window_close(&window);
	return r;
}

static int classify(struct scan *s)
{
	int r = 0;

	for (unsigned i = s->out.bad_file; i <= s->out.files && r == 0; i++)
		r = is_promised_in(s, i, i == s->out.bad_file ? s->out.bad_offset : 0,
				   s->out.bad_seq);
	if (r <= 0)
		return r;
	r = is_good_by_now(s);
	if (r == 0)
		s->out.fault = CUT_JOURNAL_CORRUPT;
	return r < 0 ? r : 0;
}

/* The sequence with which file index begins, where its first line is good. */
static int look_first(struct scan *s, unsigned index)
{
	struct cut_window window;
	struct cut_record record;
	const char *line, *why;
	int r;

	r = open_file(s, index, &window);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = line_at(&window, 0, &line, &record, &why);
	if (r > 0)
		s->first[index] = record.seq;
	cut_window_close(&window);
	return r < 0 ? r : 0;
}

static int read_files(struct scan *s)
{
	int r = 0;

	for (unsigned i = 2; i <= s->out.files && r == 0; i++)
		r = look_first(s, i);
	for (unsigned i = 1; i <= s->out.files && r == 0 && !s->out.fault; i++) {
		uint64_t stop = UINT64_MAX;

		for (unsigned after = i + 1; after <= s->out.files; after++)
			if (s->first[after] && s->first[after] < stop)
				stop = s->first[after];
		r = read_file(s, i, stop);
	}
	return r == 0 && s->out.fault ? classify(s) : r;
}

int cut_journal_scan_dir(int dir, bool disk, const struct cut_journal_io *io, cut_journal_fn *each,
			 void *data, struct cut_journal_scan *ret)
{
	struct scan s = {
		.io = io, .dir = dir, .disk = disk, .each = each, .data = data, .told = ret};
	int r;

	r = cut_journal_file_count(io, dir, &s.out.files);
	if (r < 0)
		return r;
	if (s.out.files == 0)
		return -ENOENT;
	cut_chain_init(&s.chain, NULL);
	r = read_files(&s);
	memcpy(s.out.head, s.chain.head, sizeof(s.out.head));
	cut_chain_done(&s.chain);
	if (r >= 0)
		*ret = s.out;
	return r;
}

/* Makes what an earlier engine left behind durable. Where the disk refuses, that file is given up
 * as a running engine does: an empty successor stands beside it. */
static int settle(int dir, const struct cut_journal_io *io)
{
	struct cut_journal_file successor;
	unsigned files;
	char name[32];
	int fd, r;

	r = cut_journal_file_count(io, dir, &files);
	if (r < 0 || files == 0)
		return r;
	cut_journal_file_name(files, name, sizeof(name));
	fd = io->openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = io->fdatasync(fd);
	io->close(fd);
	if (r == 0)
		return io->fsync(dir) < 0 ? -errno : 0;
	r = cut_journal_file_create(io, dir, files + 1, &successor);
	if (r == 0)
		cut_journal_file_close(&successor);
	return r;
}

static int read_path(const char *dir, bool disk, const struct cut_journal_io *io,
		     cut_journal_fn *each, void *data, struct cut_journal_scan *ret,
		     struct cut_err *err)
{
	int fd, r;

	fd = io->openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return cut_err_sys(err, -errno, NULL, "cannot open %s", dir);
	r = disk ? settle(fd, io) : 0;
	if (r < 0)
		cut_err_sys(err, r, NULL, "cannot make the journal in %s durable", dir);
	if (r == 0) {
		r = cut_journal_scan_dir(fd, disk, io, each, data, ret);
		if (r < 0 && !(err && err->code))
			cut_err_sys(err, r, NULL, "cannot read the journal in %s", dir);
	}
	io->close(fd);
	return r;
}

int cut_journal_read(const char *dir, cut_journal_fn *each, void *data,
		     struct cut_journal_scan *ret, struct cut_err *err)
{
	return read_path(dir, false, &cut_journal_io_system, each, data, ret, err);
}

int cut_journal_read_disk(const char *dir, const struct cut_journal_io *io, cut_journal_fn *each,
			  void *data, struct cut_journal_scan *ret, struct cut_err *err)
{
	return read_path(dir, true, io ? io : &cut_journal_io_system, each, data, ret, err);
}
