/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runbook/yaml_read.h"
#include "tests/unit/load_kit.h"

static struct cut_doc *read_doc(const char *text, size_t len, bool large, struct cut_faults *faults,
				int *ret)
{
	struct cut_doc *doc = cut_doc_new("t.yaml");

	*ret = cut_yaml_read(doc, text, len, large, faults);
	return doc;
}

static void test_scalars_keep_their_text_and_place(void **state)
{
	static const char text[] = "a: on\nb: 'no'\nc:\n  - 1e3\n  - 22:00\n";
	struct cut_faults faults = {0};
	int r;
	cut_auto(cut_doc) struct cut_doc *doc = read_doc(text, strlen(text), false, &faults, &r);
	uint32_t a = cut_doc_get(doc, 1, "a"), b = cut_doc_get(doc, 1, "b"),
		 c = cut_doc_get(doc, 1, "c");
	const struct cut_node *first = cut_doc_at(doc, cut_doc_at(doc, c)->child);

	assert_int_equal(r, 0);
	assert_string_equal(cut_doc_str(doc, a), "on");
	assert_false(cut_doc_at(doc, a)->quoted);
	assert_true(cut_doc_at(doc, b)->quoted);
	assert_int_equal(cut_doc_at(doc, b)->key_line, 2);
	assert_int_equal(cut_doc_at(doc, b)->column, 4);
	assert_int_equal(first->line, 4);
	assert_int_equal(first->column, 5);
	assert_string_equal(doc->texts[first->text], "1e3");
	assert_string_equal(cut_doc_str(doc, first->next), "22:00");
}

static void test_a_byte_order_mark_says_nothing(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
				   "a: 1\na: 2\n";
	struct cut_faults faults = {0};
	int r;
	cut_auto(cut_doc) struct cut_doc *doc = read_doc(text, strlen(text), false, &faults, &r);

	assert_int_equal(r, 0);
	assert_int_equal(cut_doc_at(doc, cut_doc_get(doc, 1, "a"))->column, 4);
	assert_int_equal(faults.len, 1);
	assert_int_equal(faults.items[0].mark.line, 2);
	cut_faults_done(&faults);
}

/* Duplicates are found by hash: a map of 200,000 keys is no matter. */
static void test_many_keys_are_compared_in_no_time(void **state)
{
	struct cut_faults faults = {0};
	struct cut_buf text = {0};
	int r;

	for (int i = 0; i < 200000; i++)
		cut_buf_printf(&text, "key%d: 1\n", i);
	cut_buf_add_str(&text, "key7: 2\n");
	cut_auto(cut_doc) struct cut_doc *doc = read_doc(text.data, text.len, false, &faults, &r);

	assert_int_equal(r, 0);
	assert_int_equal(faults.len, 1);
	assert_string_equal(faults.items[0].what, "key 'key7' was given already on line 8");
	assert_int_equal(faults.items[0].mark.line, 200001);
	assert_int_equal(cut_doc_count(doc, 1), 200000);
	cut_faults_done(&faults);
	cut_buf_done(&text);
}

static void test_a_long_key_is_compared_too(void **state)
{
	struct cut_faults faults = {0};
	cut_auto(cut_str) char *text = cut_printf("%0100d: a\n%0100d: b\n", 7, 7);
	int r;
	cut_auto(cut_doc) struct cut_doc *doc = read_doc(text, strlen(text), false, &faults, &r);

	assert_non_null(doc);
	assert_int_equal(faults.len, 1);
	cut_faults_done(&faults);
}

static void test_the_same_key_in_another_map_is_another_key(void **state)
{
	static const char text[] = "a: {x: 1, b: {x: 2, a: 3}}\nb: [{x: 1}, {x: 1}]\n";
	struct cut_faults faults = {0};
	int r;
	cut_auto(cut_doc) struct cut_doc *doc = read_doc(text, strlen(text), false, &faults, &r);

	assert_non_null(doc);
	assert_int_equal(faults.len, 0);
}

static void test_sizes_are_limited_and_large_ones_asked_for(void **state)
{
	size_t len = (4u << 20) + 1;
	char *text = cut_malloc(len + 1);

	memset(text, ' ', len);
	memcpy(text, "a: 1\n#", 6);
	for (int large = 0; large < 2; large++) {
		struct cut_faults faults = {0};
		int r;
		cut_auto(cut_doc) struct cut_doc *doc = read_doc(text, len, large, &faults, &r);

		assert_non_null(doc);
		assert_int_equal(r, large ? 0 : -22);
		assert_int_equal(faults.len, large ? 0 : 1);
		if (!large)
			assert_string_equal(faults.items[0].hint,
					    "for a generated runbook add --large (up to 64 MiB)");
		cut_faults_done(&faults);
	}
	free(text);
}

static void test_sixty_four_levels_are_read_and_one_more_is_not(void **state)
{
	for (int depth = 64; depth <= 65; depth++) {
		struct cut_buf text = {0};
		struct cut_faults faults = {0};
		int r;

		for (int i = 0; i < depth; i++)
			cut_buf_add_char(&text, '[');
		for (int i = 0; i < depth; i++)
			cut_buf_add_char(&text, ']');
		cut_auto(cut_doc) struct cut_doc *doc =
			read_doc(text.data, text.len, false, &faults, &r);

		assert_non_null(doc);
		assert_int_equal(r, depth == 64 ? 0 : -22);
		cut_faults_done(&faults);
		cut_buf_done(&text);
	}
}

/* Any bytes at all end in a document or in a fault, never in a crash. */
static void test_broken_bytes_are_told_and_survived(void **state)
{
	static const char good[] =
		"cutover: v1\nname: t\nsteps:\n- {id: a, run: [x, \"y\"], rollback: not_needed}\n";
	unsigned seed = 7;

	for (int round = 0; round < 3000; round++) {
		char text[sizeof(good)];
		struct loaded l;

		memcpy(text, good, sizeof(good));
		for (int i = 0; i < 3; i++) {
			seed = seed * 1103515245 + 12345;
			text[(seed >> 8) % (sizeof(good) - 1)] = (char)(1 + (seed >> 16) % 255);
		}
		l = load_with(text, NULL);
		assert_true(l.rb || l.faults.errors > 0);
		loaded_done(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars_keep_their_text_and_place),
		cmocka_unit_test(test_a_byte_order_mark_says_nothing),
		cmocka_unit_test(test_many_keys_are_compared_in_no_time),
		cmocka_unit_test(test_a_long_key_is_compared_too),
		cmocka_unit_test(test_the_same_key_in_another_map_is_another_key),
		cmocka_unit_test(test_sizes_are_limited_and_large_ones_asked_for),
		cmocka_unit_test(test_sixty_four_levels_are_read_and_one_more_is_not),
		cmocka_unit_test(test_broken_bytes_are_told_and_survived),
	};

	return cmocka_run_group_tests(tests, load_catalog, free_catalog);
}
