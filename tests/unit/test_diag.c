/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/load_kit.h"

static struct cut_faults faults_of(const char *source)
{
	return (struct cut_faults){.source = cut_strdup(source), .source_len = strlen(source)};
}

static void expect_print(struct cut_faults *faults, bool color, const char *text)
{
	struct cut_buf out = {0};

	cut_faults_print(faults, color, &out);
	assert_string_equal(cut_buf_str(&out), text);
	cut_buf_done(&out);
	cut_faults_done(faults);
}

static void test_a_fault_shows_its_line_and_a_caret(void **state)
{
	struct cut_faults f = faults_of("one\ntwo: x\r\nthree");

	cut_faults_add(&f, "f.yaml", (struct cut_mark){2, 6}, CUT_SEV_ERROR, "try y", "'%s' is bad",
		       "x");
	expect_print(&f, false, "f.yaml:2:6: error: 'x' is bad; try y\n    two: x\n         ^\n");
}

static void test_a_warning_without_a_place_is_one_line(void **state)
{
	struct cut_faults f = {0};

	cut_faults_add(&f, "f.yaml", (struct cut_mark){0}, CUT_SEV_WARNING, NULL, "hm");
	assert_int_equal(f.errors, 0);
	expect_print(&f, false, "f.yaml: warning: hm\n");
}

static void test_a_long_line_is_cut_to_eighty_columns(void **state)
{
	cut_auto(cut_str) char *line = cut_printf("%0200d", 5);
	struct cut_faults f = faults_of(line);
	struct cut_buf out = {0};

	cut_faults_add(&f, "f", (struct cut_mark){1, 150}, CUT_SEV_ERROR, NULL, "x");
	cut_faults_print(&f, false, &out);
	for (const char *at = cut_buf_str(&out); at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
		assert_true(strcspn(at, "\n") <= 82); /* the mark of the cut is three bytes wide */
	assert_non_null(strstr(cut_buf_str(&out), "\n  … 0000"));
	cut_buf_done(&out);
	cut_faults_done(&f);
}

static void test_carets_count_characters_not_bytes(void **state)
{
	struct cut_faults f = faults_of("é: ü\n");

	cut_faults_add(&f, "f", (struct cut_mark){1, 4}, CUT_SEV_ERROR, NULL, "x");
	expect_print(&f, false, "f:1:4: error: x\n    é: ü\n       ^\n");
}

static void test_what_a_terminal_would_obey_is_not_shown(void **state)
{
	struct cut_faults f = faults_of("a\x1b[31m\tb\xff\n");

	cut_faults_add(&f, "f", (struct cut_mark){1, 1}, CUT_SEV_ERROR, NULL, "x");
	expect_print(&f, false, "f:1:1: error: x\n    a?[31m b?\n    ^\n");
}

static void test_colours_are_put_on_request(void **state)
{
	struct cut_faults f = faults_of("a\n");

	cut_faults_add(&f, "f", (struct cut_mark){1, 1}, CUT_SEV_ERROR, NULL, "x");
	expect_print(&f, true,
		     "\x1b[1mf:1:1: \x1b[31merror:\x1b[0m x\n    a\n    \x1b[1;32m^\x1b[0m\n");
}

static void test_faults_as_json(void **state)
{
	struct cut_faults f = {0};
	cut_auto(cut_json) json_t *list = NULL;
	cut_auto(cut_str) char *text = NULL;

	cut_faults_add(&f, "f", (struct cut_mark){3, 4}, CUT_SEV_ERROR, "h", "x");
	cut_faults_add(&f, "f", (struct cut_mark){0}, CUT_SEV_WARNING, NULL, "y");
	list = cut_faults_json(&f);
	text = json_dumps(list, JSON_COMPACT);
	assert_string_equal(text, "[{\"file\":\"f\",\"line\":3,\"column\":4,\"severity\":\"error\","
				  "\"what\":\"x\",\"hint\":\"h\"},"
				  "{\"file\":\"f\",\"line\":null,\"column\":null,\"severity\":"
				  "\"warning\",\"what\":\"y\",\"hint\":null}]");
	cut_faults_done(&f);
}

static void test_more_than_a_thousand_faults_are_counted(void **state)
{
	struct cut_faults f = {0};
	struct cut_buf out = {0};

	for (int i = 0; i < CUT_FAULTS_MAX + 5; i++)
		cut_faults_add(&f, "f", (struct cut_mark){0}, CUT_SEV_ERROR, NULL, "x");
	assert_int_equal(f.len, CUT_FAULTS_MAX);
	assert_int_equal(f.errors, CUT_FAULTS_MAX + 5);
	cut_faults_print(&f, false, &out);
	assert_non_null(strstr(cut_buf_str(&out), "5 more faults are not shown"));
	cut_buf_done(&out);
	cut_faults_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_fault_shows_its_line_and_a_caret),
		cmocka_unit_test(test_a_warning_without_a_place_is_one_line),
		cmocka_unit_test(test_a_long_line_is_cut_to_eighty_columns),
		cmocka_unit_test(test_carets_count_characters_not_bytes),
		cmocka_unit_test(test_what_a_terminal_would_obey_is_not_shown),
		cmocka_unit_test(test_colours_are_put_on_request),
		cmocka_unit_test(test_faults_as_json),
		cmocka_unit_test(test_more_than_a_thousand_faults_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
