/* SPDX-License-Identifier: Apache-2.0 */
/* Strict JSON, typed getters, pointers, and seconds. */
#include "engine/base/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_only_strict_json_is_read(void **state)
{
	static const struct {
		const char *text;
		int r;
	} rows[] = {
		{"{}", 0},
		{" [1, 2.5, \"x\", null, true] ", 0},
		{"\"alone\"", 0},
		{"7", 0},
		{"{\"a\": \"[[[[{{{{\\\"\"}", 0},
		{"", -EINVAL},
		{"{\"a\":1,\"a\":1}", -EINVAL},
		{"{} x", -EINVAL},
		{"{}{}", -EINVAL},
		{"[1,]", -EINVAL},
		{"{'a':1}", -EINVAL},
		{"[01]", -EINVAL},
		{"[NaN]", -EINVAL},
		{"[1e999]", -EINVAL},
		{"[9223372036854775808]", -EINVAL},
		{"[\"\xff\"]", -EINVAL},
		{"[\"\xed\xa0\x80\"]", -EINVAL},
		{"[\"\\u0000\"]", -EINVAL},
		{"[\"\\ud800\"]", -EINVAL},
		{"[\"a\nb\"]", -EINVAL},
		{"[1 /* no */]", -EINVAL},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_err) struct cut_err err = {0};
		cut_auto(cut_json) json_t *j = NULL;

		if (cut_json_parse(rows[i].text, strlen(rows[i].text), "the reply", &j, &err) !=
		    rows[i].r)
			fail_msg("%s", rows[i].text);
		assert_int_equal(j == NULL, rows[i].r < 0);
		if (rows[i].r < 0)
			assert_string_equal(err.what, "cannot read the reply as JSON");
	}
}

static void test_depth_ends_at_64(void **state)
{
	for (size_t depth = 63; depth <= 66; depth++) {
		cut_auto(cut_err) struct cut_err err = {0};
		cut_auto(cut_json) json_t *j = NULL;
		char text[200];
		int want = depth <= 64 ? 0 : -EINVAL;

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		assert_int_equal(cut_json_parse(text, 2 * depth, "x", &j, &err), want);
		if (want)
			assert_string_equal(err.why, "nested deeper than 64 levels");
	}
}

static void test_getters_fall_back_on_absence_and_other_types(void **state)
{
	cut_auto(cut_json) json_t *j =
		json_pack("{s:s, s:i, s:f, s:b, s:n}", "s", "text", "i", 7, "r", 2.5, "b", 1, "n");

	assert_string_equal(cut_json_str(j, "s", "no"), "text");
	assert_string_equal(cut_json_str(j, "i", "no"), "no");
	assert_string_equal(cut_json_str(j, "n", "no"), "no");
	assert_string_equal(cut_json_str(NULL, "s", "no"), "no");
	assert_int_equal(cut_json_int(j, "i", -1), 7);
	assert_int_equal(cut_json_int(j, "r", -1), -1);
	assert_int_equal(cut_json_int(j, "absent", -1), -1);
	assert_true(cut_json_real(j, "r", -1) == 2.5);
	assert_true(cut_json_real(j, "i", -1) == 7.0);
	assert_true(cut_json_real(j, "s", -1) == -1.0);
	assert_true(cut_json_bool(j, "b", false));
	assert_false(cut_json_bool(j, "i", false));
	assert_true(cut_json_bool(j, "absent", true));
}

static void test_pointers_follow_rfc_6901(void **state)
{
	static const struct {
		const char *pointer, *want;
	} rows[] = {
		{"/foo/0", "\"bar\""}, {"/foo/1", "\"baz\""}, {"/", "0"},
		{"/a~1b", "1"},	       {"/m~0n", "8"},	      {"/c%d", "2"},
		{"/k\"l", "6"},	       {"/ ", "7"},	      {"/foo/2", NULL},
		{"/foo/-", NULL},      {"/foo/00", NULL},     {"/foo/", NULL},
		{"/foo/+1", NULL},     {"/foo/1/x", NULL},    {"foo", NULL},
		{"/m~2n", NULL},       {"/m~", NULL},	      {"/foo/99999999999999999999", NULL},
	};
	cut_auto(cut_json) json_t *j = json_loads("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/"
						  "b\":1,\"c%d\":2,\"k\\\"l\":6,\" \":7,\"m~n\":8}",
						  0, NULL);

	assert_ptr_equal(cut_json_at(j, ""), j);
	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		const json_t *at = cut_json_at(j, rows[i].pointer);
		char *text;

		assert_int_equal(at != NULL, rows[i].want != NULL);
		if (!at)
			continue;
		text = json_dumps(at, JSON_ENCODE_ANY);
		assert_string_equal(text, rows[i].want);
		free(text);
	}
}

static void test_text_keeps_the_order_and_the_fewest_digits(void **state)
{
	static const char source[] = "{\"b\":[0.1,100.0,1e300,-0.034,[]],\"a\":{\"x\":null,\"t\":"
				     "\"\u00fc\\n\"},\"c\":{}}";
	cut_auto(cut_json) json_t *j = json_loads(source, 0, NULL), *back = NULL;
	cut_auto(cut_str) char *compact = cut_json_text(j, 0);
	cut_auto(cut_str) char *sorted = cut_json_text(j, CUT_JSON_SORTED);
	cut_auto(cut_str) char *indented = cut_json_text(j, CUT_JSON_INDENTED);

	assert_string_equal(compact, "{\"b\":[0.1,100.0,1e+300,-0.034,[]],\"a\":{\"x\":null,\"t\":"
				     "\"\u00fc\\n\"},\"c\":{}}");
	assert_string_equal(sorted, "{\"a\":{\"t\":\"\u00fc\\n\",\"x\":null},\"b\":[0.1,100.0,1e+"
				    "300,-0.034,[]],\"c\":{}}");
	assert_string_equal(indented, "{\n  \"b\": [\n    0.1,\n    100.0,\n    1e+300,\n"
				      "    -0.034,\n    []\n  ],\n  \"a\": {\n    \"x\": null,\n"
				      "    \"t\": \"\u00fc\\n\"\n  },\n  \"c\": {}\n}");
	back = json_loads(indented, 0, NULL);
	assert_true(json_equal(j, back));
	assert_null(cut_json_text(NULL, 0));
}

static void test_durations_are_seconds_and_back(void **state)
{
	static const struct {
		cut_time ms;
		const char *text;
	} rows[] = {
		{0, "0"},	 {1000, "1"},	    {250, "0.25"},	     {1, "0.001"},
		{-1500, "-1.5"}, {5400000, "5400"}, {86400123, "86400.123"}, {CUT_NEVER, "null"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_json) json_t *j = cut_json_seconds(rows[i].ms);
		cut_auto(cut_buf) struct cut_buf text = {0};

		cut_json_canonical(j, &text);
		assert_string_equal(cut_buf_str(&text), rows[i].text);
		assert_int_equal(cut_json_ms(j, CUT_NEVER), rows[i].ms);
	}
	for (cut_time ms = -100000; ms < 100000; ms++) {
		cut_auto(cut_json) json_t *j = cut_json_seconds(ms);

		assert_int_equal(cut_json_ms(j, CUT_NEVER), ms);
	}
}

static void test_what_is_not_seconds_falls_back(void **state)
{
	cut_auto(cut_json) json_t *text = json_string("1"), *huge = json_real(1e300);

	assert_int_equal(cut_json_ms(NULL, 5), 5);
	assert_int_equal(cut_json_ms(text, 5), 5);
	assert_int_equal(cut_json_ms(huge, 5), 5);
}

static void test_times_are_rfc3339_or_null(void **state)
{
	cut_auto(cut_json) json_t *at = cut_json_rfc3339(1795309200000);
	cut_auto(cut_json) json_t *never = cut_json_rfc3339(CUT_NEVER);

	assert_string_equal(json_string_value(at), "2026-11-22T01:00:00.000Z");
	assert_true(json_is_null(never));
}

static void test_members_are_found_in_the_text_of_an_object(void **state)
{
	static const struct {
		const char *text, *members; /* key=value; in a row */
	} rows[] = {
		{"{}", ""},
		{"{\"a\":1}", "a=1;"},
		{"{\"a\":\"x\",\"b\":null,\"c\":-2.5e3}", "a=\"x\";b=null;c=-2.5e3;"},
		{"{\"a\":{\"b\":[1,{\"c\":\"}]\"}]},\"d\":[],\"e\":true}",
		 "a={\"b\":[1,{\"c\":\"}]\"}]};d=[];e=true;"},
		{"{\"a\":\"\\\"},\\\\\",\"b\":2}", "a=\"\\\"},\\\\\";b=2;"},
		{"{\"\":\"\"}", "=\"\";"},
		{"{\"a\":1,\"b\":[2", "a=1;"},
		{"{\"a\":\"x", ""},
		{"{\"a\":\"x\\", ""},
		{"{\"a\":", ""},
		{"{\"a\":,\"b\":1}", ""},
		{"{\"a\"", ""},
		{"{a:1}", ""},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		const char *at = rows[i].text + 1, *end = rows[i].text + strlen(rows[i].text);
		cut_auto(cut_buf) struct cut_buf found = {0};
		struct cut_json_member m;

		while (cut_json_member(&at, end, &m))
			cut_buf_printf(&found, "%.*s=%.*s;", (int)m.key_len, m.key, (int)m.len,
				       m.text);
		assert_string_equal(cut_buf_str(&found), rows[i].members);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_are_found_in_the_text_of_an_object),
		cmocka_unit_test(test_only_strict_json_is_read),
		cmocka_unit_test(test_depth_ends_at_64),
		cmocka_unit_test(test_getters_fall_back_on_absence_and_other_types),
		cmocka_unit_test(test_pointers_follow_rfc_6901),
		cmocka_unit_test(test_text_keeps_the_order_and_the_fewest_digits),
		cmocka_unit_test(test_durations_are_seconds_and_back),
		cmocka_unit_test(test_what_is_not_seconds_falls_back),
		cmocka_unit_test(test_times_are_rfc3339_or_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
