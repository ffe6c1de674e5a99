/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a journal on a disk that fails at one of its calls: whichever it is, that is told, and
 * never is a journal called shorter or sounder than it is. */
#include "engine/runtime/journal_file.h"
#include "engine/runtime/record.h"
#include "tests/unit/journal_kit.h"

static int calls, fails_at; /* 0: none */

static bool fails(void)
{
	errno = EIO;
	return ++calls == fails_at;
}

static int open_or_fail(int dir, const char *name, int flags)
{
	return fails() ? -1 : cut_journal_io_system.openat(dir, name, flags);
}

static ssize_t read_or_fail(int fd, void *to, size_t len, off_t at)
{
	return fails() ? -1 : pread(fd, to, len, at);
}

static int list_or_fail(int dir, void (*each)(void *data, const char *name), void *data)
{
	return fails() ? -1 : cut_journal_io_system.list(dir, each, data);
}

/* Records from first on, each of which says that all before it is durable; long ones, so that more
 * than one read is needed. */
static void store(struct kit *k, const char *name, struct cut_chain *chain, uint64_t first, int len)
{
	int fd = open(kit_path(k, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	for (int i = 0; i < len; i++) {
		cut_auto(cut_buf) struct cut_buf out = {0}, body = {0};

		cut_buf_printf(&body, "{\"type\":\"note\",\"text\":\"%0*d\"}", 200000, i);
		cut_record_add(&out, chain, first + (uint64_t)i, body.data, body.len, 1,
			       first + (uint64_t)i - 1);
		assert_int_equal(write(fd, out.data, out.len), out.len);
	}
	close(fd);
}

static void spoil(struct kit *k, const char *name, off_t at)
{
	int fd = open(kit_path(k, name), O_WRONLY);

	assert_int_equal(pwrite(fd, "~", 1, at), 1);
	close(fd);
}

static void check_all_calls(struct kit *k, enum cut_journal_fault fault)
{
	struct cut_journal_io io = cut_journal_io_system;
	int dir = open(k->dir, O_RDONLY | O_DIRECTORY), all;

	io.openat = open_or_fail;
	io.pread = read_or_fail;
	io.list = list_or_fail;
	calls = fails_at = 0;
	assert_int_equal(cut_journal_scan_dir(dir, false, &io, NULL, NULL, &k->scan), 0);
	assert_int_equal(k->scan.fault, fault);
	all = calls;
	assert_in_range(all, 4, 100);
	for (fails_at = 1; fails_at <= all; fails_at++) {
		struct cut_journal_scan scan = {.records = 77};

		calls = 0;
		assert_int_equal(cut_journal_scan_dir(dir, false, &io, NULL, NULL, &scan), -EIO);
		assert_int_equal(scan.records, 77);
	}
	close(dir);
}

static void test_a_failed_read_of_a_sound_journal_is_told(void **state)
{
	struct kit *k = *state;
	struct cut_chain chain;

	cut_chain_init(&chain, NULL);
	store(k, "journal.jsonl", &chain, 1, 4);
	store(k, "journal.2.jsonl", &chain, 5, 2);
	check_all_calls(k, CUT_JOURNAL_WHOLE);
	cut_chain_done(&chain);
}

static void test_a_failed_read_does_not_hide_what_is_corrupt(void **state)
{
	struct kit *k = *state;
	struct cut_chain chain;

	cut_chain_init(&chain, NULL);
	store(k, "journal.jsonl", &chain, 1, 4);
	store(k, "journal.2.jsonl", &chain, 5, 2);
	spoil(k, "journal.jsonl", 210000);
	check_all_calls(k, CUT_JOURNAL_CORRUPT);
	assert_int_equal(k->scan.bad_seq, 2);
	cut_chain_done(&chain);
}

static void test_a_failed_read_does_not_make_a_torn_end_a_whole_one(void **state)
{
	struct kit *k = *state;
	struct cut_chain chain;

	cut_chain_init(&chain, NULL);
	store(k, "journal.jsonl", &chain, 1, 3);
	spoil(k, "journal.jsonl", 410000);
	check_all_calls(k, CUT_JOURNAL_TORN);
	assert_int_equal(k->scan.bad_seq, 3);
	cut_chain_done(&chain);
}

/* Somebody took a file away: its records are missed by those that come after them. */
static void test_a_file_that_is_gone_is_missed(void **state)
{
	struct kit *k = *state;
	struct cut_chain chain;

	cut_chain_init(&chain, NULL);
	store(k, "journal.jsonl", &chain, 1, 2);
	store(k, "journal.2.jsonl", &chain, 3, 2);
	store(k, "journal.3.jsonl", &chain, 5, 2);
	assert_int_equal(unlink(kit_path(k, "journal.2.jsonl")), 0);
	assert_int_equal(kit_read(k).fault, CUT_JOURNAL_CORRUPT);
	assert_int_equal(kit_read(k).bad_seq, 3);
	assert_int_equal(unlink(kit_path(k, "journal.jsonl")), 0);
	assert_int_equal(cut_journal_read(k->dir, NULL, NULL, &k->scan, NULL), -ENOENT);
	cut_chain_done(&chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(test_a_failed_read_of_a_sound_journal_is_told),
		KIT_TEST(test_a_failed_read_does_not_hide_what_is_corrupt),
		KIT_TEST(test_a_failed_read_does_not_make_a_torn_end_a_whole_one),
		KIT_TEST(test_a_file_that_is_gone_is_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
