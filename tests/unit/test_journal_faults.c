/* SPDX-License-Identifier: Apache-2.0 */
/* The journal on a disk that refuses, fills up, lies, and dies at each of its calls. */
#include "engine/runtime/journal.h"

#include "tests/unit/journal_disk.h"
#include "tests/unit/journal_kit.h"

static int setup(void **state)
{
	int r = kit_setup(state);

	disk = (struct disk){.error = EIO};
	((struct kit *)*state)->io = &disk_io;
	return r;
}

static void fail_next(int count)
{
	disk.fail_from = disk.calls + 1;
	disk.fail_to = disk.calls + count;
}

static void turn(struct kit *k, int times)
{
	while (times--)
		uv_run(&k->loop, UV_RUN_ONCE);
}

static void expect_records(struct kit *k, uint64_t records)
{
	struct cut_journal_scan scan = kit_read(k);

	assert_int_equal(scan.fault, CUT_JOURNAL_WHOLE);
	assert_int_equal(scan.records, records);
}

static void test_a_new_journal_its_folder_and_the_one_above_are_synced(void **state)
{
	struct kit *k = *state;

	kit_create(k, 1);
	assert_int_equal(disk.syncs, 1);
	assert_int_equal(disk.directory_syncs, 2);
}

static void test_what_arrives_during_a_sync_is_in_the_next_one(void **state)
{
	struct kit *k = *state;
	uv_sem_t held;

	uv_sem_init(&held, 0);
	kit_create(k, 1);
	disk.held = &held;
	kit_append_n(k, 1);
	cut_journal_want_sync(k->journal);
	while (disk.syncs < 2)
		uv_run(&k->loop, UV_RUN_NOWAIT);
	kit_append_n(k, 2);
	kit_append_n(k, 3);
	cut_journal_want_sync(k->journal);
	uv_sem_post(&held);
	kit_run_until_synced(k, 1);
	assert_int_equal(k->told_seq, 1);
	assert_int_equal(cut_journal_synced(k->journal), 1);
	uv_sem_post(&held);
	kit_run_until_synced(k, 3);
	assert_int_equal(disk.syncs, 3); /* the file's own, and two batches */
	disk.held = NULL;
	kit_close(k);
	uv_sem_destroy(&held);
	expect_records(k, 3);
}

static void test_a_failed_sync_moves_to_a_successor_without_losing_a_record(void **state)
{
	struct kit *k = *state;
	struct cut_journal_scan scan;

	disk.loses_unsynced = true;
	kit_create(k, 1);
	kit_append_n(k, 1);
	cut_journal_want_sync(k->journal);
	kit_run_until_synced(k, 1);
	kit_append_n(k, 2);
	kit_append_n(k, 3);
	disk.fail_from = disk.fail_to = disk.calls + 2; /* the write goes well, the sync does not */
	cut_journal_want_sync(k->journal);
	kit_run_until_synced(k, 3);
	assert_int_equal(k->moved_calls, 1);
	assert_int_equal(k->failed_calls, 0);
	assert_int_equal(access(kit_path(k, "journal.2.jsonl"), F_OK), 0);
	kit_append_n(k, 4);
	kit_close(k);
	scan = kit_read(k);
	assert_int_equal(scan.files, 2);
	expect_records(k, 4);
	kit_reopen(k, 2);
	assert_int_equal(kit_append_n(k, 5), 5);
	kit_close(k);
	expect_records(k, 5);
}

static void test_the_failed_file_may_keep_what_its_successor_repeats(void **state)
{
	struct kit *k = *state;
	struct cut_journal_scan scan;
	int fd;

	kit_create(k, 1);
	kit_append_n(k, 1);
	cut_journal_flush(k->journal, NULL);
	kit_append_n(k, 2);
	kit_append_n(k, 3);
	disk.fail_from = disk.fail_to = disk.calls + 2;
	cut_journal_flush(k->journal, NULL); /* 2 and 3 stand in both files */
	kit_append_n(k, 4);
	kit_close(k);
	expect_records(k, 4);
	fd = open(kit_path(k, "journal.jsonl"), O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "half a line", 11), 11);
	close(fd);
	expect_records(k, 4); /* nothing behind the hand-over counts */
	assert_int_equal(truncate(kit_path(k, "journal.jsonl"), 10), 0);
	scan = kit_read(k);
	assert_int_equal(scan.fault, CUT_JOURNAL_CORRUPT);
	assert_int_equal(scan.bad_seq, 1);
	assert_int_equal(scan.bad_file, 1);
}

static void test_a_second_failure_is_final_and_nothing_more_is_promised(void **state)
{
	struct kit *k = *state;
	cut_auto(cut_err) struct cut_err err = {0};

	kit_create(k, 1);
	kit_append_n(k, 1);
	cut_journal_flush(k->journal, NULL);
	kit_append_n(k, 2);
	fail_next(1000000);
	cut_journal_want_sync(k->journal);
	for (int i = 0; i < 1000 && !k->failed_calls; i++)
		turn(k, 1);
	assert_int_equal(k->failed_calls, 1);
	assert_int_equal(k->moved_calls, 0);
	assert_int_equal(cut_journal_synced(k->journal), 1);
	kit_append_n(k, 3);
	assert_int_equal(cut_journal_flush(k->journal, &err), -EIO);
	assert_int_equal(cut_journal_synced(k->journal), 1);
}

static void test_promised_records_that_the_disk_has_lost_are_not_passed_over(void **state)
{
	struct kit *k = *state;

	kit_create(k, 1);
	kit_append_n(k, 1);
	cut_journal_flush(k->journal, NULL);
	kit_append_n(k, 2);
	disk.forgets_all = true;
	fail_next(1);
	assert_int_equal(cut_journal_flush(k->journal, NULL), -EIO);
	assert_int_equal(access(kit_path(k, "journal.2.jsonl"), F_OK), -1);
}

static void test_short_and_interrupted_writes_are_finished(void **state)
{
	struct kit *k = *state;

	kit_create(k, 1);
	disk.write_at_most = 7;
	kit_append_n(k, 1);
	disk.error = EINTR;
	disk.fail_from = disk.calls + 3;
	disk.fail_to = disk.calls + 5;
	assert_int_equal(cut_journal_flush(k->journal, NULL), 0);
	kit_close(k);
	assert_int_equal(k->moved_calls, 0);
	expect_records(k, 1);
}

/* The sizes of a full disk: records of about 10 kB against 1 MiB and the reserve of 256 KiB. */
static void append_large(struct kit *k)
{
	cut_auto(cut_str) char *body = cut_printf("{\"type\":\"note\",\"text\":\"%010000d\"}", 0);

	kit_append(k, body);
}

static void test_a_full_disk_is_told_early_and_leaves_the_reserve_to_the_rollback(void **state)
{
	struct kit *k = *state;
	cut_auto(cut_err) struct cut_err err = {0};
	uint64_t forward;

	kit_create(k, 1);
	disk.full = true;
	while (cut_journal_flush(k->journal, NULL) == 0) {
		append_large(k);
		turn(k, 2);
		assert_true(cut_journal_seq(k->journal) < 200);
	}
	forward = cut_journal_synced(k->journal);
	assert_int_equal(k->low_calls, 1);
	assert_in_range(forward, 90, 106); /* 1 MiB of them */
	assert_int_equal(cut_journal_flush(k->journal, &err), -ENOSPC);
	cut_journal_use_reserve(k->journal);
	kit_run_until_synced(k, forward + 1);
	while (cut_journal_flush(k->journal, NULL) == 0)
		append_large(k);
	assert_in_range(cut_journal_synced(k->journal) - forward, 20, 27); /* 256 KiB of them */
	disk.full = false;
	assert_int_equal(cut_journal_flush(k->journal, NULL), 0);
	turn(k, 2);
	assert_int_equal(k->room_calls, 1);
	assert_int_equal(k->moved_calls + k->failed_calls, 0);
	kit_close(k);
	assert_int_equal(kit_read(k).fault, CUT_JOURNAL_WHOLE);
}

static void test_room_is_looked_for_without_anybody_asking(void **state)
{
	struct kit *k = *state;
	static uv_timer_t keep_alive; /* outlives the test until the loop has closed it */
	int looks;

	kit_create(k, 1);
	kit_append_n(k, 1);
	assert_int_equal(cut_journal_flush(k->journal, NULL), 0);
	disk.full = true;
	for (int i = 0; i < 90; i++)
		append_large(k);
	cut_journal_want_sync(k->journal);
	kit_run_until_synced(k, 91);
	turn(k, 1);
	assert_int_equal(k->low_calls, 1);
	uv_timer_init(&k->loop, &keep_alive);
	uv_timer_start(&keep_alive, (uv_timer_cb)uv_stop, 5000, 0);
	looks = disk.calls;
	while (disk.calls < looks + 2) /* in vain at first */
		turn(k, 1);
	disk.full = false;
	for (int i = 0; i < 50 && !k->room_calls; i++)
		turn(k, 1);
	uv_close((uv_handle_t *)&keep_alive, NULL);
	assert_int_equal(k->room_calls, 1);
}

static void test_a_full_disk_that_reserves_nothing_is_no_lost_file(void **state)
{
	struct kit *k = *state;

	kit_create(k, 1);
	disk.full_above = 400;
	for (int i = 1; i <= 10; i++)
		kit_append_n(k, i);
	assert_int_equal(cut_journal_flush(k->journal, NULL), -ENOSPC);
	disk.full_above = 0;
	assert_int_equal(cut_journal_flush(k->journal, NULL), 0);
	turn(k, 1);
	assert_int_equal(k->moved_calls + k->failed_calls, 0);
	kit_close(k);
	expect_records(k, 10);
}

static void test_no_run_is_armed_on_a_full_disk_but_one_is_resumed(void **state)
{
	struct kit *k = *state;
	cut_auto(cut_err) struct cut_err err = {0};

	disk.full = true;
	assert_int_equal(cut_journal_create(kit_world(k), k->dir, 1, &k->journal, &err), -ENOSPC);
	assert_int_equal(access(kit_path(k, "journal.jsonl"), F_OK), -1);
	disk.full = false;
	kit_create(k, 1);
	kit_append_n(k, 1);
	kit_close(k);
	disk.full = true;
	kit_reopen(k, 2);
	turn(k, 1);
	assert_int_equal(k->low_calls, 1);
}

static void test_a_line_that_was_being_written_when_it_was_read_is_no_corruption(void **state)
{
	struct kit *k = *state;
	struct cut_journal_scan scan;
	struct stat st;

	kit_create(k, 1);
	for (int i = 1; i <= 6; i++) {
		kit_append_n(k, i);
		cut_journal_flush(k->journal, NULL);
	}
	assert_int_equal(stat(kit_path(k, "journal.jsonl"), &st), 0);
	for (int part = 1; part < 6; part++) {
		disk.seen_at_first = st.st_size / 6 * part + 50;
		assert_int_equal(cut_journal_read_disk(k->dir, &disk_io, NULL, NULL, &scan, NULL),
				 0);
		assert_int_equal(scan.fault, CUT_JOURNAL_TORN);
		assert_int_equal(scan.bad_seq, part + 1);
	}
}

/* What a resume sees when the engine died between a failed sync and the successor. */
static void test_a_resume_reads_the_disk_and_gives_up_a_file_that_cannot_be_synced(void **state)
{
	struct kit *k = *state;

	kit_create(k, 1);
	kit_append_n(k, 1);
	kit_append_n(k, 2);
	kit_close(k);
	fail_next(0);
	disk.fail_from = disk.fail_to = disk.calls + 3; /* both opens, then the sync */
	kit_reopen(k, 2);
	assert_int_equal(k->scan.records, 2);
	assert_int_equal(k->scan.files, 2);
	assert_int_equal(kit_append_n(k, 3), 3);
	kit_close(k);
	expect_records(k, 3);
}

static void test_an_unwritten_successor_is_only_an_end(void **state)
{
	struct kit *k = *state;

	kit_create(k, 1);
	kit_append_n(k, 1);
	kit_append_n(k, 2);
	kit_close(k);
	close(open(kit_path(k, "journal.2.jsonl"), O_WRONLY | O_CREAT, 0600));
	expect_records(k, 2);
	assert_int_equal(truncate(kit_path(k, "journal.jsonl"), 200),
			 0); /* and a torn tail before it */
	kit_reopen(k, 2);
	assert_int_equal(k->scan.fault, CUT_JOURNAL_TORN);
	assert_int_equal(kit_append_n(k, 2), 2);
	kit_close(k);
	expect_records(k, 2);
}

/* The life of a run; how much of it was promised. */
static uint64_t live(struct kit *k)
{
	uint64_t synced = 0;

	if (cut_journal_create(kit_world(k), k->dir, 1, &k->journal, NULL) == 0) {
		kit_listen(k);
		for (int i = 1; i <= 6; i++) {
			kit_append_n(k, i);
			if (i % 2 == 0)
				cut_journal_flush(k->journal, NULL);
		}
		synced = cut_journal_synced(k->journal);
		kit_close(k);
	}
	if (cut_journal_read_disk(k->dir, k->io, NULL, NULL, &k->scan, NULL) < 0)
		return synced;
	if (cut_journal_open(kit_world(k), k->dir, &k->scan, 2, &k->journal, NULL) < 0)
		return synced;
	kit_append_n(k, 7);
	cut_journal_flush(k->journal, NULL);
	if (cut_journal_synced(k->journal) > synced)
		synced = cut_journal_synced(k->journal);
	kit_close(k);
	return synced;
}

static void check_life(struct kit *k, int from, int to, int error)
{
	struct cut_journal_scan scan = {0};
	uint64_t synced;
	int r;

	disk = (struct disk){
		.fail_from = from, .fail_to = to, .error = error, .loses_unsynced = true};
	synced = live(k);
	disk = (struct disk){0};
	r = cut_journal_read(k->dir, NULL, NULL, &scan, NULL);
	if (r < 0 ? synced > 0 : scan.fault == CUT_JOURNAL_CORRUPT || scan.last_seq < synced)
		fail_msg("calls %d to %d failed with %d: %d promised, %d there, class %d", from, to,
			 error, (int)synced, (int)scan.last_seq, scan.fault);
	if (r == 0) { /* and a healthy disk can go on from there */
		kit_reopen(k, 3);
		kit_append_n(k, 8);
		assert_int_equal(cut_journal_flush(k->journal, NULL), 0);
		kit_close(k);
		assert_int_equal(kit_read(k).fault, CUT_JOURNAL_WHOLE);
	}
	kit_remove_files(k);
}

static void test_whichever_call_fails_what_was_promised_is_there(void **state)
{
	static const int errors[] = {EIO, ENOSPC, EDQUOT, EROFS};
	struct kit *k = *state;
	int calls;

	disk = (struct disk){0};
	live(k);
	calls = disk.calls;
	kit_remove_files(k);
	assert_in_range(calls, 20, 200);
	for (size_t e = 0; e < CUT_ARRAY_LEN(errors); e++)
		for (int call = 1; call <= calls + 10; call++) {
			check_life(k, call, call, errors[e]);
			check_life(k, call, call + 1, errors[e]);
			check_life(k, call, 1000000, errors[e]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, setup, kit_teardown)
		T(test_a_new_journal_its_folder_and_the_one_above_are_synced),
		T(test_what_arrives_during_a_sync_is_in_the_next_one),
		T(test_a_failed_sync_moves_to_a_successor_without_losing_a_record),
		T(test_the_failed_file_may_keep_what_its_successor_repeats),
		T(test_a_second_failure_is_final_and_nothing_more_is_promised),
		T(test_promised_records_that_the_disk_has_lost_are_not_passed_over),
		T(test_short_and_interrupted_writes_are_finished),
		T(test_a_full_disk_is_told_early_and_leaves_the_reserve_to_the_rollback),
		T(test_room_is_looked_for_without_anybody_asking),
		T(test_a_full_disk_that_reserves_nothing_is_no_lost_file),
		T(test_no_run_is_armed_on_a_full_disk_but_one_is_resumed),
		T(test_a_line_that_was_being_written_when_it_was_read_is_no_corruption),
		T(test_a_resume_reads_the_disk_and_gives_up_a_file_that_cannot_be_synced),
		T(test_an_unwritten_successor_is_only_an_end),
		T(test_whichever_call_fails_what_was_promised_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
