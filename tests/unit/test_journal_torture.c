/* SPDX-License-Identifier: Apache-2.0 */
/* Journals cut, flipped and shuffled at every place: none goes unseen, and each is put in the class
 * that the definition of a torn tail gives it, worked out here a second time from the parts. */
#include "engine/runtime/journal.h"

#include "tests/unit/journal_kit.h"

enum { RECORDS = 14 };

/* The lines of a sound journal, and what each says was durable. */
struct lines {
	char *text;
	size_t len;
	size_t at[RECORDS + 1];
	uint64_t synced[RECORDS];
};

/* A file put together of such lines and of other bytes. */
struct piece {
	int line; /* -1: bytes that are no record */
	const char *bytes;
	size_t len;
};

static int no_sync(int fd)
{
	return 0;
}

static int no_space_reserved(int fd, int mode, off_t at, off_t len)
{
	return 0;
}

static struct cut_journal_io quick;

static void read_lines(struct kit *k, struct lines *lines)
{
	int fd = open(kit_path(k, "journal.jsonl"), O_RDONLY);
	struct stat st;
	char *at;

	fstat(fd, &st);
	lines->len = (size_t)st.st_size;
	lines->text = cut_malloc(lines->len + 1);
	assert_int_equal(read(fd, lines->text, lines->len), st.st_size);
	lines->text[lines->len] = '\0';
	close(fd);
	at = lines->text;
	for (int i = 0; i < RECORDS; i++) {
		lines->at[i] = (size_t)(at - lines->text);
		lines->synced[i] = strtoull(strstr(at, "\"synced\":") + 9, NULL, 10);
		at = strchr(at, '\n') + 1;
	}
	lines->at[RECORDS] = (size_t)(at - lines->text);
	assert_int_equal(lines->at[RECORDS], lines->len);
}

static int setup(void **state)
{
	struct kit *k;

	/* A file written anew is flushed by ext4 when it is closed, and here are 100,000. */
	kit_setup_in(state, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	k = *state;
	quick = cut_journal_io_system;
	quick.fdatasync = quick.fsync = no_sync;
	quick.fallocate = no_space_reserved;
	k->io = &quick;
	kit_create(k, 3);
	for (int i = 1; i <= RECORDS; i++) {
		kit_append_n(k, i);
		if (i % 3 == 0)
			cut_journal_flush(k->journal, NULL);
	}
	kit_close(k);
	return 0;
}

static void put_file(struct kit *k, const char *bytes, size_t len)
{
	int fd = open(kit_path(k, "journal.jsonl"), O_WRONLY | O_TRUNC);

	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/* Reads in both ways, which must agree. */
static struct cut_journal_scan read_both(struct kit *k)
{
	struct cut_journal_scan with, without;

	with = kit_read(k);
	assert_int_equal(cut_journal_read(k->dir, NULL, NULL, &without, NULL), 0);
	assert_int_equal(with.fault, without.fault);
	assert_int_equal(with.bad_seq, without.bad_seq);
	assert_int_equal(with.bad_offset, without.bad_offset);
	assert_int_equal(with.records, without.records);
	assert_string_equal(with.head, without.head);
	return with;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* bad: index of the first bad record. */
static void expect_fault(struct kit *k, const struct lines *lines, int bad, size_t offset,
			 bool is_promised)
{
	struct cut_journal_scan scan = read_both(k);

	if (scan.fault != (is_promised ? CUT_JOURNAL_CORRUPT : CUT_JOURNAL_TORN) ||
	    scan.bad_seq != (uint64_t)bad + 1 || scan.bad_offset != offset)
		fail_msg("class %d at record %d, offset %d; wanted record %d, offset %d, %s",
			 scan.fault, (int)scan.bad_seq, (int)scan.bad_offset, bad + 1, (int)offset,
			 is_promised ? "corrupt" : "torn");
	assert_int_equal(scan.records, bad);
	assert_int_equal(scan.bad_file, 1);
	assert_non_null(scan.bad_why);
	assert_int_equal(count_lines(cut_buf_str(&k->seen)), bad);
}

static bool later_promises(const struct lines *lines, int from, int bad)
{
	for (int i = from; i < RECORDS; i++)
		if (lines->synced[i] >= (uint64_t)bad + 1)
			return true;
	return false;
}

static void test_a_sound_journal_is_whole(void **state)
{
	struct kit *k = *state;
	struct cut_journal_scan scan = read_both(k);

	assert_int_equal(scan.fault, CUT_JOURNAL_WHOLE);
	assert_int_equal(scan.records, RECORDS);
	assert_int_equal(scan.synced, 12);
	assert_int_equal(scan.epoch, 3);
}

static void test_a_journal_cut_at_any_byte_is_torn_and_goes_on_where_it_was_good(void **state)
{
	struct kit *k = *state;
	struct lines lines;
	struct cut_journal_scan scan;

	read_lines(k, &lines);
	for (size_t len = 0; len < lines.len; len++) {
		int whole = 0;

		while (lines.at[whole + 1] <= len)
			whole++;
		put_file(k, lines.text, len);
		if (lines.at[whole] == len) /* a shorter journal, to all that is in it */
			assert_int_equal(read_both(k).fault, CUT_JOURNAL_WHOLE);
		else
			expect_fault(k, &lines, whole, lines.at[whole], false);
		kit_reopen(k, 4);
		assert_int_equal(kit_append_n(k, 99), whole + 1);
		kit_close(k);
		scan = read_both(k);
		assert_int_equal(scan.fault, CUT_JOURNAL_WHOLE);
		assert_int_equal(scan.records, whole + 1);
		assert_int_equal(scan.synced, whole);
	}
	free(lines.text);
}

static void test_a_flip_of_any_bit_is_seen_and_is_corruption_where_promised(void **state)
{
	static const unsigned char masks[] = {1, 2, 4, 8, 16, 32, 64, 128, 255};
	struct kit *k = *state;
	struct lines lines;

	read_lines(k, &lines);
	for (size_t at = 0, hit = 0; at < lines.len; at++) {
		hit += at == lines.at[hit + 1];
		for (size_t m = at % 2; m < sizeof(masks); m += 2) {
			lines.text[at] = (char)(lines.text[at] ^ masks[m]);
			put_file(k, lines.text, lines.len);
			lines.text[at] = (char)(lines.text[at] ^ masks[m]);
			expect_fault(k, &lines, (int)hit, lines.at[hit],
				     later_promises(&lines, (int)hit + 1, (int)hit));
		}
	}
	free(lines.text);
}

static void test_a_corrupt_journal_cannot_be_opened(void **state)
{
	struct kit *k = *state;
	struct lines lines;
	struct cut_journal *journal = NULL;
	cut_auto(cut_err) struct cut_err err = {0};

	read_lines(k, &lines);
	lines.text[lines.at[4] + 110] ^= 1;
	put_file(k, lines.text, lines.len);
	assert_int_equal(cut_journal_read_disk(k->dir, k->io, NULL, NULL, &k->scan, NULL), 0);
	assert_int_equal(cut_journal_open(kit_world(k), k->dir, &k->scan, 4, &journal, &err),
			 -EBADMSG);
	assert_null(journal);
	assert_non_null(strstr(err.what, "record 5"));
	free(lines.text);
}

/* The pieces in a row; the first that is not the record due at its place is the bad one. */
static void check_pieces(struct kit *k, const struct lines *lines, const struct piece *pieces,
			 size_t len)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	size_t offset = 0;
	bool is_bad = false, is_promised = false;
	int due = 0;

	for (size_t i = 0; i < len; i++) {
		const struct piece *p = &pieces[i];

		is_bad |= p->line != due;
		if (!is_bad) {
			due++;
			offset = lines->at[due];
		} else if (p->line >= 0) {
			is_promised |= lines->synced[p->line] >= (uint64_t)due + 1;
		}
		if (p->line >= 0)
			cut_buf_add(&text, lines->text + lines->at[p->line],
				    lines->at[p->line + 1] - lines->at[p->line]);
		else
			cut_buf_add(&text, p->bytes, p->len);
	}
	put_file(k, cut_buf_str(&text), text.len);
	if (is_bad) {
		expect_fault(k, lines, due, offset, is_promised);
		assert_string_equal(read_both(k).bad_why,
				    pieces[due].line < 0 ? "format" : "sequence");
	} else {
		assert_int_equal(read_both(k).records, due);
	}
}

static void test_swapped_records_are_seen(void **state)
{
	struct kit *k = *state;
	struct lines lines;

	read_lines(k, &lines);
	for (int a = 0; a < RECORDS; a++)
		for (int b = a + 1; b < RECORDS; b++) {
			struct piece pieces[RECORDS];

			for (int i = 0; i < RECORDS; i++)
				pieces[i] = (struct piece){.line = i == a ? b : i == b ? a : i};
			check_pieces(k, &lines, pieces, RECORDS);
		}
	free(lines.text);
}

static void test_repeated_records_are_seen(void **state)
{
	struct kit *k = *state;
	struct lines lines;

	read_lines(k, &lines);
	for (int copy = 0; copy < RECORDS; copy++)
		for (int place = copy; place < RECORDS; place++) {
			struct piece pieces[RECORDS + 1];

			for (int i = 0; i <= RECORDS; i++)
				pieces[i] = (struct piece){.line = i <= place	    ? i
								   : i == place + 1 ? copy
										    : i - 1};
			check_pieces(k, &lines, pieces, RECORDS + 1);
		}
	free(lines.text);
}

static void test_dropped_records_are_seen_but_at_the_end(void **state)
{
	struct kit *k = *state;
	struct lines lines;

	read_lines(k, &lines);
	for (int from = 0; from < RECORDS; from++)
		for (int to = from; to < RECORDS; to++) {
			struct piece pieces[RECORDS];
			size_t len = 0;

			for (int i = 0; i < RECORDS; i++)
				if (i < from || i > to)
					pieces[len++] = (struct piece){.line = i};
			check_pieces(k, &lines, pieces, len);
		}
	free(lines.text);
}

static void test_foreign_bytes_anywhere_are_seen(void **state)
{
	static char zeros[5000];
	static const char sentence[] = "v1 is a version\nv1 0000000000000001 00000002 \n";
	const struct piece foreign[] = {
		{-1, "\n", 1},	 {-1, "v", 1},
		{-1, zeros, 1},	 {-1, zeros, sizeof(zeros)},
		{-1, "{}\n", 3}, {-1, sentence, sizeof(sentence) - 1},
	};
	struct kit *k = *state;
	struct lines lines;

	read_lines(k, &lines);
	for (size_t f = 0; f < CUT_ARRAY_LEN(foreign); f++)
		for (int place = 0; place <= RECORDS; place++) {
			struct piece pieces[RECORDS + 1];

			for (int i = 0; i <= RECORDS; i++)
				pieces[i] = (struct piece){.line = i < place ? i : i - 1};
			pieces[place] = foreign[f];
			check_pieces(k, &lines, pieces, RECORDS + 1);
		}
	free(lines.text);
}

static void test_a_torn_tail_of_any_length_is_gone_after_a_resume(void **state)
{
	static const char zeros[5000];
	struct kit *k = *state;
	struct lines lines;
	struct cut_journal_scan scan;
	int fd;

	read_lines(k, &lines);
	fd = open(k->path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
	close(fd);
	expect_fault(k, &lines, RECORDS, lines.len, false);
	kit_reopen(k, 4);
	kit_append_n(k, 99);
	kit_close(k);
	scan = read_both(k);
	assert_int_equal(scan.fault, CUT_JOURNAL_WHOLE);
	assert_int_equal(scan.records, RECORDS + 1);
	free(lines.text);
}

/* A tamperer who knows the checksum still breaks the link that the next record holds. */
static void test_a_replaced_record_breaks_the_chain(void **state)
{
	struct kit *k = *state;
	struct lines lines, other;
	struct cut_journal_scan scan;

	read_lines(k, &lines);
	kit_remove_files(k);
	kit_create(k, 3);
	for (int i = 1; i <= RECORDS; i++) {
		kit_append_n(k, i + 20 * (i == 5));
		if (i % 3 == 0)
			cut_journal_flush(k->journal, NULL);
	}
	kit_close(k);
	read_lines(k, &other);
	memcpy(other.text, lines.text, lines.at[4]); /* up to record 5 alike, then the other's */
	put_file(k, other.text, other.len);
	assert_int_equal(read_both(k).fault, CUT_JOURNAL_WHOLE);
	memcpy(other.text + other.at[5], lines.text + lines.at[5], lines.len - lines.at[5]);
	put_file(k, other.text, other.len - (other.at[5] - lines.at[5]));
	scan = read_both(k);
	assert_int_equal(scan.fault, CUT_JOURNAL_CORRUPT);
	assert_int_equal(scan.bad_seq, 6);
	assert_string_equal(scan.bad_why, "chain");
	free(lines.text);
	free(other.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, setup, kit_teardown)
		T(test_a_sound_journal_is_whole),
		T(test_a_journal_cut_at_any_byte_is_torn_and_goes_on_where_it_was_good),
		T(test_a_flip_of_any_bit_is_seen_and_is_corruption_where_promised),
		T(test_a_corrupt_journal_cannot_be_opened),
		T(test_swapped_records_are_seen),
		T(test_repeated_records_are_seen),
		T(test_dropped_records_are_seen_but_at_the_end),
		T(test_foreign_bytes_anywhere_are_seen),
		T(test_a_torn_tail_of_any_length_is_gone_after_a_resume),
		T(test_a_replaced_record_breaks_the_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
