/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's writer, with its own reader looking at what it wrote. */
#include "engine/runtime/journal.h"

#include "tests/unit/journal_kit.h"

#include <signal.h>
#include <sys/wait.h>

static void test_appended_records_are_read_back_in_order(void **state)
{
	struct kit *k = *state;
	struct cut_journal_scan scan;

	kit_create(k, 1);
	assert_int_equal(kit_append(k, "{\"type\":\"armed\",\"n\":1}"), 1);
	assert_int_equal(kit_append(k, "{\"type\":\"tick\",\"n\":2}"), 2);
	assert_int_equal(cut_journal_flush(k->journal, NULL), 0);
	assert_int_equal(cut_journal_synced(k->journal), 2);
	kit_close(k);
	scan = kit_read(k);
	assert_int_equal(scan.fault, CUT_JOURNAL_WHOLE);
	assert_int_equal(scan.records, 2);
	assert_string_equal(cut_buf_str(&k->seen), "1 armed 1 epoch 1 synced 0\n"
						   "2 tick 2 epoch 1 synced 0\n");
}

static void test_a_sync_that_is_asked_for_is_reported_on_the_loop(void **state)
{
	struct kit *k = *state;

	kit_create(k, 1);
	kit_append(k, "{\"type\":\"tick\",\"n\":1}");
	kit_append(k, "{\"type\":\"tick\",\"n\":2}");
	cut_journal_want_sync(k->journal);
	assert_int_equal(cut_journal_synced(k->journal), 0);
	kit_run_until_synced(k, 2);
	assert_int_equal(k->synced_calls, 1); /* one batch for both */
}

static void test_a_reopened_journal_goes_on_with_sequence_chain_and_epoch(void **state)
{
	struct kit *k = *state;
	struct cut_journal_scan scan;

	kit_create(k, 1);
	kit_append(k, "{\"type\":\"armed\",\"n\":1}");
	kit_close(k);
	kit_reopen(k, 2);
	assert_int_equal(kit_append(k, "{\"type\":\"resumed\",\"n\":2}"), 2);
	kit_close(k);
	scan = kit_read(k);
	assert_int_equal(scan.fault, CUT_JOURNAL_WHOLE);
	assert_int_equal(scan.epoch, 2);
	assert_string_equal(cut_buf_str(&k->seen), "1 armed 1 epoch 1 synced 0\n"
						   "2 resumed 2 epoch 2 synced 1\n");
}

static void test_a_second_journal_in_one_folder_is_refused(void **state)
{
	struct kit *k = *state;
	struct cut_journal *other = NULL;
	cut_auto(cut_err) struct cut_err err = {0};

	kit_create(k, 1);
	assert_int_equal(cut_journal_create(kit_world(k), k->dir, 1, &other, &err), -EEXIST);
	assert_null(other);
}

static void test_space_is_reserved_without_changing_the_size(void **state)
{
	struct kit *k = *state;
	struct stat st;

	kit_create(k, 1);
	assert_int_equal(stat(kit_path(k, "journal.jsonl"), &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_true(st.st_blocks * 512 >= (1024 + 256) * 1024);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* Appends until it is killed, and says into the pipe what it may rely on. */
static _Noreturn void write_for_ever(struct kit *k, int promise)
{
	uv_loop_t loop;
	struct cut_world *world;
	struct cut_journal *journal;

	uv_loop_init(&loop);
	if (cut_world_open(&loop, &world, NULL) < 0 ||
	    cut_journal_create(world, k->dir, 1, &journal, NULL) < 0)
		_exit(1);
	k->journal = journal;
	kit_listen(k);
	for (int n = 1;; n++) {
		cut_auto(cut_str) char *body =
			cut_printf("{\"type\":\"tick\",\"n\":%d,\"pad\":\"%0*d\"}", n, n % 900, 0);
		uint64_t synced = cut_journal_synced(journal);

		cut_journal_append(journal, body, strlen(body));
		cut_journal_want_sync(journal);
		uv_run(&loop, n % 5 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
		if (cut_journal_synced(journal) > synced) {
			synced = cut_journal_synced(journal);
			if (write(promise, &synced, sizeof(synced)) != sizeof(synced))
				_exit(1);
		}
	}
}

static void
test_a_killed_writer_has_kept_its_promises_and_a_reader_beside_it_sees_no_damage(void **state)
{
	struct kit *k = *state;

	for (int life = 0; life < 8; life++) {
		struct cut_journal_scan scan = {0};
		uint64_t promised = 0, next;
		int line[2];
		pid_t writer;

		assert_int_equal(pipe(line), 0);
		writer = fork();
		if (writer == 0)
			write_for_ever(k, line[1]);
		close(line[1]);
		assert_int_equal(read(line[0], &promised, sizeof(promised)), sizeof(promised));
		for (uint64_t until = uv_hrtime() + 60000000; uv_hrtime() < until;) {
			assert_int_equal(cut_journal_read(k->dir, NULL, NULL, &scan, NULL), 0);
			assert_int_not_equal(scan.fault, CUT_JOURNAL_CORRUPT);
		}
		kill(writer, SIGKILL);
		waitpid(writer, NULL, 0);
		while (read(line[0], &next, sizeof(next)) == sizeof(next))
			promised = next;
		close(line[0]);
		kit_reopen(k, 2);
		assert_true(k->scan.last_seq >= promised && promised > 0);
		kit_close(k);
		assert_int_equal(kit_read(k).fault, CUT_JOURNAL_WHOLE);
		kit_remove_files(k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(test_appended_records_are_read_back_in_order),
		KIT_TEST(test_a_sync_that_is_asked_for_is_reported_on_the_loop),
		KIT_TEST(test_a_reopened_journal_goes_on_with_sequence_chain_and_epoch),
		KIT_TEST(test_a_second_journal_in_one_folder_is_refused),
		KIT_TEST(test_space_is_reserved_without_changing_the_size),
		KIT_TEST(
			test_a_killed_writer_has_kept_its_promises_and_a_reader_beside_it_sees_no_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
