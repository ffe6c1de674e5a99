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

/* What is said of a finding: the text, and what a report keeps of it. */
static void test_each_finding_has_its_words(void **state)
{
	static const struct {
		struct cut_audit audit;
		const char *text, *verdict;
	} cases[] = {
		{{.scan = {.records = 1, .files = 1, .epoch = 1}},
		 "journal is whole: 1 record in 1 file, epoch 1\nnot sealed yet",
		 "{\"at\":null,\"key\":null,\"seq\":null,\"state\":\"live\"}"},
		{{.scan = {.records = 9, .files = 2}, .seal = {.seq = 8, .key = "k", .at = "noon"}},
		 "journal is whole: 9 records in 2 files, epoch 0\n"
		 "being written, last checkpoint at record 8 by\n  k\n",
		 "{\"at\":\"noon\",\"key\":\"k\",\"seq\":8,\"state\":\"live\"}"},
		{{.scan = {.records = 9, .files = 1},
		  .seal = {.seq = 9, .final = true, .key = "k", .at = "noon"}},
		 "journal is whole: 9 records in 1 file, epoch 0\nsealed at record 9 by\n  k\n",
		 "{\"at\":\"noon\",\"key\":\"k\",\"seq\":9,\"state\":\"sealed\"}"},
		{{.scan = {.records = 1},
		  .fault = CUT_AUDIT_TORN,
		  .bad_seq = 2,
		  .bad_file = 1,
		  .bad_offset = 5,
		  .bad_why = "format"},
		 "torn tail at record 2, journal.jsonl offset 5:\n  it is not a whole record\n"
		 "1 record before it is good, up to head\n",
		 "{\"at\":null,\"key\":null,\"seq\":null,\"state\":\"torn\"}"},
		{{.scan = {.records = 4},
		  .fault = CUT_AUDIT_CORRUPT,
		  .bad_seq = 5,
		  .bad_file = 2,
		  .bad_why = "a word of a later version"},
		 "CORRUPT at record 5, journal.2.jsonl offset 0:\n  a word of a later version\n"
		 "4 records before it are good, up to head\n",
		 "{\"at\":null,\"key\":null,\"seq\":null,\"state\":\"corrupt\"}"},
		{{.fault = CUT_AUDIT_FORGED,
		  .bad_seq = 5,
		  .bad_file = 1,
		  .bad_why = "seal",
		  .seal = {.seq = 4, .key = "k", .at = "noon"}},
		 "FORGED, found at record 5, journal.jsonl offset 0:\n"
		 "  the signature is not of the records that stand before it\n"
		 "good up to the seal at record 4; the bad one names the key\n  k\n",
		 "{\"at\":\"noon\",\"key\":\"k\",\"seq\":4,\"state\":\"forged\"}"},
		{{.fault = CUT_AUDIT_UNTRUSTED, .bad_seq = 5, .bad_file = 1, .bad_why = "key"},
		 "UNTRUSTED at record 5, journal.jsonl offset 0:\n"
		 "  it is sealed with a key that nobody here vouches for\n",
		 "{\"at\":null,\"key\":null,\"seq\":null,\"state\":\"untrusted\"}"},
		{{.fault = CUT_AUDIT_UNSEALED, .bad_seq = 5, .bad_file = 1, .bad_why = "unsealed"},
		 "UNSEALED, ends before record 5, journal.jsonl offset 0:\n",
		 "{\"at\":null,\"key\":null,\"seq\":null,\"state\":\"unsealed\"}"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		cut_auto(cut_buf) struct cut_buf text = {0}, kept = {0};
		cut_auto(cut_json) json_t *verdict = cut_audit_verdict(&cases[i].audit);
		cut_auto(cut_json) json_t *json = cut_audit_json(&cases[i].audit);

		cut_audit_text(&cases[i].audit, &text);
		if (strncmp(cut_buf_str(&text), cases[i].text, strlen(cases[i].text)) != 0)
			fail_msg("want %s, got %s", cases[i].text, cut_buf_str(&text));
		cut_json_canonical(verdict, &kept);
		assert_string_equal(cut_buf_str(&kept), cases[i].verdict);
		assert_int_equal(cut_json_bool(json, "ok", false), !cases[i].audit.fault);
		assert_int_equal(json_is_object(json_object_get(json, "seal")),
				 cases[i].audit.seal.seq > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(test_a_whole_journal_is_told_with_its_head),
		KIT_TEST(test_a_torn_tail_is_named_and_left_as_it_is),
		KIT_TEST(test_a_changed_record_is_named_with_its_place),
		cmocka_unit_test(test_each_finding_has_its_words),
		KIT_TEST(test_a_run_without_a_journal_is_an_error_not_a_finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
