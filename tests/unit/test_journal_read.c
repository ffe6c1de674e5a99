/* SPDX-License-Identifier: Apache-2.0 */
/* Records whose checksums and chain are right and whose content cannot be: who could write them
 * could write anything, so the reader believes no more than follows from what stood there before.
 */
#include "engine/runtime/record.h"
#include "tests/unit/journal_kit.h"

struct written {
	const char *body;
	unsigned epoch;
	uint64_t synced;
};

static void store(struct kit *k, const struct written *records, size_t len)
{
	struct cut_chain chain;
	int fd = open(kit_path(k, "journal.jsonl"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cut_chain_init(&chain, NULL);
	for (size_t i = 0; i < len; i++) {
		cut_auto(cut_buf) struct cut_buf out = {0};

		cut_record_add(&out, &chain, i + 1, records[i].body, strlen(records[i].body),
			       records[i].epoch, records[i].synced);
		assert_int_equal(write(fd, out.data, out.len), out.len);
	}
	cut_chain_done(&chain);
	close(fd);
}

#define GOOD "{\"type\":\"tick\"}"

static const struct {
	struct written records[4];
	size_t len;
	const char *why; /* NULL: all are good */
	uint64_t seq;
} cases[] = {
	{{{GOOD, 1, 0}, {GOOD, 1, 1}, {GOOD, 2, 1}}, 3, NULL, 0},
	{{{GOOD, 1, 0}, {GOOD, 2, 0}, {GOOD, 1, 0}}, 3, "epoch", 3},
	{{{GOOD, 1, 0}, {GOOD, 1, 2}}, 2, "synced", 2},
	{{{GOOD, 1, 0}, {GOOD, 1, 1}, {GOOD, 1, 0}}, 3, "synced", 3},
	{{{GOOD, 1, 0}, {"{\"type\":}", 1, 0}}, 2, "json", 2},
	{{{GOOD, 1, 0}, {"{\"type\":}", 1, 0}, {GOOD, 1, 2}}, 3, "json", 2},
	{{{GOOD, 1, 0}, {GOOD, 4294967295u, 0}}, 2, NULL, 0},
};

static void test_content_that_cannot_be_is_no_record(void **state)
{
	struct kit *k = *state;

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		struct cut_journal_scan scan;

		store(k, cases[i].records, cases[i].len);
		scan = kit_read(k);
		if (!cases[i].why) {
			assert_int_equal(scan.fault, 0);
			assert_int_equal(scan.records, cases[i].len);
			continue;
		}
		assert_string_equal(scan.bad_why, cases[i].why);
		assert_int_equal(scan.bad_seq, cases[i].seq);
		assert_int_equal(scan.records, cases[i].seq - 1);
	}
}

static int stop_at_two(void *data, uint64_t seq, const json_t *record)
{
	*(uint64_t *)data = seq;
	return seq == 2 ? -ECANCELED : 0;
}

static void test_whoever_reads_may_stop(void **state)
{
	struct kit *k = *state;
	struct cut_journal_scan scan;
	uint64_t last = 0;

	store(k, cases[0].records, cases[0].len);
	assert_int_equal(cut_journal_read(k->dir, stop_at_two, &last, &scan, NULL), -ECANCELED);
	assert_int_equal(last, 2);
}

static void test_numbers_are_read_without_the_rest_where_nobody_wants_it(void **state)
{
	struct kit *k = *state;

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		struct cut_journal_scan scan = {0};

		store(k, cases[i].records, cases[i].len);
		assert_int_equal(cut_journal_read(k->dir, NULL, NULL, &scan, NULL), 0);
		if (cases[i].why && strcmp(cases[i].why, "json") != 0)
			assert_string_equal(scan.bad_why, cases[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(test_content_that_cannot_be_is_no_record),
		KIT_TEST(test_whoever_reads_may_stop),
		KIT_TEST(test_numbers_are_read_without_the_rest_where_nobody_wants_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
