/* SPDX-License-Identifier: Apache-2.0 */
/* What the audit says about whole, torn and corrupt journals. */
#include "engine/runtime/audit.h"

#include "tests/unit/journal_kit.h"

/* An engine is writing: seals are for test_seal. */
static const struct cut_sealkeys nobody;

static void write_journal(struct kit *k)
{
	kit_create(k, 2);
	for (int i = 1; i <= 6; i++) {
		kit_append_n(k, i);
		cut_journal_flush(k->journal, NULL);
	}
	kit_close(k);
}

static struct cut_journal_scan audit(struct kit *k, struct cut_buf *text, json_t **json)
{
	struct cut_audit_options options = {k->dir, "a-run", &nobody, true};
	struct cut_audit found = {0};

	assert_int_equal(cut_journal_audit(&options, &found, NULL), 0);
	cut_buf_reset(text);
	cut_audit_text(&found, text);
	*json = cut_audit_json(&found);
	assert_non_null(*json);
	return found.scan;
}

static off_t size_of(struct kit *k)
{
	struct stat st;

	assert_int_equal(stat(kit_path(k, "journal.jsonl"), &st), 0);
	return st.st_size;
}

static void test_a_whole_journal_is_told_with_its_head(void **state)
{
	struct kit *k = *state;
	cut_auto(cut_buf) struct cut_buf text = {0};
	cut_auto(cut_json) json_t *json = NULL;
	struct cut_journal_scan scan;

	write_journal(k);
	scan = audit(k, &text, &json);
	assert_true(cut_json_bool(json, "ok", false));
	assert_true(json_is_null(cut_json_at(json, "/fault")));
	assert_true(json_is_null(cut_json_at(json, "/bad")));
	assert_int_equal(cut_json_int(json, "records", 0), 6);
	assert_string_equal(cut_json_str(json, "head", ""), scan.head);
	assert_non_null(strstr(cut_buf_str(&text), "6 records in 1 file, epoch 2"));
}

static void test_a_torn_tail_is_named_and_left_as_it_is(void **state)
{
	struct kit *k = *state;
	cut_auto(cut_buf) struct cut_buf text = {0};
	cut_auto(cut_json) json_t *json = NULL;
	off_t size;

	write_journal(k);
	size = size_of(k) - 5;
	assert_int_equal(truncate(k->path, size), 0);
	audit(k, &text, &json);
	assert_false(cut_json_bool(json, "ok", true));
	assert_string_equal(cut_json_str(json, "fault", ""), "torn");
	assert_int_equal(json_integer_value(cut_json_at(json, "/bad/seq")), 6);
	assert_string_equal(json_string_value(cut_json_at(json, "/bad/file")), "journal.jsonl");
	assert_memory_equal(cut_buf_str(&text), "torn tail at record 6, journal.jsonl offset ", 44);
	assert_int_equal(size_of(k), size);
}

static void test_a_changed_record_is_named_with_its_place(void **state)
{
	struct kit *k = *state;
	cut_auto(cut_buf) struct cut_buf text = {0};
	cut_auto(cut_json) json_t *json = NULL;
	off_t line;
	int fd;

	write_journal(k);
	line = size_of(k) / 6; /* all are of one length */
	fd = open(kit_path(k, "journal.jsonl"), O_WRONLY);
	assert_int_equal(pwrite(fd, "9", 1, 2 * line + 103 + 20), 1);
	close(fd);
	audit(k, &text, &json);
	assert_string_equal(cut_json_str(json, "fault", ""), "corrupt");
	assert_int_equal(json_integer_value(cut_json_at(json, "/bad/seq")), 3);
	assert_int_equal(json_integer_value(cut_json_at(json, "/bad/offset")), 2 * line);
	assert_string_equal(json_string_value(cut_json_at(json, "/bad/why")), "checksum");
	assert_memory_equal(cut_buf_str(&text), "CORRUPT at record 3, journal.jsonl offset ", 42);
	for (const char *at = cut_buf_str(&text); at; at = strchr(at, '\n')) /* 80 columns */
		assert_true(strcspn(++at, "\n") <= 80);
}

static void test_a_run_without_a_journal_is_an_error_not_a_finding(void **state)
{
	struct kit *k = *state;
	struct cut_audit_options options = {k->dir, "a-run", &nobody, true};
	struct cut_audit found;
	cut_auto(cut_err) struct cut_err err = {0};

	assert_int_equal(cut_journal_audit(&options, &found, &err), -ENOENT);
	assert_non_null(err.what);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(test_a_whole_journal_is_told_with_its_head),
		KIT_TEST(test_a_torn_tail_is_named_and_left_as_it_is),
		KIT_TEST(test_a_changed_record_is_named_with_its_place),
		KIT_TEST(test_a_run_without_a_journal_is_an_error_not_a_finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
