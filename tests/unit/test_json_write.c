/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical JSON and the writer. */
#include "engine/base/json.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_canonical_text_is_sorted_compact_and_shortest(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"{ \"b\" : 1, \"a\" : [ 1 , 2 ], \"aa\" : {} }",
		 "{\"a\":[1,2],\"aa\":{},\"b\":1}"},
		{"[true,false,null]", "[true,false,null]"},
		{"[0,-1,9223372036854775807,-9223372036854775808]",
		 "[0,-1,9223372036854775807,-9223372036854775808]"},
		{"[0.1,0.30000000000000004,1.0,-0.0,2.5e-7]",
		 "[0.1,0.30000000000000004,1.0,-0.0,2.5e-07]"},
		{"[1e20,123456789012345678e0,1e15,5e-324]",
		 "[1e+20,1.2345678901234568e+17,1e+15,4.94065645841247e-324]"},
		{"[\"\\u00e9\\u20ac\\ud83d\\ude00\"]", "[\"é€😀\"]"},
		{"[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"]",
		 "[\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"]"},
		{"\"\"", "\"\""},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_json) json_t *j = json_loads(rows[i].text, JSON_DECODE_ANY, NULL);
		cut_auto(cut_buf) struct cut_buf out = {0};

		assert_non_null(j);
		cut_json_canonical(j, &out);
		assert_string_equal(cut_buf_str(&out), rows[i].want);
	}
}

static void test_reals_read_back_exactly(void **state)
{
	uint64_t bits = 0x9e3779b97f4a7c15;
	double v;

	for (int i = 0; i < 100000; i++) {
		cut_auto(cut_buf) struct cut_buf out = {0};
		struct cut_jw w = {.out = &out};

		bits = bits * 6364136223846793005u + 1442695040888963407u;
		memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v))
			continue;
		cut_jw_real(&w, NULL, v);
		assert_true(strtod(out.data, NULL) == v);
		assert_non_null(strpbrk(out.data, ".e"));
	}
}

static void test_reals_have_the_fewest_digits(void **state)
{
	static const double scales[] = {1, 10, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};

	for (size_t i = 0; i < CUT_ARRAY_LEN(scales); i++) {
		for (int64_t n = -20000000; n <= 20000000; n += 977) {
			cut_auto(cut_buf) struct cut_buf out = {0};
			struct cut_jw w = {.out = &out};
			char want[40];

			cut_jw_real(&w, NULL, (double)n / scales[i]);
			snprintf(want, sizeof(want), "%.15g", (double)n / scales[i]);
			if (!strpbrk(want, ".e"))
				strcat(want, ".0");
			assert_string_equal(out.data, want);
		}
	}
}

static void test_numbers_do_not_follow_the_locale(void **state)
{
	struct cut_buf out = {0};
	struct cut_jw w = {.out = &out};

	/* Made for this test, found by LOCPATH. */
	assert_non_null(setlocale(LC_ALL, "de_DE.UTF-8"));
	assert_string_equal(localeconv()->decimal_point, ",");
	cut_jw_open(&w, NULL, '[');
	cut_jw_real(&w, NULL, 2.5);
	cut_jw_real(&w, NULL, 1.0 / 3);
	cut_jw_close(&w);
	setlocale(LC_ALL, "C");
	assert_string_equal(out.data, "[2.5,0.3333333333333333]");
	cut_buf_done(&out);
}

static void test_the_writer_places_commas_and_brackets(void **state)
{
	cut_auto(cut_json) json_t *value = json_pack("{s:i, s:i}", "z", 1, "a", 2);
	cut_auto(cut_buf) struct cut_buf out = {0};
	struct cut_jw w = {.out = &out};

	cut_jw_open(&w, NULL, '{');
	cut_jw_str(&w, "s", "a\"b");
	cut_jw_str(&w, "none", NULL);
	cut_jw_open(&w, "list", '[');
	cut_jw_int(&w, NULL, INT64_MIN);
	cut_jw_open(&w, NULL, '{');
	cut_jw_close(&w);
	cut_jw_open(&w, NULL, '[');
	cut_jw_bool(&w, NULL, true);
	cut_jw_close(&w);
	cut_jw_real(&w, NULL, 0.5);
	cut_jw_close(&w);
	cut_jw_real(&w, "nan", (double)NAN);
	cut_jw_seconds(&w, "d", 1500);
	cut_jw_seconds(&w, "whole", 2000);
	cut_jw_seconds(&w, "never", CUT_NEVER);
	cut_jw_rfc3339(&w, "at", 0);
	cut_jw_rfc3339(&w, "not", CUT_NEVER);
	cut_jw_json(&w, "j", value);
	cut_jw_json(&w, "k", NULL);
	cut_jw_bool(&w, "no", false);
	cut_jw_close(&w);
	assert_string_equal(
		out.data,
		"{\"s\":\"a\\\"b\",\"none\":null,\"list\":[-9223372036854775808,{},[true],0.5],"
		"\"nan\":null,\"d\":1.5,\"whole\":2,\"never\":null,\"at\":\"1970-01-01T00:00:00."
		"000Z\","
		"\"not\":null,\"j\":{\"a\":2,\"z\":1},\"k\":null,\"no\":false}");
}

static void test_a_writer_may_write_one_document_after_another(void **state)
{
	cut_auto(cut_buf) struct cut_buf out = {0};
	struct cut_jw w = {.out = &out};

	for (int i = 0; i < 2; i++) {
		cut_jw_open(&w, NULL, '{');
		cut_jw_int(&w, "a", i);
		cut_jw_close(&w);
	}
	assert_string_equal(out.data, "{\"a\":0}{\"a\":1}");
}

static void test_stray_bytes_become_a_replacement_character(void **state)
{
	static const char *const rows[][2] = {
		{"a\xff"
		 "b",
		 "\"a\xef\xbf\xbd"
		 "b\""},
		{"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xc3\xa9\xc3", "\"\xc3\xa9\xef\xbf\xbd\""},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_buf) struct cut_buf out = {0};
		struct cut_jw w = {.out = &out};
		cut_auto(cut_json) json_t *back = NULL;

		cut_jw_str(&w, NULL, rows[i][0]);
		assert_string_equal(out.data, rows[i][1]);
		assert_int_equal(cut_json_parse(out.data, out.len, "it", &back, NULL), 0);
	}
}

static void test_what_is_written_reads_back_through_every_level(void **state)
{
	cut_auto(cut_buf) struct cut_buf out = {0};
	struct cut_jw w = {.out = &out};

	for (int i = 0; i < 63; i++) {
		cut_jw_open(&w, NULL, '[');
		cut_jw_int(&w, NULL, i);
	}
	for (int i = 0; i < 63; i++)
		cut_jw_close(&w);
	assert_int_equal(w.depth, 0);
	json_decref(json_loads(out.data, 0, NULL));
	assert_non_null(strstr(out.data, "[61,[62]]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical_text_is_sorted_compact_and_shortest),
		cmocka_unit_test(test_reals_read_back_exactly),
		cmocka_unit_test(test_reals_have_the_fewest_digits),
		cmocka_unit_test(test_numbers_do_not_follow_the_locale),
		cmocka_unit_test(test_the_writer_places_commas_and_brackets),
		cmocka_unit_test(test_a_writer_may_write_one_document_after_another),
		cmocka_unit_test(test_stray_bytes_become_a_replacement_character),
		cmocka_unit_test(test_what_is_written_reads_back_through_every_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
