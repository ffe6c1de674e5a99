/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a journal, looked at without reading it, in every condition a crash leaves it in. */
#include "tests/unit/journal_kit.h"

#define RUNNING "{\"type\":\"run\",\"state\":\"running\"}"
#define PAUSED	"{\"type\":\"run\",\"state\":\"paused\"}"
#define TICK	"{\"type\":\"tick\"}"

/* The state of the last `run` record, "none", or "empty": no whole record either. */
static const char *last(struct kit *k)
{
	static char state[32];
	cut_auto(cut_json) json_t *record = NULL;
	bool is_empty = false;

	assert_int_equal(cut_journal_last(k->dir, "run", &record, &is_empty), 0);
	snprintf(state, sizeof(state), "%s",
		 record	    ? cut_json_str(record, "state", "?")
		 : is_empty ? "empty"
			    : "none");
	return state;
}

static void append(struct kit *k, const char *first, const char *second)
{
	kit_create(k, 1);
	kit_append(k, first);
	kit_append(k, second);
	cut_journal_flush(k->journal, NULL);
	kit_close(k);
}

static void move(struct kit *k, const char *to)
{
	cut_auto(cut_str) char *from = cut_strdup(kit_path(k, "journal.jsonl"));

	assert_int_equal(rename(from, kit_path(k, to)), 0);
}

static void shorten(struct kit *k, const char *name, off_t by)
{
	struct stat st;

	assert_int_equal(stat(kit_path(k, name), &st), 0);
	assert_int_equal(truncate(k->path, by ? st.st_size - by : 0), 0);
}

static void test_a_torn_line_is_passed_over(void **state)
{
	struct kit *k = *state;

	append(k, RUNNING, PAUSED);
	assert_string_equal(last(k), "paused");
	shorten(k, "journal.jsonl", 1);
	assert_string_equal(last(k), "running");
	shorten(k, "journal.jsonl", 60);
	assert_string_equal(last(k), "running");
	shorten(k, "journal.jsonl", 120);
	assert_string_equal(last(k), "empty");
	shorten(k, "journal.jsonl", 0);
	assert_string_equal(last(k), "empty");
}

static void test_a_line_that_was_changed_is_passed_over(void **state)
{
	struct kit *k = *state;
	int fd;

	append(k, RUNNING, PAUSED);
	fd = open(kit_path(k, "journal.jsonl"), O_RDWR);
	assert_int_equal(pwrite(fd, "X", 1, lseek(fd, 0, SEEK_END) - 5), 1);
	close(fd);
	assert_string_equal(last(k), "running");
}

static void test_the_newest_file_comes_first_and_older_ones_after_it(void **state)
{
	struct kit *k = *state;

	append(k, RUNNING, TICK);
	move(k, "journal.3.jsonl");
	append(k, PAUSED, TICK);
	assert_string_equal(last(k), "running");
	shorten(k, "journal.3.jsonl", 0);
	assert_string_equal(last(k), "paused"); /* and that there is no second file is no matter */
}

static void test_a_folder_without_a_journal_is_empty(void **state)
{
	static const char *const others[] = {"journal.x.jsonl", "journal.2.jsonl.old", "journal.2",
					     "samples.jsonl"};
	struct kit *k = *state;

	for (size_t i = 0; i < CUT_ARRAY_LEN(others); i++)
		close(open(kit_path(k, others[i]), O_WRONLY | O_CREAT, 0600));
	assert_string_equal(last(k), "empty");
	for (size_t i = 0; i < CUT_ARRAY_LEN(others); i++)
		unlink(kit_path(k, others[i]));
}

static void test_what_cannot_be_read_is_an_error_and_no_end(void **state)
{
	struct kit *k = *state;
	json_t *record = NULL;
	bool is_empty;

	assert_int_equal(cut_journal_last(kit_path(k, "none"), "run", &record, &is_empty), -ENOENT);
	assert_int_equal(symlink("/etc/passwd", kit_path(k, "journal.jsonl")), 0);
	assert_int_equal(cut_journal_last(k->dir, "run", &record, &is_empty), -ELOOP);
	unlink(k->path);
	assert_int_equal(mkdir(kit_path(k, "journal.jsonl"), 0700), 0);
	assert_int_equal(cut_journal_last(k->dir, "run", &record, &is_empty), -EISDIR);
	rmdir(k->path);
	assert_null(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(test_a_torn_line_is_passed_over),
		KIT_TEST(test_a_line_that_was_changed_is_passed_over),
		KIT_TEST(test_the_newest_file_comes_first_and_older_ones_after_it),
		KIT_TEST(test_a_folder_without_a_journal_is_empty),
		KIT_TEST(test_what_cannot_be_read_is_an_error_and_no_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
